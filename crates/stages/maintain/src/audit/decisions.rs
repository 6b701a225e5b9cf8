//! What was decided about models: `registry_events`, and trainings that somebody asked for.

use foresite_schema::catalog::{outcome, watch};
use foresite_stage::Result;
use foresite_tables::Micros;

use super::Asked;
use super::book::{Book, Entry, stamp};
use super::cells::{self, Cells};

/// How long a run may take from its clock to its decision before the clock is told.
const A_RUN: Micros = 60_000_000;

/// Registrations, promotions, roll-backs and revocations, when they were written down: the clock of
/// a run is what somebody asked for, and might lie in a time that was audited before.
pub(super) fn models(asked: &Asked<'_>, book: &mut Book) -> Result<()> {
    let columns =
        ["task", "seq", "event", "model_id", "alias", "reason", "person", "at", "ingested_at"];
    let mut found: Vec<(i64, Entry)> = Vec::new();
    let def = outcome::registry_events();
    cells::within(asked, def, "ingested_at", &columns, |cells, row, written_at| {
        book.require_room(found.len() + 1)?;
        let text = |column| cells.text(column, row);
        let entry = Entry {
            at: written_at,
            kind: kind(text("event")?.as_deref()),
            subject: format!(
                "{}/{}",
                text("task")?.unwrap_or_default(),
                text("model_id")?.unwrap_or_default()
            ),
            person: text("person")?,
            reason: text("reason")?,
            detail: alias_and_clock(cells, row, written_at)?,
        };
        found.push((cells.long("seq", row)?, entry));
        Ok(())
    })?;
    // A model may be registered and promoted at one moment; its task numbered them.
    found.sort_by_key(|(seq, _)| *seq);
    found.into_iter().try_for_each(|(_, entry)| book.add(entry))
}

/// What a model became, and the clock of the run, where that was another one.
fn alias_and_clock(cells: &Cells<'_>, row: usize, written_at: Micros) -> Result<Option<String>> {
    let mut parts = Vec::new();
    parts.extend(cells.text("alias", row)?.map(|alias| format!("as {alias}")));
    let clock = cells.time("at", row)?.filter(|at| (written_at - *at).abs() > A_RUN);
    parts.extend(clock.map(|at| format!("by the clock {}", stamp(at))));
    Ok((!parts.is_empty()).then(|| parts.join("; ")))
}

fn kind(event: Option<&str>) -> &'static str {
    use foresite_registry::EventKind::{Promoted, Registered, Revoked, RolledBack};
    let kinds = [Registered, Promoted, RolledBack, Revoked].map(|kind| kind.word());
    let known = kinds.into_iter().find(|word| event == Some(*word));
    known.unwrap_or("model_event")
}

/// Trainings that somebody asked for, when it was written down.
pub(super) fn trainings(asked: &Asked<'_>, book: &mut Book) -> Result<()> {
    let def = watch::retrain_decisions();
    let columns = ["task", "decision", "model_id", "asked_by", "ingested_at"];
    cells::within(asked, def, "ingested_at", &columns, |cells, row, at| {
        let text = |column| cells.text(column, row);
        let Some(person) = text("asked_by")? else { return Ok(()) };
        let decision = text("decision")?.unwrap_or_default();
        let serving = text("model_id")?.map_or("no model".to_owned(), |id| format!("model {id}"));
        book.add(Entry {
            at,
            kind: "training_asked",
            subject: text("task")?.unwrap_or_default(),
            person: Some(person),
            reason: None,
            detail: Some(format!("decision {decision}; {serving} serves")),
        })
    })
}
