//! Which measured object belongs to which entity: the table `objects`.

use std::collections::HashMap;

use arrow::array::RecordBatch;

use crate::Micros;
use crate::bitemporal::{Fact, belief, drop_repeats};
use crate::columns::{Columns, micros};
use crate::error::Result;

/// A cell, sector, site, unit or link.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Entity {
    pub(crate) id: String,
    pub(crate) kind: String,
}

/// The objects of one managed element.
#[derive(Debug, Default)]
struct Element {
    /// Full local names.
    exact: HashMap<String, Vec<Fact<u32>>>,
    /// Names up to a trailing `*`.
    prefixes: HashMap<String, Vec<Fact<u32>>>,
}

/// Numbers given while reading.
#[derive(Default)]
struct Numbers {
    entities: HashMap<Entity, u32>,
    objects: HashMap<String, usize>,
}

/// The mapping from (element, object) to entities, with validity and knowledge.
#[derive(Debug, Default)]
pub struct ObjectMap {
    entities: Vec<Entity>,
    elements: HashMap<String, Element>,
    /// Per entity, when an object of it was to be measured; the rank tells objects apart.
    expected: Vec<Vec<Fact<u32>>>,
}

impl ObjectMap {
    /// Reads rows of `objects`, all versions.
    pub fn new(batches: &[RecordBatch]) -> Result<Self> {
        let mut map = Self::default();
        let mut numbers = Numbers::default();
        for batch in batches {
            map.read(batch, &mut numbers)?;
        }
        let named = map.elements.values_mut();
        let named = named.flat_map(|of| of.exact.values_mut().chain(of.prefixes.values_mut()));
        named.chain(&mut map.expected).for_each(drop_repeats);
        Ok(map)
    }

    fn read(&mut self, batch: &RecordBatch, numbers: &mut Numbers) -> Result<()> {
        let columns = Columns(batch);
        let (elements, names) = (columns.text("ne_dn")?, columns.text("ldn")?);
        let (kinds, ids) = (columns.text("entity_type")?, columns.text("entity_id")?);
        let (starts, ends) = (columns.times("valid_from")?, columns.times("valid_to")?);
        let known = columns.times("known_at")?;
        for row in 0..batch.num_rows() {
            let (Some(valid_from), Some(known_at)) = (micros(&starts, row), micros(&known, row))
            else {
                continue;
            };
            let entity =
                Entity { id: ids.value(row).to_owned(), kind: kinds.value(row).to_owned() };
            let entity = self.number(entity, &mut numbers.entities);
            let object = object_dn(elements.value(row), names.value(row));
            let next = numbers.objects.len();
            let object = *numbers.objects.entry(object).or_insert(next);
            let valid_to = micros(&ends, row).unwrap_or(Micros::MAX);
            let fact = |rank, value| Fact { rank, valid_from, valid_to, known_at, value };
            if let Some(expected) = self.expected.get_mut(entity as usize) {
                expected.push(fact(object, entity));
            }
            let element = self.elements.entry(elements.value(row).to_owned()).or_default();
            // An exact name outranks every prefix, a longer prefix a shorter one.
            let (of_kind, name, rank) = match names.value(row).strip_suffix('*') {
                Some(prefix) => (&mut element.prefixes, prefix, prefix.len()),
                None => (&mut element.exact, names.value(row), usize::MAX),
            };
            of_kind.entry(name.to_owned()).or_default().push(fact(rank, entity));
        }
        Ok(())
    }

    fn number(&mut self, entity: Entity, numbers: &mut HashMap<Entity, u32>) -> u32 {
        let next = u32::try_from(self.entities.len()).unwrap_or(u32::MAX);
        *numbers.entry(entity).or_insert_with_key(|entity| {
            self.entities.push(entity.clone());
            self.expected.push(Vec::new());
            next
        })
    }

    /// The statements that concern one object, best rank last.
    pub(crate) fn facts(&self, ne_dn: &str, ldn: &str) -> Vec<Fact<u32>> {
        let Some(element) = self.elements.get(ne_dn) else {
            return Vec::new();
        };
        let prefixes = element.prefixes.iter().filter(|(prefix, _)| ldn.starts_with(*prefix));
        let prefixes = prefixes.flat_map(|(_, facts)| facts);
        let exact = element.exact.get(ldn).into_iter().flatten();
        prefixes.chain(exact).cloned().collect()
    }

