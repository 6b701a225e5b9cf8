//! Probabilities of events: judged by tickets and marks once the horizon has passed, estimated from
//! themselves before.
//!
//! Labels are those of training: what people acted upon is censored, planned work does not count.

use std::collections::BTreeMap;
use std::sync::Arc;

use foresite_features::cube::{Cube, Grid};
use foresite_features::events::EventLog;
use foresite_features::labels::MaskReason;
use foresite_features::task::{Head, Micros, Task};
use foresite_metrics::drift::estimate::{Holds, Judged, estimate, holds};
use foresite_metrics::{block_interval, brier, brier_skill};
use foresite_stage::Result;

use super::predictions::Said;
use super::shadow::Losses;
use super::{Kind, Metric, State, block, label, labeller, span_word};
use crate::cause::Known;
use crate::models::Model;
use crate::source::Source;

const REPLICATES: usize = 300;
const SEED: u64 = 6;
/// Events without which a score says nothing.
const LEAST_EVENTS: usize = 3;

/// Predictions of one horizon.
#[derive(Default)]
struct Horizon {
    labels: Vec<bool>,
    probabilities: Vec<f64>,
    blocks: Vec<u64>,
    /// Who they are about, and when.
    cutoffs: Vec<(Arc<str>, Micros)>,
    /// Probabilities whose truth is still to come.
    open: Vec<f64>,
    /// Predictions of these days that never count: acted upon, planned work, an event under way.
    left_out: usize,
}

/// Realised and estimated metrics of every horizon. Realised are predictions whose horizon ended in
/// the days since `since` and about which all that is reported in time is known; estimated those of
/// these days whose truth is still to come.
pub(super) fn metrics(
    source: &mut Source<'_>,
    (model, said): (&Model, &[Said]),
    known: &Known,
    since: Micros,
    losses: &mut Losses,
) -> Result<Vec<Metric>> {
    let marks = source.marks(since - model.task.horizon().micros())?;
    let nothing = (EventLog::default(), Cube::new(Grid::covering(0, 1, 1), [], Vec::new()));
    let labeller = labeller(model, known, &marks, &nothing.0, &nothing.1);
    let Head::TimeToEvent { bins, .. } = &model.task.head else {
        return Ok(Vec::new());
    };
    let mut horizons: BTreeMap<Micros, Horizon> = BTreeMap::new();
    for one in said {
        let (Some(probability), horizon) = (one.probability, one.horizon) else { continue };
        let of = horizons.entry(horizon).or_default();
        let label = label(&labeller, known, one);
        let is_masked = label.mask.is_some_and(|mask| mask != MaskReason::Censored);
        let is_due = one.cutoff + horizon > since;
        // An event is known earlier than that there was none: who judges either as soon as it is
        // known sees the events first.
        if one.cutoff + horizon + waits(&model.task) > known.as_of {
            if is_masked {
                of.left_out += 1;
            } else if one.cutoff > since {
                of.open.push(probability);
            }
            continue;
        }
        // Bins are consecutive: the event lies within the horizon when one of them holds it.
        let within = bins.iter().take_while(|bin| bin.micros() <= horizon).count();
        let seen = &label.values[..within.min(label.values.len())];
        let came = seen.contains(&Some(1.0));
        let is_known = came || (within > 0 && seen.iter().all(Option::is_some));
        if is_known && label.mask.is_none() {
            let off = probability - f64::from(u8::from(came));
            losses.add((&one.entity_id, one.cutoff, horizon), off * off, Some(came));
        }
        if is_known && label.mask.is_none() && is_due {
            of.labels.push(came);
            of.probabilities.push(probability);
            of.blocks.push(block(&one.entity_id, one.cutoff, horizon));
            of.cutoffs.push((Arc::clone(&one.entity_id), one.cutoff));
        } else if is_due {
            of.left_out += 1;
        }
    }
    Ok(horizons.iter().flat_map(|(horizon, of)| of.metrics(model, *horizon, since)).collect())
}

/// How long after its horizon the truth about a prediction has come.
fn waits(task: &Task) -> Micros {
    let delay = task.label.events().map_or(0, |filter| filter.reporting_delay.micros());
    task.lead.micros() + delay
}

/// Predictions about an entity that one event may lie within the horizon of: most of any entity.
fn sharing(cutoffs: &[(Arc<str>, Micros)], horizon: Micros) -> usize {
    let mut cutoffs: Vec<&(Arc<str>, Micros)> = cutoffs.iter().collect();
    cutoffs.sort_unstable();
    let mut first = 0;
    let mut most = 1;
    for (at, (entity, cutoff)) in cutoffs.iter().enumerate() {
        while cutoffs[first].0 != *entity || cutoffs[first].1 + horizon.max(1) <= *cutoff {
            first += 1;
        }
        most = most.max(at + 1 - first);
    }
    most
}

