//! What an entity is part of: cell → sector → site → region, from the table `inventory`.

use std::collections::HashMap;

use arrow::array::{Array, RecordBatch};

use crate::bitemporal::{Fact, beliefs, drop_repeats};
use crate::columns::{Columns, micros};
use crate::error::Result;
use crate::{Known, Micros};

/// Kinds of groups, from the smallest: a group is complete before the next kind begins.
pub(crate) const GROUP_KINDS: [&str; 3] = ["sector", "site", "region"];

/// Parents of entities over time; an entity that the inventory lacks belongs to the id before its
/// last `/`.
#[derive(Debug, Default)]
pub struct Hierarchy {
    parents: HashMap<String, Vec<Fact<Option<String>>>>,
    kinds: HashMap<String, String>,
}

impl Hierarchy {
    /// Reads rows of `inventory`, all versions.
    pub fn new(batches: &[RecordBatch]) -> Result<Self> {
        let mut hierarchy = Self::default();
        for batch in batches {
            let columns = Columns(batch);
            let (ids, kinds) = (columns.text("entity_id")?, columns.text("entity_type")?);
            let parents = columns.text("parent_id")?;
            let (starts, ends) = (columns.times("valid_from")?, columns.times("valid_to")?);
            let known = columns.times("known_at")?;
            for row in 0..batch.num_rows() {
                let (Some(valid_from), Some(known_at)) =
                    (micros(&starts, row), micros(&known, row))
                else {
                    continue;
                };
                let id = ids.value(row).to_owned();
                hierarchy.kinds.insert(id.clone(), kinds.value(row).to_owned());
                hierarchy.parents.entry(id).or_default().push(Fact {
                    rank: 0,
                    valid_from,
                    valid_to: micros(&ends, row).unwrap_or(Micros::MAX),
                    known_at,
                    value: parents.is_valid(row).then(|| parents.value(row).to_owned()),
                });
            }
        }
        hierarchy.parents.values_mut().for_each(drop_repeats);
        Ok(hierarchy)
    }

    /// The groups that an entity of `kind` belonged to at `time`: (kind, id, while believed).
    pub(crate) fn parents(
        &self,
        kind: &str,
        id: &str,
        time: Micros,
    ) -> Vec<(usize, String, Known)> {
        let found = match self.parents.get(id) {
            Some(facts) => beliefs(facts, time),
            None => {
                let prefix = id.rsplit_once('/').map(|(prefix, _)| prefix.to_owned());
                vec![(prefix, Known::since(Micros::MIN))]
            }
        };
        found
            .into_iter()
            .filter_map(|(parent, known)| {
                let parent = parent?;
                let kind = match self.kinds.get(&parent) {
                    Some(known) => GROUP_KINDS.iter().position(|group| group == known)?,
                    None => usual_parent(kind)?,
                };
                Some((kind, parent, known))
            })
            .collect()
    }
}

/// The kind of group that usually holds an entity of `kind`.
fn usual_parent(kind: &str) -> Option<usize> {
    match kind {
        "cell" => Some(0),
        "sector" => Some(1),
        "site" => Some(2),
        _ => None,
    }
}
