//! Which measured object belongs to which entity: the table `objects`.

use std::collections::HashMap;

use arrow::array::RecordBatch;

use crate::Micros;
use crate::bitemporal::{Fact, belief};
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
    prefixes: Vec<(String, Fact<u32>)>,
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
            match names.value(row).strip_suffix('*') {
                Some(prefix) => {
                    element.prefixes.push((prefix.to_owned(), fact(prefix.len(), entity)));
                }
                None => {
                    let facts = element.exact.entry(names.value(row).to_owned()).or_default();
                    // An exact name outranks every prefix.
                    facts.push(fact(usize::MAX, entity));
                }
            }
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
        let prefixes = element
            .prefixes
            .iter()
            .filter(|(prefix, _)| ldn.starts_with(prefix.as_str()))
            .map(|(_, fact)| fact.clone());
        let exact = element.exact.get(ldn).into_iter().flatten().cloned();
        prefixes.chain(exact).collect()
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
                let prefixes = element.prefixes.iter().map(|(_, fact)| fact);
                let entity = prefixes
                    .chain(element.exact.values().flatten())
                    .filter(|fact| fact.known_at <= moment)
                    .find(|fact| fact.valid_from <= time && time < fact.valid_to)
                    .map(|fact| fact.value)?;
                let id = &self.entities.get(entity as usize)?.id;
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
