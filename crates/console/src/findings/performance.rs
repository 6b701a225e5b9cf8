//! Metrics of data and models: how many are in which state, and what they say.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use foresite_schema::catalog::watch;
use foresite_tables::{Micros, Result, Root};

use super::of_days;
use crate::clock::DAY;
use crate::gauges::{Gauges, Page};
use crate::rows::Rows;

/// The states that `monitor` gives, the gravest last.
const STATES: [&str; 4] = ["unknown", "ok", "warn", "broken"];

/// Those that are worth a look, the milder first.
const WORRIES: [&str; 2] = ["warn", "broken"];

/// The metric that has a row for every channel: its states are counted, its values not told.
const OF_CHANNELS: &str = "null_rate";

/// What tells rows of `performance` apart, and their state.
const TEXTS: [&str; 7] = ["task", "model_id", "role", "kind", "metric", "scope", "state"];

/// A row of `performance`.
struct Judged<'a> {
    task: &'a str,
    model_id: &'a str,
    role: &'a str,
    kind: &'a str,
    metric: &'a str,
    scope: &'a str,
    state: &'a str,
    value: Option<f64>,
}

impl<'a> Judged<'a> {
    /// The same metric on another day.
    fn key(&self) -> [&'a str; 5] {
        [self.task, self.model_id, self.kind, self.metric, self.scope]
    }

    /// Its labels; what tells its series apart comes last.
    fn labels(&self, last: &'a str) -> [&'a str; 5] {
        [self.task, self.role, self.kind, self.metric, last]
    }

    /// How grave its state is, of those that are worth a look.
    fn worry(&self) -> Option<usize> {
        WORRIES.iter().position(|state| *state == self.state)
    }
}

/// Appends states and values of a day.
pub(super) fn add(root: &Root, day: Micros, page: &mut Page) -> Result<()> {
    let Some(today) = of(root, day)? else {
        return Ok(());
    };
    let before = of(root, day - DAY)?;
    let (today, before) = (judged(&today), before.as_ref().map_or_else(Vec::new, judged));
    page.push(&values(&today));
    page.push(&states(&today));
    page.push(&lasting(&today, &before));
    Ok(())
}

fn of(root: &Root, day: Micros) -> Result<Option<RecordBatch>> {
    of_days(root, watch::performance(), TEXTS.into_iter().chain(["value"]), (day, day))
}

fn judged(batch: &RecordBatch) -> Vec<Judged<'_>> {
    let rows = Rows::of(batch);
    let [task, model_id, role, kind, metric, scope, state] = TEXTS.map(|name| rows.text(name));
    let value = rows.doubles("value");
    rows.each()
        .map(|row| Judged {
            task: task.at(row),
            model_id: model_id.at(row),
            role: role.at(row),
            kind: kind.at(row),
            metric: metric.at(row),
            scope: scope.at(row),
            state: state.at(row),
            value: value.at(row).filter(|value| value.is_finite()),
        })
        .collect()
}

fn values(today: &[Judged<'_>]) -> Gauges<5> {
    let mut values = Gauges::new(
        "foresite_monitor_performance_value",
        "Metrics of the newest day, in the unit of each; those of single channels are left out.",
        ["task", "role", "kind", "metric", "scope"],
    );
    for of in today.iter().filter(|of| of.metric != OF_CHANNELS) {
        if let Some(value) = of.value {
            values.set(of.labels(of.scope), value);
        }
    }
    values
}

fn states(today: &[Judged<'_>]) -> Gauges<5> {
    let states = Gauges::new(
        "foresite_monitor_performance_states",
        "How many scopes of a metric are in which state on the newest day.",
        ["task", "role", "kind", "metric", "state"],
    );
    counted(states, today, &STATES, |of| Some(of.state))
}

/// What is worth a look for the second day in a row counts by the milder state of both: that is how
/// the step `retrain` goes by it, too.
fn lasting(today: &[Judged<'_>], before: &[Judged<'_>]) -> Gauges<5> {
    let lasting = Gauges::new(
        "foresite_monitor_performance_lasting",
        "How many scopes of a metric were so or worse on the newest day and the day before.",
        ["task", "role", "kind", "metric", "state"],
    );
    let earlier: BTreeMap<_, usize> =
        before.iter().filter_map(|of| Some((of.key(), of.worry()?))).collect();
    counted(lasting, today, &WORRIES, |of| {
        let both = of.worry().zip(earlier.get(&of.key()).copied());
        both.map(|(now, before)| WORRIES[now.min(before)])
    })
}

/// How many are in which of these states, none included.
fn counted<'a>(
    mut gauges: Gauges<5>,
    today: &[Judged<'a>],
    states: &[&'a str],
    state_of: impl Fn(&Judged<'a>) -> Option<&'a str>,
) -> Gauges<5> {
    for of in today {
        let its = state_of(of);
        for &state in states {
            gauges.add(of.labels(state), f64::from(u8::from(its == Some(state))));
        }
    }
    gauges
}
