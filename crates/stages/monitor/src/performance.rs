//! How data and models did: by truth that has arrived, and by the models' own probabilities where it
//! has not.

mod alerts;
mod band;
mod data;
mod events;
mod forecast;
mod passed;
mod predictions;
mod shadow;

use std::collections::BTreeMap;

use foresite_features::labels::{Asked, Label, Labeller, Truth};
use foresite_features::task::{DAY, Head, Micros};
use foresite_stage::{Interval, Result};

use crate::cause::Known;
use crate::config::Config;
use crate::drift::Watched;
use crate::models::{Model, Models, Silent};
use crate::panel::Members;
use crate::source::Source;
use predictions::Said;
use shadow::Losses;

/// How a number came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// From truth that has arrived.
    Realised,
    /// From the model's own probabilities.
    Estimated,
    /// Of intervals.
    Coverage,
    /// Counts of alerts or rows.
    Volume,
    /// Of the data.
    Data,
}

impl Kind {
    /// The word stored in tables.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Realised => "realised",
            Self::Estimated => "estimated",
            Self::Coverage => "coverage",
            Self::Volume => "volume",
            Self::Data => "data",
        }
    }
}

/// Whether somebody should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// As it should be.
    Ok,
    /// Somebody may act.
    Warn,
    /// Not fit for use.
    Broken,
    /// Too little is known.
    Unknown,
}

impl State {
    /// The word stored in tables.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Broken => "broken",
            Self::Unknown => "unknown",
        }
    }
}

/// One row of `performance`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Metric {
    pub(crate) task: String,
    pub(crate) model_id: String,
    pub(crate) role: &'static str,
    pub(crate) scope: String,
    pub(crate) metric: String,
    pub(crate) kind: Kind,
    pub(crate) window_start: Micros,
    pub(crate) value: Option<f64>,
    pub(crate) interval: Option<(f64, f64)>,
    pub(crate) samples: usize,
    pub(crate) state: State,
    pub(crate) reason: Option<String>,
}

impl Metric {
    /// A number about no model; `Unknown` without a value.
    fn of_data(scope: &str, metric: &str, window_start: Micros) -> Self {
        Self {
            task: "data".into(),
            model_id: String::new(),
            role: "",
            scope: scope.into(),
            metric: metric.into(),
            kind: Kind::Data,
            window_start,
            value: None,
            interval: None,
            samples: 0,
            state: State::Unknown,
            reason: None,
        }
    }

    /// A number about a model.
    fn of_model(
        model: &Model,
        scope: &str,
        metric: &str,
        kind: Kind,
        window_start: Micros,
    ) -> Self {
        Self {
            task: model.task.task.clone(),
            model_id: model.id.clone(),
            role: model.role.word(),
            kind,
            ..Self::of_data(scope, metric, window_start)
        }
    }

    /// That nobody speaks, or cannot be heard.
    pub(crate) fn of_silent(silent: &Silent, window_start: Micros) -> Self {
        let (metric, state) = match silent.model {
            Some(_) => ("bundle", State::Broken),
            None => ("serving", State::Unknown),
        };
        let (id, role) = silent.model.as_ref().map_or(("", ""), |of| (&of.0, of.1.word()));
        Self {
            task: silent.task.clone(),
            model_id: id.to_owned(),
            role,
            ..Self::of_data("model", metric, window_start).state(state, silent.reason.clone())
        }
    }

    fn value(mut self, value: Option<f64>, samples: usize) -> Self {
        (self.value, self.samples) = (value, samples);
        self
    }

    fn state(mut self, state: State, reason: impl Into<Option<String>>) -> Self {
        (self.state, self.reason) = (state, reason.into());
        self
    }
}

