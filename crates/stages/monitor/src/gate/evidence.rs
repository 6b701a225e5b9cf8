//! What the tables know about a task at the end of a day.

use std::collections::{BTreeMap, BTreeSet};

use foresite_features::task::{DAY, EventTable, Micros};
use foresite_kpi::Columns;
use foresite_registry::{Alias, Event, EventKind};
use foresite_schema::catalog::{derived, watch};
use foresite_stage::{Interval, Result};
use foresite_tables::Read;

use super::measured::{Measured, drift};
use super::policy::{Evidence, Truth};
use crate::Args;
use crate::config::{Config, Retraining};
use crate::models::{self, Model};
use crate::source::{Source, unfit};

/// What a day is decided by.
pub(super) struct Found {
    /// By task.
    pub(super) evidence: Vec<(String, Evidence)>,
    /// Challengers that beat who serves: task and model.
    pub(super) won: Vec<(String, String)>,
}

/// What is known at the end of a day. `Missing` where it was not measured.
pub(super) fn gather(
    source: &mut Source<'_>,
    (config, args): (&Config, &Args),
    tasks: &BTreeSet<&str>,
    day: Interval,
) -> Result<Found> {
    let measured = Measured::read(source, day)?;
    let decided = decided(source, day.end)?;
    let events = models::events(source, tasks, day.end)?;
    let speaking = models::models(source, tasks, day.end)?.speaking;
    let drift = drift(source, &config.retraining, day.end)?;
    let of_task = tasks.iter().map(|&task| {
        let model = speaking.iter().find(|model| model.task.task == task && model.serves());
        let events = events.get(task).map(Vec::as_slice).unwrap_or_default();
        let of_kind = |kind| events.iter().filter(move |event| event.kind == kind);
        let evidence = Evidence {
            now: day.end,
            model_id: model.map(|model| model.id.clone()),
            serves_since: model.and_then(|model| serves_since(events, &model.id)),
            is_asked: args.ask.iter().any(|asked| asked == task),
            skill: model.map_or_else(Vec::new, |of| measured.lasting(&of.id, "realised")),
            coverage: model.map_or_else(Vec::new, |of| measured.lasting(&of.id, "coverage")),
            bad_data: measured.broken(config, task),
            drift: drift.get(task).cloned().unwrap_or_default(),
            decided: decided.get(task).cloned().unwrap_or_default(),
            registered: of_kind(EventKind::Registered).map(|event| event.at).collect(),
            truth: match model {
                Some(model) => truth(source, model, day.end)?,
                None => first_truth(source, &config.retraining, day.end)?,
            },
        };
        Ok((task.to_owned(), evidence))
    });
    let evidence = of_task.collect::<Result<_>>()?;
    Ok(Found { evidence, won: measured.won })
}

fn serves_since(events: &[Event], model_id: &str) -> Option<Micros> {
    let given = events.iter().rev().find(|event| {
        matches!(event.kind, EventKind::Promoted | EventKind::RolledBack)
            && event.alias.is_some_and(|alias| alias != Alias::Challenger)
            && event.model_id == model_id
    });
    given.map(|event| event.at)
}

/// Ends of the days before that decided for training, by task.
fn decided(source: &mut Source<'_>, before: Micros) -> Result<BTreeMap<String, Vec<Micros>>> {
    let mut found: BTreeMap<String, Vec<Micros>> = BTreeMap::new();
    let read = Read::all().text("decision", "retrain").period(Micros::MIN, before);
    // A decision that was started counts, whatever a later look at its day said.
    source.scan(watch::retrain_decisions(), read, |batch| {
        let columns = Columns(batch);
        let tasks = columns.text("task").map_err(unfit)?;
        let ends = columns.times("window_end").map_err(unfit)?;
        for row in 0..batch.num_rows() {
            found.entry(tasks.value(row).to_owned()).or_default().push(ends.value(row));
        }
        Ok(())
    })?;
    for ends in found.values_mut() {
        ends.sort_unstable();
        ends.dedup();
    }
    Ok(found)
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

/// Days of values that a first model could learn from; no more than it needs are looked for.
fn first_truth(source: &mut Source<'_>, rules: &Retraining, end: Micros) -> Result<Truth> {
    let Some(table) = source.cx.root().find(derived::kpis())? else {
        return Ok(Truth::default());
    };
    let wanted = Micros::from(rules.first_days.get());
    let read = Read::all()
        .columns(["period_start"])
        .number("granularity_s", 3600)
        .period(end - wanted * DAY, end)
        .as_of(source.cx.as_of());
    let mut days = BTreeSet::new();
    for batch in table.scan(&read)? {
        source.cx.check_stop()?;
        let batch = batch?;
        let starts = Columns(&batch).times("period_start").map_err(unfit)?;
        days.extend(starts.iter().flatten().map(|at| at.div_euclid(DAY)));
    }
    Ok(Truth { days: i64::try_from(days.len()).unwrap_or(i64::MAX), events: None })
}
