//! `worklist` of the hours before: whom earlier lists named.

use std::collections::BTreeSet;

use foresite_schema::catalog::outcome;
use foresite_stage::Result;
use foresite_tables::Read;

use super::{Reader, Rows};
use crate::clock::{HOUR, Micros};
use crate::inputs::Placed;
use crate::teams::REACH;

impl Reader<'_> {
    /// Items of the lists that may belong to the shift of the cutoff.
    pub(super) fn placed(&mut self) -> Result<Vec<Placed>> {
        if self.config.teams.is_none() {
            return Ok(Vec::new());
        }
        let read = Read::all().period(self.cutoff - REACH, self.cutoff);
        let Some(batch) = self.resolved(outcome::worklist(), read)? else {
            return Ok(Vec::new());
        };
        let rows = Rows::of(&batch);
        // A table that an earlier release wrote last has no teams: the budget then begins with this run.
        let Ok(team) = rows.text("team") else { return Ok(Vec::new()) };
        let (id, task) = (rows.text("incident_id")?, rows.text("task")?);
        let (rank, cutoff) = (rows.ints("rank")?, rows.times("cutoff")?);
        let listed = (0..rows.len()).filter(|row| rank.at(*row).is_some());
        let placed = listed.filter_map(|row| {
            Some(Placed {
                incident_id: id.owned(row),
                task: task.owned(row),
                team: team.filled(row)?,
                cutoff: cutoff.required(row),
            })
        });
        Ok(placed.collect())
    }

    /// Incidents that were listed while they could have been held back.
    pub(super) fn named(&mut self) -> Result<BTreeSet<String>> {
        let hours = self.config.lists.iter().map(|list| list.hold_back_hours).max();
        let reach = Micros::from(hours.unwrap_or(0)) * HOUR;
        if reach == 0 {
            return Ok(BTreeSet::new());
        }
        let read = Read::all().period(self.cutoff - reach, self.cutoff);
        let read = read.columns(["incident_id", "rank", "lineage_id"]);
        let Some(batch) = self.resolved(outcome::worklist(), read)? else {
            return Ok(BTreeSet::new());
        };
        let rows = Rows::of(&batch);
        let (id, rank) = (rows.text("incident_id")?, rows.ints("rank")?);
        let listed = (0..rows.len()).filter(|row| rank.at(*row).is_some());
        Ok(listed.map(|row| id.owned(row)).collect())
    }
}
