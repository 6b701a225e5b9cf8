//! What the step `measure` said about a day and the one before.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, RecordBatch, StringArray};
use foresite_features::task::{DAY, Micros};
use foresite_kpi::Columns;
use foresite_schema::catalog::watch;
use foresite_stage::{ErrorKind, Interval, Result, StageError};
use foresite_tables::Read;

use super::policy::Drift;
use crate::config::{Config, Retraining};
use crate::source::{Source, unfit};

/// Causes that pass by themselves.
const PASSING: [&str; 3] = ["outage", "event", "holiday"];
/// The kind of what intervals hold. A little off is for people to look at; training again answers
/// what is broken.
const COVERAGE: &str = "coverage";
/// The cause that is no fact about the network.
const MISSING: &str = "missing_data";

/// A metric that is worth a look.
struct Worry {
    task: String,
    model_id: String,
    kind: String,
    metric: String,
    scope: String,
    is_broken: bool,
    reason: String,
}

impl Worry {
    /// Whether the other one is the same, on another day.
    fn is(&self, other: &Self) -> bool {
        self.is_broken == other.is_broken
            && (&self.task, &self.metric, &self.scope) == (&other.task, &other.metric, &other.scope)
    }
}

/// What is worth a look today, and what was the day before.
pub(super) struct Measured {
    today: Vec<Worry>,
    before: Vec<Worry>,
    /// What was broken a while ago: what still is stays so, and a new model has to live with it.
    long_ago: Vec<Worry>,
    /// Challengers about which nothing is known yet: task and model.
    in_shadow: Vec<(String, String)>,
}

impl Measured {
    /// `Missing` where nothing is known about the day.
    pub(super) fn read(source: &mut Source<'_>, rules: &Retraining, day: Interval) -> Result<Self> {
        let mut of = |end| -> Result<Option<RecordBatch>> {
            let read = Read::all().period(end, end + 1);
            let rows = source.resolved(watch::performance(), read)?;
            Ok(rows.filter(|rows| rows.num_rows() > 0))
        };
        let (today, before) = (of(day.end)?, of(day.end - DAY)?);
        let today = today.ok_or_else(|| {
            let message = format!("performance: no row about {day}");
            StageError::new(ErrorKind::Missing, message)
                .hint("run foresite-monitor --step measure over the same day first")
        })?;
        let long_ago = of(day.end - Micros::from(rules.least_days.get()) * DAY)?;
        let some =
            |rows: Option<RecordBatch>| rows.map_or_else(|| Ok(Vec::new()), |of| worries(&of));
        let (before, long_ago) = (some(before)?, some(long_ago)?);
        let in_shadow = in_shadow(&today)?;
        Ok(Self { today: worries(&today)?, before, long_ago, in_shadow })
    }

    /// Metrics of a model and kind that were worth a look today and the day before; of coverage,
    /// those that were broken on both.
    pub(super) fn lasting(&self, model_id: &str, kind: &str) -> Vec<String> {
        let key = |of: &Worry| (of.metric.clone(), of.scope.clone());
        let is_own = |of: &&Worry| {
            of.model_id == model_id && of.kind == kind && (of.is_broken || kind != COVERAGE)
        };
        let earlier: BTreeSet<_> = self.before.iter().filter(is_own).map(key).collect();
        let both = self.today.iter().filter(is_own).filter(|of| earlier.contains(&key(of)));
        both.map(|of| format!("{} {} two days in a row: {}", of.metric, of.scope, of.reason))
            .collect()
    }

    /// The task's challenger, where nothing is known about it yet.
    pub(super) fn in_shadow(&self, task: &str) -> Option<&str> {
        self.in_shadow.iter().find(|of| of.0 == task).map(|of| of.1.as_str())
    }

    /// What of the day's data is not fit to learn from, as far as the task reads it.
    pub(super) fn broken(&self, config: &Config, task: &str) -> Vec<String> {
        let own: BTreeSet<String> = config
            .sets
            .iter()
            .filter(|set| set.task == task)
            .flat_map(|set| {
                set.channels.iter().map(|channel| format!("{} {channel}", set.entity_type))
            })
            .collect();
        self.today
            .iter()
            .filter(|of| of.task == "data" && of.is_broken)
            .filter(|of| of.metric != "null_rate" || own.contains(&of.scope))
            .filter(|of| !(of.metric == "null_rate" && self.long_ago.iter().any(|was| was.is(of))))
            .map(|of| format!("{} of {}: {}", of.metric, of.scope, of.reason))
            .collect()
    }
}