impl Horizon {
    fn metrics(&self, model: &Model, horizon: Micros, since: Micros) -> Vec<Metric> {
        let scope = span_word(horizon);
        let of = |metric, kind| Metric::of_model(model, &scope, metric, kind, since);
        let agree = holds(Judged {
            labels: &self.labels,
            probabilities: &self.probabilities,
            blocks: &self.blocks,
            sharing: sharing(&self.cutoffs, horizon),
        });
        let events = self.labels.iter().filter(|label| **label).count();
        let mut score = of("brier", Kind::Realised)
            .value(brier(&self.labels, &self.probabilities), self.labels.len());
        score.interval = self.interval(brier);
        let mut skill = of("brier_skill", Kind::Realised)
            .value(brier_skill(&self.labels, &self.probabilities), self.labels.len());
        skill.interval = self.interval(brier_skill);
        vec![
            self.tells(self.enough(score, events)),
            self.tells(self.skill(skill, events)),
            self.tells(self.ratio(of("events_over_expected", Kind::Realised), events, agree)),
            self.estimated(of("brier", Kind::Estimated), |e| (e.brier, None), agree),
            self.estimated(
                of("events", Kind::Estimated),
                |e| {
                    let reach = 2.0 * e.events_deviation;
                    (e.events, Some(((e.events - reach).max(0.0), e.events + reach)))
                },
                agree,
            ),
        ]
    }

    fn enough(&self, metric: Metric, events: usize) -> Metric {
        if self.labels.is_empty() {
            return metric.state(State::Unknown, "no truth has arrived yet".to_owned());
        }
        if events < LEAST_EVENTS {
            let reason = format!("{events} events so far, {LEAST_EVENTS} are needed");
            return metric.state(State::Unknown, reason);
        }
        metric.state(State::Ok, None)
    }

    fn interval(&self, score: impl Fn(&[bool], &[f64]) -> Option<f64>) -> Option<(f64, f64)> {
        block_interval(&self.blocks, REPLICATES, SEED, |rows| {
            let labels: Vec<bool> = rows.iter().map(|row| self.labels[*row]).collect();
            let p: Vec<f64> = rows.iter().map(|row| self.probabilities[*row]).collect();
            score(&labels, &p)
        })
        .map(|interval| (interval.low, interval.high))
    }

    /// Skill is gone when the whole interval of what is plausible says so.
    fn skill(&self, metric: Metric, events: usize) -> Metric {
        let metric = self.enough(metric, events);
        match metric.interval {
            Some((_, high)) if metric.state == State::Ok && high < 0.0 => {
                metric.state(State::Warn, "worse than the base rate of these days".to_owned())
            }
            _ => metric,
        }
    }

    fn ratio(&self, metric: Metric, events: usize, agree: Holds) -> Metric {
        let expected: f64 = self.probabilities.iter().sum();
        let ratio = (expected > 0.0).then(|| events as f64 / expected);
        let metric = metric.value(ratio, self.labels.len());
        match agree {
            Holds::Yes => metric.state(State::Ok, None),
            Holds::Unknown => metric.state(State::Unknown, Some(self.too_little(events))),
            Holds::No { .. } => metric.state(State::Warn, differs(agree)),
        }
    }

    /// An estimate is worth what the probabilities were worth where truth has arrived.
    fn estimated(
        &self,
        metric: Metric,
        of: impl Fn(foresite_metrics::drift::estimate::Estimate) -> (f64, Option<(f64, f64)>),
        agree: Holds,
    ) -> Metric {
        let Some(estimate) = estimate(&self.open) else {
            return metric.state(State::Unknown, "nothing is open".to_owned());
        };
        let (value, interval) = of(estimate);
        let mut metric = metric.value(Some(value), estimate.samples);
        metric.interval = interval;
        match agree {
            Holds::Yes => metric.state(State::Ok, None),
            Holds::Unknown => {
                let reason = "too little truth to say whether the estimate holds".to_owned();
                metric.state(State::Unknown, reason)
            }
            Holds::No { .. } => {
                let why = differs(agree).unwrap_or_default();
                metric.state(State::Warn, format!("the estimate does not hold: {why}"))
            }
        }
    }

    /// Says how many predictions do not count.
    fn tells(&self, mut metric: Metric) -> Metric {
        if self.left_out > 0 {
            let said = metric.reason.map_or_else(String::new, |reason| format!("{reason}; "));
            let why = "acted upon, planned work or an event under way";
            metric.reason = Some(format!("{said}{} predictions left out: {why}", self.left_out));
        }
        metric
    }

    fn too_little(&self, events: usize) -> String {
        format!("{events} events in {} judged predictions are too few to say", self.labels.len())
    }
}

fn differs(agree: Holds) -> Option<String> {
    match agree {
        Holds::No { came, expected, p_value } => Some(format!(
            "{came} predictions came true where {expected:.1} were expected (p = {p_value:.1e})"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use foresite_features::task::{DAY, HOUR};

    use super::*;

    #[test]
    fn an_event_is_shared_by_the_predictions_of_its_horizon() {
        let hourly = |id: &str| -> Vec<(Arc<str>, Micros)> {
            (0..72).map(|hour| (id.into(), hour * HOUR)).collect()
        };
        let two = [hourly("a"), hourly("b")].concat();
        assert_eq!(sharing(&two, 6 * HOUR), 6);
        assert_eq!(sharing(&two, DAY), 24);
        assert_eq!(sharing(&two, HOUR / 2), 1);
        assert_eq!(sharing(&[], DAY), 1);
    }
}
