//! `suppressions`: those that may hold at the cutoff.

use std::collections::BTreeMap;

use foresite_schema::catalog::raw;
use foresite_schema::suppressions::{LIFTED, LONGEST_DAYS, SET};
use foresite_stage::Result;
use foresite_tables::Read;

use super::{Reader, Rows};
use crate::clock::{DAY, Micros};
use crate::suppressions::Suppression;

impl Reader<'_> {
    /// Suppressions that were set and not lifted by the cutoff, whatever their time. One that nobody
    /// answers for, or that never ends, is none: ingest refuses it, and so does this.
    pub(super) fn suppressions(&mut self) -> Result<Vec<Suppression>> {
        let read = Read::all().period(self.cutoff - LONGEST_DAYS * DAY, self.cutoff + 1);
        let Some(batch) = self.resolved(raw::suppressions(), read)? else {
            return Ok(Vec::new());
        };
        parse(&Rows::of(&batch))
    }
}

fn parse(rows: &Rows<'_>) -> Result<Vec<Suppression>> {
    let [id, fact, entity] =
        [rows.text("suppression_id")?, rows.text("fact")?, rows.text("entity_id")?];
    let [task, driver] = [rows.text("task")?, rows.text("driver")?];
    let [owner, reason] = [rows.text("owner")?, rows.text("reason")?];
    let (at, start, end) = (rows.times("at")?, rows.times("start_at")?, rows.times("end_at")?);
    let mut lifted: BTreeMap<&str, Micros> = BTreeMap::new();
    for row in (0..rows.len()).filter(|row| fact.at(*row) == Some(LIFTED)) {
        lifted.insert(id.at(row).unwrap_or_default(), at.required(row));
    }
    let mut found = Vec::new();
    for row in (0..rows.len()).filter(|row| fact.at(*row) == Some(SET)) {
        let id = id.owned(row);
        // Who sets it again after it was lifted means it.
        let is_lifted = lifted.get(id.as_str()).is_some_and(|then| *then >= at.required(row));
        let answered = owner.filled(row).zip(reason.filled(row)).zip(end.at(row));
        let Some(((owner, reason), until)) = answered.filter(|_| !is_lifted) else { continue };
        found.push(Suppression {
            id,
            entity_id: entity.filled(row),
            task: task.filled(row),
            driver: driver.filled(row),
            owner,
            reason,
            from: start.at(row).unwrap_or_else(|| at.required(row)),
            until,
        });
    }
    Ok(found)
}
