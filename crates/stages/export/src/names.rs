//! Distinguished names of entities.
//!
//! An entity that `objects` knows has the name of its managed object, as the vendor's files write it.
//! Any other one, such as a sector, gets a name of one component, `ForesiteEntity=<id>`, in which the
//! characters that have a meaning in a name are escaped as RFC 4514 says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use arrow::array::RecordBatch;
use foresite_kpi::{Columns, micros, object_dn};
use foresite_schema::catalog::raw;
use foresite_stage::Result;
use foresite_tables::{Micros, Read};

use crate::source::{Source, unfit};

/// The class of an entity that no managed object stands for.
const CLASS: &str = "ForesiteEntity";

/// Names by the id of the entity.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<String, String>);

/// Entity, name and start of validity; when that was known last, and the end of validity then.
type Believed = BTreeMap<(String, String, Micros), (Micros, Option<Micros>)>;

impl Names {
    /// The names of the wanted entities as they were valid at `at`. Of several objects of an entity
    /// the one with the shortest name is taken: the element itself, or the cell of the DU.
    pub(crate) fn read(
        source: &mut Source<'_>,
        wanted: &BTreeSet<&str>,
        at: Micros,
    ) -> Result<Self> {
        let mut believed = Believed::new();
        if !wanted.is_empty() {
            source.scan(raw::objects(), Read::all(), |batch| keep(batch, wanted, &mut believed))?;
        }
        let mut names = Self::default();
        for ((entity, name, start), (_, end)) in believed {
            if start <= at && end.is_none_or(|end| at < end) {
                names.offer(entity, name);
            }
        }
        Ok(names)
    }

    fn offer(&mut self, entity: String, name: String) {
        let order = |name: &str| (name.len(), name.to_owned());
        match self.0.get(&entity) {
            Some(have) if order(have) <= order(&name) => {}
            _ => {
                self.0.insert(entity, name);
            }
        }
    }

    /// The name of an entity.
    pub(crate) fn of(&self, entity_id: &str) -> String {
        let known = self.0.get(entity_id);
        known.cloned().unwrap_or_else(|| format!("{CLASS}={}", escaped(entity_id)))
    }
}

/// Keeps of the wanted entities' objects what was known last.
fn keep(batch: &RecordBatch, wanted: &BTreeSet<&str>, believed: &mut Believed) -> Result<()> {
    let columns = Columns(batch);
    let words = |name| columns.text(name).map_err(unfit);
    let (elements, objects) = (words("ne_dn")?, words("ldn")?);
    let ids = words("entity_id")?;
    let times = |name| columns.times(name).map_err(unfit);
    let (starts, ends, known) = (times("valid_from")?, times("valid_to")?, times("known_at")?);
    for row in 0..batch.num_rows() {
        // A pattern is no name.
        if objects.value(row).ends_with('*') || !wanted.contains(ids.value(row)) {
            continue;
        }
        let name = object_dn(elements.value(row), objects.value(row));
        let clock = |times| micros(times, row).unwrap_or(Micros::MIN);
        let fact = (clock(&known), micros(&ends, row));
        let have =
            believed.entry((ids.value(row).to_owned(), name, clock(&starts))).or_insert(fact);
        if fact.0 > have.0 {
            *have = fact;
        }
    }
    Ok(())
}

/// A value of a name, RFC 4514 section 2.4.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (at, character) in value.chars().enumerate() {
        match character {
            ',' | '=' | '+' | '<' | '>' | ';' | '"' | '\\' => text.extend(['\\', character]),
            '#' if at == 0 => text.push_str("\\#"),
            ' ' if at == 0 || at == last => text.push_str("\\ "),
            // Writing to a String cannot fail.
            control if control.is_ascii_control() => {
                let _ = write!(text, "\\{:02X}", u32::from(control));
            }
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_with_a_meaning_are_escaped() {
        let cases = [
            ("north/N001/1", "north/N001/1"),
            ("a,b=c+d", "a\\,b\\=c\\+d"),
            ("#1", "\\#1"),
            (" x ", "\\ x\\ "),
            ("q\"\\;<>", "q\\\"\\\\\\;\\<\\>"),
            ("line\nend\u{0}", "line\\0Aend\\00"),
            ("Zürich 区", "Zürich 区"),
        ];
        for (id, name) in cases {
            assert_eq!(escaped(id), name);
        }
    }

    #[test]
    fn the_shortest_name_is_taken_whatever_the_order() {
        let entity = || "c1".to_owned();
        let [short, long] = ["ME=1,NRCellDU=1", "ME=1,GNBCUCPFunction=1,NRCellCU=1"];
        for order in [[short, long], [long, short]] {
            let mut names = Names::default();
            order.iter().for_each(|name| names.offer(entity(), (*name).to_owned()));
            assert_eq!(names.of("c1"), short);
        }
        assert_eq!(Names::default().of("a,b"), "ForesiteEntity=a\\,b");
    }
}
