//! `suppressions`: those that may hold at the cutoff.

use std::collections::BTreeMap;

use foresite_schema::catalog::raw;
use foresite_schema::suppressions::{LIFTED, LONGEST, Row, SET, fault};
use foresite_stage::Result;
use foresite_tables::Read;

use super::columns::Text;
use super::{Reader, Rows};
use crate::clock::Micros;
use crate::suppressions::Suppression;

impl Reader<'_> {
    /// Suppressions that were set and not lifted by the cutoff, whatever their time. What ingest refuses
    /// is none here either, whoever wrote it.
    pub(super) fn suppressions(&mut self) -> Result<Vec<Suppression>> {
        let read = Read::all().period(self.cutoff - LONGEST, self.cutoff + 1);
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
    let counts = |row: usize| {
        fault(&Row {
            fact: fact.at(row).unwrap_or_default(),
            scope: [entity.at(row), task.at(row), driver.at(row)],
            owner: owner.at(row),
            reason: reason.at(row),
            at: at.required(row),
            start: start.at(row),
            end: end.at(row),
        })
        .is_none()
    };
    let of_fact = |word: &str| -> Vec<usize> {
        let own = (0..rows.len()).filter(|row| fact.at(*row) == Some(word) && counts(*row));
        own.collect()
    };
    let mut lifted: BTreeMap<&str, Micros> = BTreeMap::new();
    for row in of_fact(LIFTED) {
        lifted.insert(id.at(row).unwrap_or_default(), at.required(row));
    }
    let mut found = Vec::new();
    for row in of_fact(SET) {
        let id = id.owned(row);
        // Who sets it again after it was lifted means it.
        let is_lifted = lifted.get(id.as_str()).is_some_and(|then| *then >= at.required(row));
        let Some(until) = end.at(row).filter(|_| !is_lifted) else { continue };
        found.push(Suppression {
            id,
            entity_id: trimmed(&entity, row),
            task: trimmed(&task, row),
            driver: trimmed(&driver, row),
            owner: trimmed(&owner, row).unwrap_or_default(),
            reason: trimmed(&reason, row).unwrap_or_default(),
            from: start.at(row).unwrap_or_else(|| at.required(row)),
            until,
        });
    }
    Ok(found)
}

fn trimmed(column: &Text<'_>, row: usize) -> Option<String> {
    column.at(row).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}
