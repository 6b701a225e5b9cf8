//! What the tables know about a task at the end of a day.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use foresite_features::task::{DAY, EventTable, Micros};
use foresite_kpi::Columns;
use foresite_registry::{Alias, Event, EventKind};
use foresite_schema::catalog::{derived, watch};
use foresite_stage::{ErrorKind, Interval, Result, StageError};
use foresite_tables::Read;

use super::measured::{Measured, drift};
use super::policy::{Evidence, Truth};
use crate::Args;
use crate::config::Config;
use crate::models::{self, Model};
use crate::source::{Source, unfit};

/// The evidence of every task at the end of a day. `Missing` where it was not measured. Who was
/// registered or promoted since the end counts as well, unless the day was decided about already: then
/// it is what became of the decision.
pub(super) fn gather(
    source: &mut Source<'_>,
    (config, args): (&Config, &Args),
    tasks: &BTreeSet<&str>,
    day: Interval,
) -> Result<Vec<(String, Evidence)>> {
    let measured = Measured::read(source, &config.retraining, day)?;
    let (mut decided, earlier) = decided(source, day.end)?;
    let mut drift = drift(source, &config.retraining, day.end)?;
    let erasures = match config.retraining.retrain_on_erasure {
        true => source.rows(watch::erasures(), Read::all())?,
        false => Vec::new(),
    };
    let mut found = Vec::with_capacity(tasks.len());
    for task in tasks.iter().map(|task| (*task).to_owned()) {
        let until = if earlier.contains_key(&task) { day.end } else { source.cx.as_of() };
        let only = BTreeSet::from([task.as_str()]);
        let speaking = models::models(source, &only, until)?.speaking;
        let events = models::events(source, &only, until)?.remove(&task).unwrap_or_default();
        let model = speaking.iter().find(|model| model.task.task == task && model.serves());
        let of_kind = |kind| events.iter().filter(move |event| event.kind == kind);
        let serving = [Alias::Champion, Alias::Provisional];
        let lasting = |kind| model.map_or_else(Vec::new, |of| measured.lasting(&of.id, kind));
        let evidence = Evidence {
            now: day.end,
            model_id: model.map(|model| model.id.clone()),
            serves_since: model.and_then(|model| since(&events, &model.id, &serving)),
            is_asked: args.ask.contains(&task),
            erased: match model {
                Some(model) => erased(&erasures, &format!("{task}/{}", model.id))?,
                None => Vec::new(),
            },
            skill: lasting("realised"),
            coverage: lasting("coverage"),
            bad_data: measured.broken(config, &task),
            in_shadow: measured.in_shadow(&task).and_then(|id| {
                let since = since(&events, id, &[Alias::Challenger])?;
                Some((day.end - since).max(0) / DAY)
            }),
            drift: drift.remove(&task).unwrap_or_default(),
            decided: decided.remove(&task).unwrap_or_default(),
            registered: of_kind(EventKind::Registered).map(|event| event.at).collect(),
            truth: match model {
                Some(model) => truth(source, model, day.end)?,
                None => first_truth(source, config, &task, day.end)?,
            },
        };
        found.push((task, evidence));
    }
    Ok(found)
}

/// Erasures that reached a model, given as `<task>/<id>`.
fn erased(erasures: &[RecordBatch], model: &str) -> Result<Vec<String>> {
    let mut said = Vec::new();
    for batch in erasures {
        let epochs = Columns(batch).text("epoch").map_err(unfit)?;
        let reached = batch.column_by_name("models").and_then(|of| of.as_list_opt::<i32>());
        let reached = reached.ok_or_else(|| {
            StageError::new(ErrorKind::BadData, "column `models` of `erasures`: no list")
        })?;
        for row in (0..batch.num_rows()).filter(|&row| reached.is_valid(row)) {
            let models = reached.value(row);
            if models.as_string::<i32>().iter().any(|id| id == Some(model)) {
                said.push(format!(
                    "learnt from marks of epoch {}, which was erased",
                    epochs.value(row)
                ));
            }
        }
    }
    Ok(said)
}

