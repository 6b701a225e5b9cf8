//! What ingest writes: facts as they arrived, and the book-keeping beside them.

use super::{date, nullable, provenance, required, slot_columns};
use crate::{Column, DataKind, TableDef};
use DataKind::{Text, Time};

mod books;
mod events;
mod measurements;
mod network;
mod people;

pub use books::{ingest_ledger, quarantine, stale};
pub use events::{alarms, labels, local_events, tickets};
pub use measurements::{counter_sets, pm_counters, pm_histograms};
pub use network::{inventory, objects, topology_edges};
pub use people::{PEOPLE, feedback, suppressions};

/// All tables of this group.
pub fn all() -> Vec<TableDef> {
    vec![
        pm_counters(),
        counter_sets(),
        pm_histograms(),
        objects(),
        inventory(),
        topology_edges(),
        alarms(),
        tickets(),
        feedback(),
        suppressions(),
        local_events(),
        labels(),
        ingest_ledger(),
        quarantine(),
        stale(),
    ]
}

fn with_provenance(parts: [Vec<Column>; 2]) -> Vec<Column> {
    parts.into_iter().flatten().chain(provenance()).collect()
}

fn fact(id: &str, meaning: &str, facts: &str) -> Vec<Column> {
    let mut columns = vec![date()];
    columns.extend(slot_columns());
    columns.extend([
        required(id, Text, "", meaning),
        required("fact", Text, "", facts),
        required("at", Time, "", "when it happened"),
        nullable("entity_type", Text, "", "type of the entity, where known"),
        nullable("entity_id", Text, "", "the entity concerned"),
    ]);
    columns
}
