//! `alarms`, `tickets` and `feedback`: what is known already.

use std::collections::{BTreeMap, BTreeSet};

use foresite_schema::catalog::raw;
use foresite_stage::Result;
use foresite_tables::Read;

use super::{Reader, Rows};
use crate::clock::{DAY, Micros};
use crate::inputs::{Fact, FactKind, Mark, Verdict};

/// Alarms and tickets older than this are forgotten even if nobody cleared them.
const MEMORY: Micros = 90 * DAY;

impl Reader<'_> {
    /// Alarms that are raised and not cleared; `None` where there is no alarm table.
    pub(super) fn alarms(&mut self) -> Result<Option<Vec<Fact>>> {
        let read = Read::all().period(self.cutoff - MEMORY, self.cutoff);
        let Some(batch) = self.resolved(raw::alarms(), read)? else {
            return Ok(None);
        };
        let rows = Rows::of(&batch);
        let [id, fact, entity] =
            [rows.text("alarm_id")?, rows.text("fact")?, rows.text("entity_id")?];
        let [severity, problem] = [rows.text("severity")?, rows.text("specific_problem")?];
        let at = rows.times("at")?;
        let cleared: BTreeSet<&str> = (0..rows.len())
            .filter(|row| fact.at(*row) == Some("cleared"))
            .filter_map(|row| id.at(row))
            .collect();
        let active = (0..rows.len())
            .filter(|row| fact.at(*row) == Some("raised"))
            .filter(|row| id.at(*row).is_some_and(|id| !cleared.contains(id)))
            .map(|row| Fact {
                kind: FactKind::Alarm,
                id: id.owned(row),
                entity_id: entity.owned(row),
                from: at.required(row),
                until: None,
                severity: severity.filled(row),
                text: problem.owned(row),
            });
        Ok(Some(active.collect()))
    }

    /// Tickets that are open, and work that was planned and is not over.
    pub(super) fn tickets(&mut self) -> Result<Vec<Fact>> {
        // Work may have been announced long before it starts.
        let read = Read::all().period(self.cutoff - MEMORY, self.cutoff + MEMORY);
        let Some(batch) = self.resolved(raw::tickets(), read)? else {
            return Ok(Vec::new());
        };
        let mut by_ticket: BTreeMap<String, Ticket> = BTreeMap::new();
        let rows = Rows::of(&batch);
        let [id, fact, entity] =
            [rows.text("ticket_id")?, rows.text("fact")?, rows.text("entity_id")?];
        let [cause, text] = [rows.text("cause")?, rows.text("text")?];
        let (at, start, end) = (rows.times("at")?, rows.times("start_at")?, rows.times("end_at")?);
        for row in 0..rows.len() {
            let ticket = by_ticket.entry(id.owned(row)).or_default();
            let said = text.filled(row).or_else(|| cause.filled(row));
            match fact.at(row).unwrap_or_default() {
                "closed" => ticket.is_closed = true,
                "planned" => ticket.planned = Some((start.at(row), end.at(row))),
                "opened" => ticket.opened_at = Some(at.required(row)),
                _ => {}
            }
            ticket.entity_id = entity.filled(row).or(ticket.entity_id.take());
            ticket.text = ticket.text.take().or(said);
        }
        let cutoff = self.cutoff;
        Ok(by_ticket.into_iter().filter_map(|(id, ticket)| ticket.into_fact(id, cutoff)).collect())
    }

    /// People's marks that may still hold.
    pub(super) fn marks(&mut self) -> Result<Vec<Mark>> {
        let read = Read::all().period(self.cutoff - self.config.mark_holds(), self.cutoff + 1);
        let Some(batch) = self.resolved(raw::feedback(), read)? else {
            return Ok(Vec::new());
        };
        let rows = Rows::of(&batch);
        let [fact, entity, prediction, person] = [
            rows.text("fact")?,
            rows.text("entity_id")?,
            rows.text("prediction_id")?,
            rows.text("person")?,
        ];
        let at = rows.times("at")?;
        // A table that an earlier release wrote last has no such column.
        let task = rows.text("task").ok();
        let marks = (0..rows.len()).filter_map(|row| {
            Some(Mark {
                prediction_id: prediction.filled(row),
                entity_id: entity.filled(row),
                task: task.as_ref().and_then(|task| task.filled(row)),
                verdict: Verdict::from_word(fact.at(row)?)?,
                person: person.filled(row),
                at: at.required(row),
            })
        });
        Ok(marks.collect())
    }
}

/// The facts of one ticket together.
#[derive(Default)]
struct Ticket {
    entity_id: Option<String>,
    text: Option<String>,
    opened_at: Option<Micros>,
    planned: Option<(Option<Micros>, Option<Micros>)>,
    is_closed: bool,
}

impl Ticket {
    fn into_fact(self, id: String, cutoff: Micros) -> Option<Fact> {
        let (kind, from, until) = match self.planned {
            Some((start, end)) => (FactKind::PlannedWork, start?, end),
            None if self.is_closed => return None,
            None => (FactKind::Ticket, self.opened_at?, None),
        };
        let is_over = until.is_some_and(|until| until <= cutoff - DAY);
        (!is_over).then(|| Fact {
            kind,
            id,
            entity_id: self.entity_id.unwrap_or_default(),
            from,
            until,
            severity: None,
            text: self.text.unwrap_or_default(),
        })
    }
}