/// When the model got one of the aliases for the last time.
fn since(events: &[Event], model_id: &str, aliases: &[Alias]) -> Option<Micros> {
    let given = events.iter().rev().find(|event| {
        matches!(event.kind, EventKind::Promoted | EventKind::RolledBack)
            && event.alias.is_some_and(|alias| aliases.contains(&alias))
            && event.model_id == model_id
    });
    given.map(|event| event.at)
}

/// Ends of days by task.
type Days = BTreeMap<String, Vec<Micros>>;

/// Ends of the days before, and of this one, that decided for training. A decision that was started
/// counts, whatever a later look at its day said.
fn decided(source: &mut Source<'_>, end: Micros) -> Result<(Days, Days)> {
    let read = |start, end| Read::all().text("decision", "retrain").period(start, end);
    let mut before = Days::new();
    source.scan(watch::retrain_decisions(), read(Micros::MIN, end), |batch| {
        add_days(batch, &mut before)
    })?;
    // No input: the day's own earlier word must not make its next look another computation.
    let mut own = Days::new();
    if let Some(table) = source.cx.root().find(watch::retrain_decisions())? {
        for batch in table.scan(&read(end, end + 1).as_of(source.cx.as_of()))? {
            add_days(&batch?, &mut own)?;
        }
    }
    Ok((before, own))
}

fn add_days(batch: &RecordBatch, days: &mut Days) -> Result<()> {
    let columns = Columns(batch);
    let tasks = columns.text("task").map_err(unfit)?;
    let ends = columns.times("window_end").map_err(unfit)?;
    for row in 0..batch.num_rows() {
        let of = days.entry(tasks.value(row).to_owned()).or_default();
        // Later looks at one day stand one after the other.
        if of.last() != Some(&ends.value(row)) {
            of.push(ends.value(row));
        }
    }
    Ok(())
}

/// What came since the data of a model ended.
fn truth(source: &mut Source<'_>, model: &Model, end: Micros) -> Result<Truth> {
    let days = (end - model.seen_until).div_euclid(DAY);
    let Some(filter) = model.task.label.events() else {
        return Ok(Truth { days, events: None });
    };
    let log = match filter.table {
        EventTable::Tickets => source.tickets(model.seen_until)?.outages,
        EventTable::Alarms => source.alarms(model.seen_until)?,
        EventTable::Labels => return Ok(Truth { days, events: None }),
    };
    let as_of = source.cx.as_of();
    let is_new = |start: Micros| (model.seen_until..end).contains(&start);
    let new = log.all().filter(|event| event.passes(filter, as_of));
    let events = new.filter(|event| event.start(as_of).is_some_and(is_new)).count();
    Ok(Truth { days, events: Some(events) })
}

/// Days of values of the task's entities that a first model could learn from; no more than it needs are
/// looked for.
fn first_truth(source: &mut Source<'_>, config: &Config, task: &str, end: Micros) -> Result<Truth> {
    let wanted = Micros::from(config.retraining.first_days.get());
    let types = config.sets.iter().filter(|set| set.task == task).map(|set| &set.entity_type);
    let mut days = BTreeSet::new();
    for entity_type in types.collect::<BTreeSet<_>>() {
        let read = Read::all()
            .columns(["period_start", "known_at", "lineage_id"])
            .text("entity_type", entity_type)
            .number("granularity_s", 3600)
            .period(end - wanted * DAY, end);
        source.scan(derived::kpis(), read, |batch| {
            let starts = Columns(batch).times("period_start").map_err(unfit)?;
            days.extend(starts.iter().flatten().map(|at| at.div_euclid(DAY)));
            Ok(())
        })?;
    }
    Ok(Truth { days: i64::try_from(days.len()).unwrap_or(i64::MAX), events: None })
}
