//! `incidents` of the last weeks: how long they lasted.

use std::collections::BTreeMap;

use foresite_schema::catalog::outcome;
use foresite_stage::Result;
use foresite_tables::Read;

use super::{Reader, Rows};
use crate::clock::Micros;
use crate::durations::{Lasted, REACH};
use crate::incidents::Change;

impl Reader<'_> {
    /// How long incidents lasted, by their newest rows before this cutoff; read only where a list
    /// holds alerts back.
    pub(super) fn lasted(&mut self) -> Result<Vec<Lasted>> {
        if self.config.lists.iter().all(|list| list.hold_back_hours == 0) {
            return Ok(Vec::new());
        }
        let read = Read::all().period(self.cutoff - REACH, self.cutoff).columns([
            "incident_id",
            "cutoff",
            "task",
            "entity_type",
            "first_seen_at",
            "state",
            "lineage_id",
        ]);
        let Some(batch) = self.resolved(outcome::incidents(), read)? else {
            return Ok(Vec::new());
        };
        newest(&Rows::of(&batch))
    }
}

fn newest(rows: &Rows<'_>) -> Result<Vec<Lasted>> {
    let [id, task, kind, state] = [
        rows.text("incident_id")?,
        rows.text("task")?,
        rows.text("entity_type")?,
        rows.text("state")?,
    ];
    let (cutoff, first) = (rows.times("cutoff")?, rows.times("first_seen_at")?);
    let mut newest: BTreeMap<&str, (Micros, usize)> = BTreeMap::new();
    // A check is no alert.
    for row in (0..rows.len()).filter(|row| state.at(*row) != Some(Change::Check.word())) {
        let at = cutoff.required(row);
        let seen = newest.entry(id.at(row).unwrap_or_default()).or_insert((at, row));
        if at > seen.0 {
            *seen = (at, row);
        }
    }
    let lasted = newest.into_values().map(|(at, row)| Lasted {
        task: task.owned(row),
        entity_type: kind.owned(row),
        lasted: at - first.at(row).unwrap_or(at),
        is_over: state.at(row) == Some(Change::Closed.word()),
    });
    Ok(lasted.collect())
}