fn worries(rows: &RecordBatch) -> Result<Vec<Worry>> {
    let text = |name| Columns(rows).text(name).map_err(unfit);
    let (tasks, models, kinds) = (text("task")?, text("model_id")?, text("kind")?);
    let (metrics, scopes) = (text("metric")?, text("scope")?);
    let (states, reasons) = (text("state")?, text("reason")?);
    let owned = |column: &StringArray, row| column.value(row).to_owned();
    Ok((0..rows.num_rows())
        .filter(|&row| matches!(states.value(row), "warn" | "broken"))
        .map(|row| Worry {
            task: owned(&tasks, row),
            model_id: owned(&models, row),
            kind: owned(&kinds, row),
            metric: owned(&metrics, row),
            scope: owned(&scopes, row),
            is_broken: states.value(row) == "broken",
            reason: owned(&reasons, row),
        })
        .collect())
}

fn in_shadow(rows: &RecordBatch) -> Result<Vec<(String, String)>> {
    let text = |name| Columns(rows).text(name).map_err(unfit);
    let (tasks, models) = (text("task")?, text("model_id")?);
    let (metrics, states) = (text("metric")?, text("state")?);
    Ok((0..rows.num_rows())
        .filter(|&row| metrics.value(row) == watch::LOSS_AGAINST_CHAMPION)
        .filter(|&row| states.value(row) == "unknown")
        .map(|row| (tasks.value(row).to_owned(), models.value(row).to_owned()))
        .collect())
}

/// A group's entities, and whether they moved for good, by channel.
#[derive(Default)]
struct Channel {
    /// Entities by group.
    entities: BTreeMap<String, i64>,
    /// Groups that moved for good.
    moved: BTreeSet<String>,
    /// What groups moved for that passes.
    passing: BTreeSet<String>,
    /// Groups that moved because values are missing.
    missing: usize,
}

/// Confirmed drift of the day by task.
pub(super) fn drift(
    source: &mut Source<'_>,
    rules: &Retraining,
    end: Micros,
) -> Result<BTreeMap<String, Drift>> {
    let read = Read::all().period(end, end + 1);
    let Some(rows) = source.resolved(watch::drift(), read)? else {
        return Ok(BTreeMap::new());
    };
    let columns = Columns(&rows);
    let text = |name| columns.text(name).map_err(unfit);
    let (tasks, groups, channels) = (text("task")?, text("group_id")?, text("channel")?);
    let causes = text("cause")?;
    let entities = columns.longs("entities").map_err(unfit)?;
    let confirmed = columns.bools("confirmed").map_err(unfit)?;
    let mut found: BTreeMap<&str, BTreeMap<&str, Channel>> = BTreeMap::new();
    for row in (0..rows.num_rows()).filter(|&row| entities.is_valid(row)) {
        let of = found.entry(tasks.value(row)).or_default().entry(channels.value(row)).or_default();
        let group = groups.value(row);
        of.entities.insert(group.to_owned(), entities.value(row));
        if confirmed.is_null(row) || !confirmed.value(row) {
            continue;
        }
        let cause = causes.value(row);
        if cause == MISSING {
            of.missing += 1;
        } else if PASSING.contains(&cause) {
            of.passing.insert(format!("{group}: {cause}"));
        } else {
            of.moved.insert(group.to_owned());
        }
    }
    Ok(found.into_iter().map(|(task, of)| (task.to_owned(), summed(rules, &of))).collect())
}

/// The group of all entities.
const ALL: &str = "*";

fn summed(rules: &Retraining, channels: &BTreeMap<&str, Channel>) -> Drift {
    let mut drift = Drift { tested: channels.len(), ..Drift::default() };
    for (name, of) in channels {
        if !of.passing.is_empty() {
            let causes: Vec<&str> = of.passing.iter().map(String::as_str).collect();
            drift.passing.push(format!("{name} moved for a while ({})", causes.join(", ")));
        }
        if of.missing > 0 {
            drift.passing.push(format!("{name} moved where values are missing"));
        }
        let all = of.entities.get(ALL).copied().unwrap_or_else(|| of.entities.values().sum());
        let moved: i64 = if of.moved.contains(ALL) {
            all
        } else {
            of.moved.iter().filter_map(|group| of.entities.get(group)).sum()
        };
        if moved > 0 && moved as f64 >= rules.drift_entities_share.get() * all as f64 {
            drift.moved.push((*name).to_owned());
        }
    }
    drift
}
