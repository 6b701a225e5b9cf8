//! A challenger beside the model that serves, on what both said and truth has come about.

use std::collections::BTreeMap;
use std::sync::Arc;

use foresite_features::task::Micros;
use foresite_metrics::paired_blocks;

use super::{Kind, Metric, State};
use crate::models::Model;

/// Name of the metric in `performance`.
pub(crate) const AGAINST_CHAMPION: &str = "loss_against_champion";

const REPLICATES: usize = 1000;
const SEED: u64 = 6;
/// Blocks of what hangs together, and events, without which a comparison says nothing: those of the
/// gate slice.
const LEAST_BLOCKS: usize = 8;
const LEAST_EVENTS: usize = 10;

/// Who a prediction is about, its cutoff and its horizon.
type Key = (Arc<str>, Micros, Micros);

/// How far off a model was, prediction by prediction.
#[derive(Debug, Default)]
pub(super) struct Losses {
    rows: BTreeMap<Key, Loss>,
}

#[derive(Debug, Clone, Copy)]
struct Loss {
    loss: f64,
    block: u64,
    /// Whether an event came; `None` of a forecast.
    came: Option<bool>,
}

impl Losses {
    pub(super) fn add(&mut self, key: Key, loss: f64, block: u64, came: Option<bool>) {
        if loss.is_finite() {
            self.rows.insert(key, Loss { loss, block, came });
        }
    }
}

/// Whether the challenger is better than the model that serves: `ok` where the whole interval of the
/// difference in mean loss says so, `warn` where all of it says the contrary, else `unknown`.
pub(super) fn metric(
    (challenger, own): (&Model, &Losses),
    serving: &Losses,
    since: Micros,
) -> Metric {
    let metric = Metric::of_model(challenger, "shadow", AGAINST_CHAMPION, Kind::Realised, since);
    let pairs: Vec<(Loss, f64)> = own
        .rows
        .iter()
        .filter_map(|(key, loss)| Some((*loss, serving.rows.get(key)?.loss)))
        .collect();
    let of = |pick: &dyn Fn(&(Loss, f64)) -> f64| pairs.iter().map(pick).collect::<Vec<f64>>();
    let blocks: Vec<u64> = pairs.iter().map(|(loss, _)| loss.block).collect();
    let (own, theirs) = (of(&|pair| pair.0.loss), of(&|pair| pair.1));
    let Some(test) = paired_blocks(&own, &theirs, &blocks, REPLICATES, SEED) else {
        let reason = format!("truth has come about {} predictions of both", pairs.len());
        return metric.state(State::Unknown, reason);
    };
    let mut metric = metric.value(Some(test.difference), pairs.len());
    metric.interval = Some((test.interval.low, test.interval.high));
    let foretells = pairs.iter().any(|(loss, _)| loss.came.is_some());
    let events = pairs.iter().filter(|(loss, _)| loss.came == Some(true)).count();
    if test.blocks < LEAST_BLOCKS || (foretells && events < LEAST_EVENTS) {
        let seen = if foretells { format!(" and {events} events") } else { String::new() };
        let needed = if foretells { format!(" and {LEAST_EVENTS}") } else { String::new() };
        let reason =
            format!("{} blocks{seen} so far, {LEAST_BLOCKS}{needed} are needed", test.blocks);
        return metric.state(State::Unknown, reason);
    }
    if test.interval.high < 0.0 {
        return metric.state(State::Ok, None);
    }
    if test.interval.low > 0.0 {
        return metric.state(State::Warn, "worse than the model that serves".to_owned());
    }
    metric.state(State::Unknown, "as good as the model that serves, as far as is known".to_owned())
}

#[cfg(test)]
mod tests {
    use foresite_features::task::{DAY, Task, built_in};
    use foresite_registry::Alias;

    use super::*;

    fn challenger() -> Model {
        let task: Task = serde_json::from_str(built_in("maintenance").unwrap()).unwrap();
        Model { id: "c".into(), role: Alias::Challenger, task, learnt: (0, DAY), seen_until: DAY }
    }

    /// Losses about twenty sites for two days each; the first so many were events.
    fn losses(loss: impl Fn(usize) -> f64, events: usize) -> Losses {
        let mut losses = Losses::default();
        for row in 0..40 {
            let site = row / 2;
            let key = (Arc::from(format!("s{site}")), (row % 2) as Micros * DAY, 7 * DAY);
            losses.add(key, loss(row), site as u64, Some(row < events));
        }
        losses
    }

    fn state(own: impl Fn(usize) -> f64, events: usize) -> (State, String) {
        let serving = losses(|row| 0.2 + 0.01 * (row % 7) as f64, events);
        let found = metric((&challenger(), &losses(own, events)), &serving, 0);
        assert_eq!((found.samples, found.role, found.model_id.as_str()), (40, "challenger", "c"));
        (found.state, found.reason.unwrap_or_default())
    }

    #[test]
    fn three_ends_of_a_shadow() {
        assert_eq!(state(|_| 0.1, 20), (State::Ok, String::new()));
        assert_eq!(state(|_| 0.4, 20).0, State::Warn);
        let close = |row: usize| if (row / 2).is_multiple_of(2) { 0.1 } else { 0.36 };
        assert_eq!(state(close, 20).0, State::Unknown);
    }

    #[test]
    fn few_events_end_no_shadow() {
        let (state, reason) = state(|_| 0.1, 9);
        assert_eq!(state, State::Unknown);
        assert_eq!(reason, "20 blocks and 9 events so far, 8 and 10 are needed");
    }

    #[test]
    fn only_what_both_said_counts() {
        let mut own = losses(|_| 0.1, 10);
        own.add((Arc::from("alone"), 0, 7 * DAY), 0.0, 99, Some(true));
        let serving = losses(|_| 0.2, 10);
        assert_eq!(metric((&challenger(), &own), &serving, 0).samples, 40);
        let nothing = metric((&challenger(), &own), &Losses::default(), 0);
        assert_eq!((nothing.state, nothing.value), (State::Unknown, None));
    }
}