/// All metrics of a day.
pub(crate) fn metrics(
    source: &mut Source<'_>,
    config: &Config,
    (models, known, watched): (&Models, &Known, &[Watched<'_>]),
    day: Interval,
) -> Result<Vec<Metric>> {
    let mut found = data::metrics(source, config, watched, day)?;
    let since = day.end - Micros::from(config.judging.days.get()) * DAY;
    found.extend(models.silent.iter().map(|silent| Metric::of_silent(silent, since)));
    let mut with_alerts: Vec<&str> = Vec::new();
    let mut losses: BTreeMap<&str, Losses> = BTreeMap::new();
    for model in &models.speaking {
        let ids = known.network.ever(&model.task.entity_type).map(str::to_owned);
        let chosen = Members::choose(ids, config.entities_per_group.get() as usize);
        // Truth about the first of these days was foretold a horizon before.
        let span = (since - model.task.horizon().micros(), day.end);
        let mut read = |keep: &dyn Fn(Micros, Micros) -> bool| {
            predictions::read(source, (model, &chosen), span, keep)
        };
        // Two models are compared by whole cutoffs, their short horizons included.
        let is_compared = models.challenged(&model.task.task);
        let last = |horizon| if is_compared { model.task.horizon().micros() } else { horizon };
        let own = losses.entry(&model.id).or_insert_with(|| Losses::new(is_compared));
        match &model.task.head {
            Head::TimeToEvent { .. } => {
                let said = read(&|cutoff, horizon| cutoff + last(horizon) > since)?;
                found.extend(events::metrics(source, (model, &said), known, since, own)?);
            }
            Head::Forecast { .. } => {
                let said = read(&|cutoff, horizon| {
                    // What is not due says which horizons there are; the newest day is enough.
                    let is_due = cutoff + last(horizon) >= since && cutoff + horizon <= day.end;
                    is_due || cutoff > day.end - DAY
                })?;
                let span = (since, day.end);
                let of = (model, said.as_slice());
                found.extend(forecast::metrics(source, config, of, (known, own), span)?);
            }
            // A detector's words are judged as alerts; other heads have no truth that comes by itself.
            Head::Anomaly {}
            | Head::Regression { .. }
            | Head::Binary {}
            | Head::Multiclass { .. } => {}
        }
        if model.serves() && !with_alerts.contains(&model.task.task.as_str()) {
            with_alerts.push(&model.task.task);
            let of = (model, &chosen, known);
            found.extend(alerts::metrics(source, config, of, (since, day.end))?);
        }
    }
    found.extend(shadow::metrics(models, &losses, since));
    Ok(found)
}

/// The label of a prediction as far as it is known now, by the task's own rule.
fn label(labeller: &Labeller<'_>, known: &Known, said: &Said) -> Label {
    let asked = Asked { entity: &said.entity_id, cutoff: said.cutoff, until: known.as_of };
    labeller.label(asked, &known.network.clock(&said.entity_id))
}

/// A labeller over what is known.
fn labeller<'a>(
    model: &'a Model,
    known: &'a Known,
    marks: &'a foresite_features::events::Marks,
    labels: &'a foresite_features::events::EventLog,
    series: &'a foresite_features::cube::Cube,
) -> Labeller<'a> {
    let truth = Truth {
        tickets: &known.tickets,
        alarms: &known.alarms,
        labels,
        marks,
        series,
        as_of: known.as_of,
    };
    Labeller::new(&model.task, truth, known.network.ends(&model.task.entity_type))
}

/// Number of an entity's week or, where that is longer, of its horizon: what happens in it hangs
/// together.
fn block(entity: &str, at: Micros, horizon: Micros) -> u64 {
    let entity = u64::try_from(foresite_schema::bucket_of(entity, u32::MAX >> 1)).unwrap_or(0);
    let length = horizon.max(foresite_features::task::WEEK);
    let number = u64::try_from(at.div_euclid(length)).unwrap_or(0);
    (entity << 24) | (number & 0xff_ffff)
}

/// `6h`, `30d`.
fn span_word(length: Micros) -> String {
    let hours = length / foresite_features::task::HOUR;
    if hours % 24 == 0 { format!("{}d", hours / 24) } else { format!("{hours}h") }
}

#[cfg(test)]
mod tests {
    use foresite_features::task::WEEK;

    use super::*;

    #[test]
    fn a_block_is_no_shorter_than_the_horizon() {
        let month = 30 * DAY;
        let blocks = |horizon| {
            let cutoffs = (0..120).map(|day| block("north/N001", day * DAY, horizon));
            cutoffs.collect::<std::collections::BTreeSet<u64>>().len()
        };
        assert_eq!((blocks(6 * DAY), blocks(WEEK), blocks(month)), (18, 18, 4));
    }
}
