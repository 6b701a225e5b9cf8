//! Rows of `inventory` and `topology_edges` into a network.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int32Type};

use super::{EdgeKind, Network, State, Validity};
use crate::batch::{BatchError, Texts, Times, column};

/// The columns that say when a row holds.
struct Validities {
    from: Times,
    to: Times,
    known_at: Times,
}

impl Validities {
    fn of(batch: &RecordBatch) -> Result<Self, BatchError> {
        Ok(Self {
            from: Times::of(batch, "valid_from")?,
            to: Times::of(batch, "valid_to")?,
            known_at: Times::of(batch, "known_at")?,
        })
    }

    fn at(&self, row: usize) -> Option<Validity> {
        Some(Validity {
            from: self.from.at(row)?,
            known_at: self.known_at.at(row)?,
            to: self.to.at(row),
        })
    }
}

impl Network {
    /// The network from all versions of the rows of both tables.
    ///
    /// # Errors
    /// When a column is missing or has another type.
    pub fn read(inventory: &[RecordBatch], edges: &[RecordBatch]) -> Result<Self, BatchError> {
        let mut network = Self::default();
        for batch in inventory {
            network.add_states(batch)?;
        }
        for batch in edges {
            network.add_edges(batch)?;
        }
        network.settle();
        Ok(network)
    }

    fn add_states(&mut self, batch: &RecordBatch) -> Result<(), BatchError> {
        let validities = Validities::of(batch)?;
        let ids = Texts::of(batch, "entity_id")?;
        let types = Texts::of(batch, "entity_type")?;
        let parents = Texts::of(batch, "parent_id")?;
        let commissioned = Times::of(batch, "commissioned_at")?;
        let zones = Texts::of(batch, "time_zone")?;
        let calendars = Texts::of(batch, "holiday_calendar")?;
        let software = Texts::of(batch, "software")?;
        let blocks = column(batch, "prb_count", &DataType::Int32)?;
        let blocks = blocks.as_primitive::<Int32Type>();
        for row in 0..batch.num_rows() {
            let (Some(id), Some(validity)) = (ids.at(row), validities.at(row)) else {
                continue;
            };
            let state = State {
                validity,
                entity_type: types.owned(row).unwrap_or_default(),
                parent_id: parents.owned(row),
                commissioned_at: commissioned.at(row),
                time_zone: zones.owned(row),
                holiday_calendar: calendars.owned(row),
                prb_count: blocks.is_valid(row).then(|| blocks.value(row)),
                software: software.owned(row),
            };
            self.states.entry(id.to_owned()).or_default().push(state);
        }
        Ok(())
    }

    fn add_edges(&mut self, batch: &RecordBatch) -> Result<(), BatchError> {
        let validities = Validities::of(batch)?;
        let (a_ids, b_ids) = (Texts::of(batch, "a_id")?, Texts::of(batch, "b_id")?);
        let kinds = Texts::of(batch, "kind")?;
        for row in 0..batch.num_rows() {
            let kind = match kinds.at(row) {
                Some("backhaul") => EdgeKind::Backhaul,
                Some("power") => EdgeKind::Power,
                Some("neighbour") => EdgeKind::Neighbour,
                _ => continue,
            };
            let ends = a_ids.at(row).zip(b_ids.at(row)).zip(validities.at(row));
            if let Some(((a, b), validity)) = ends {
                for (from, to) in [(a, b), (b, a)] {
                    let edges = self.edges.entry(from.to_owned()).or_default();
                    edges.push((kind, to.to_owned(), validity));
                }
            }
        }
        Ok(())
    }

    /// Sorts, and drops rows that only repeat what was known: inventories come as daily snapshots.
    fn settle(&mut self) {
        for (id, states) in &mut self.states {
            states.sort_by_key(|state| state.validity);
            states.dedup_by(|later, earlier| {
                let unstamped = |state: &State| State {
                    validity: Validity { known_at: 0, ..state.validity },
                    ..state.clone()
                };
                unstamped(later) == unstamped(earlier)
            });
            for parent in states.iter().filter_map(|state| state.parent_id.as_ref()) {
                self.below.entry(parent.clone()).or_default().insert(id.clone());
            }
        }
        for edges in self.edges.values_mut() {
            edges.sort();
            edges.dedup_by(|later, earlier| {
                let key = |(kind, to, v): &(EdgeKind, String, Validity)| {
                    (*kind, to.clone(), v.from, v.to)
                };
                key(later) == key(earlier)
            });
        }
    }
}