    pub(crate) fn entities(&self) -> &[Entity] {
        &self.entities
    }

    /// Whether, as known at `moment`, an object of the entity was to be measured at `time`.
    pub(crate) fn is_expected(&self, entity: usize, time: Micros, moment: Micros) -> bool {
        self.expected.get(entity).is_some_and(|facts| belief(facts, time, moment).is_some())
    }

    /// The objects of an element that are named in full and valid at `time`, as known at `moment`.
    pub fn objects_at(&self, ne_dn: &str, time: Micros, moment: Micros) -> Vec<&str> {
        let of_element = self.elements.get(ne_dn).map(|element| &element.exact);
        let mut found: Vec<_> = of_element
            .into_iter()
            .flatten()
            .filter(|(_, facts)| belief(facts, time, moment).is_some())
            .map(|(name, _)| name.as_str())
            .collect();
        found.sort_unstable();
        found
    }

    /// The managed elements that have an object valid at `time`, as known at `moment`, with the
    /// region (first part of the id) of one of their entities.
    pub fn elements_at(&self, time: Micros, moment: Micros) -> Vec<(&str, &str)> {
        let mut found: Vec<_> = self
            .elements
            .iter()
            .filter_map(|(name, element)| {
                let of_objects = element.exact.values().chain(element.prefixes.values());
                let entity = of_objects.filter_map(|facts| belief(facts, time, moment)).min()?;
                let id = &self.entities.get(*entity as usize)?.id;
                Some((name.as_str(), id.split('/').next().unwrap_or_default()))
            })
            .collect();
        found.sort_unstable();
        found
    }
}

/// The full name of an object: the element's, then its own where it has one.
pub fn object_dn(ne_dn: &str, ldn: &str) -> String {
    if ldn.is_empty() { ne_dn.to_owned() } else { format!("{ne_dn},{ldn}") }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, StringArray, TimestampMicrosecondArray};

    use super::*;

    /// Element, object, entity, valid from, valid to, known at.
    type Row = (&'static str, &'static str, &'static str, Micros, Option<Micros>, Micros);

    fn map(rows: &[Row]) -> ObjectMap {
        let text = |of: &dyn Fn(&Row) -> &'static str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
        };
        let time = |of: &dyn Fn(&Row) -> Option<Micros>| -> ArrayRef {
            let times: TimestampMicrosecondArray = rows.iter().map(of).collect();
            Arc::new(times.with_timezone("UTC"))
        };
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("ne_dn", text(&|row| row.0), false),
            ("ldn", text(&|row| row.1), false),
            ("entity_type", text(&|_| "cell"), false),
            ("entity_id", text(&|row| row.2), false),
            ("valid_from", time(&|row| Some(row.3)), false),
            ("valid_to", time(&|row| row.4), true),
            ("known_at", time(&|row| Some(row.5)), false),
        ]);
        ObjectMap::new(&[batch.unwrap()]).unwrap()
    }

    #[test]
    fn a_renamed_element_is_not_expected_under_its_old_name() {
        let map = map(&[
            ("A", "Cell=1", "north/N1", 0, None, 0),
            ("A", "Cell=1", "north/N1", 0, Some(50), 60),
            ("B", "Cell=1", "north/N1", 50, None, 60),
        ]);
        assert_eq!(map.elements_at(55, 59), [("A", "north")], "nobody knew yet");
        assert_eq!(map.elements_at(55, 60), [("B", "north")]);
        assert_eq!(map.elements_at(45, 60), [("A", "north")]);
        assert_eq!(map.objects_at("A", 55, 60), Vec::<&str>::new());
        assert!(map.is_expected(0, 55, 60));
    }

    #[test]
    fn an_exact_name_outranks_a_prefix() {
        let map = map(&[
            ("A", "Cell=1*", "north/N1/all", 0, None, 0),
            ("A", "Cell=10", "north/N1/ten", 0, None, 0),
        ]);
        let entity = |ldn| {
            let facts = map.facts("A", ldn);
            belief(&facts, 5, 5).map(|entity| map.entities()[*entity as usize].id.clone())
        };
        assert_eq!(entity("Cell=10").as_deref(), Some("north/N1/ten"));
        assert_eq!(entity("Cell=1,Relation=4").as_deref(), Some("north/N1/all"));
        assert_eq!(entity("Cell=2"), None);
    }
}
