//! A challenger beside the model that serves, on what both said and truth has come about.
//!
//! One loss a cutoff: the mean over its horizons, once the truth about the longest has come, so that
//! one event is not a row for each of them. What the challenger learnt from, or was judged by before,
//! does not count, whenever it was said.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foresite_features::task::{Head, Micros};
use foresite_metrics::paired_blocks;
use foresite_schema::catalog::watch::LOSS_AGAINST_CHAMPION;

use super::{Kind, Metric, State, block};
use crate::models::{Model, Models};

const REPLICATES: usize = 1000;
const SEED: u64 = 6;
/// Blocks of what hangs together, and events, without which a comparison says nothing: those of the
/// gate slice.
const LEAST_BLOCKS: usize = 8;
const LEAST_EVENTS: usize = 10;

/// How far off a model was at a horizon, and whether an event came; `None` of a forecast.
type Loss = (f64, Option<bool>);

/// How far off a model was, by who and cutoff, horizon by horizon; nothing of a model that stands alone.
#[derive(Debug)]
pub(super) struct Losses {
    is_compared: bool,
    cutoffs: BTreeMap<(Arc<str>, Micros), BTreeMap<Micros, Loss>>,
}

impl Losses {
    pub(super) fn new(is_compared: bool) -> Self {
        Self { is_compared, cutoffs: BTreeMap::new() }
    }

    pub(super) fn add(
        &mut self,
        (entity, cutoff, horizon): (&Arc<str>, Micros, Micros),
        loss: f64,
        came: Option<bool>,
    ) {
        if self.is_compared && loss.is_finite() {
            let key = (Arc::clone(entity), cutoff);
            self.cutoffs.entry(key).or_default().insert(horizon, (loss, came));
        }
    }

    fn horizons(&self) -> BTreeSet<Micros> {
        self.cutoffs.values().flat_map(BTreeMap::keys).copied().collect()
    }
}

/// A cutoff about which both spoke and all truth has come.
struct Pair {
    own: f64,
    theirs: f64,
    block: u64,
    /// An event within the longest horizon that the cutoff before did not see.
    is_new_event: bool,
}

fn pairs(own: &Losses, theirs: &Losses, challenger: &Model) -> Vec<Pair> {
    let horizons = own.horizons();
    let longest = challenger.task.horizon().micros();
    if horizons.last() != Some(&longest) {
        return Vec::new();
    }
    let after = challenger.seen_until;
    let mean = |of: &BTreeMap<Micros, Loss>| {
        let all: Option<Vec<f64>> = horizons.iter().map(|at| of.get(at).map(|of| of.0)).collect();
        all.map(|all| all.iter().sum::<f64>() / all.len() as f64)
    };
    let mut before: Option<(&Arc<str>, bool)> = None;
    let mut found = Vec::new();
    for ((entity, cutoff), said) in own.cutoffs.iter().filter(|((_, at), _)| *at > after) {
        let beside = theirs.cutoffs.get(&(Arc::clone(entity), *cutoff)).and_then(mean);
        let Some((own, theirs)) = mean(said).zip(beside) else { continue };
        let came = said.get(&longest).is_some_and(|of| of.1 == Some(true));
        let went_on = before.is_some_and(|(of, came)| of == entity && came);
        before = Some((entity, came));
        let block = block(entity, *cutoff, longest);
        found.push(Pair { own, theirs, block, is_new_event: came && !went_on });
    }
    found
}

/// Every challenger beside the model that serves its task, where truth comes by itself.
pub(super) fn metrics(
    models: &Models,
    losses: &BTreeMap<&str, Losses>,
    since: Micros,
) -> Vec<Metric> {
    let has_truth =
        |of: &Model| matches!(of.task.head, Head::TimeToEvent { .. } | Head::Forecast { .. });
    let challengers = models.speaking.iter().filter(|of| !of.serves() && has_truth(of));
    let beside = challengers.filter_map(|challenger| {
        let is_beside = |of: &&Model| of.serves() && of.task.task == challenger.task.task;
        let serving = models.speaking.iter().find(is_beside)?;
        let of = |model: &Model| losses.get(model.id.as_str());
        Some(metric((challenger, of(challenger)?), of(serving)?, since))
    });
    beside.collect()
}

/// Whether the challenger is better than the model that serves: `ok` where the whole 95 % interval of
/// the difference in mean loss says so, `warn` where all of it says the contrary, else `unknown`. Looked at
/// every day, it crosses a line sooner or later: a person decides, after as long as the task needs.
fn metric((challenger, own): (&Model, &Losses), theirs: &Losses, since: Micros) -> Metric {
    let metric =
        Metric::of_model(challenger, "shadow", LOSS_AGAINST_CHAMPION, Kind::Realised, since);
    let pairs = pairs(own, theirs, challenger);
    let of = |pick: fn(&Pair) -> f64| pairs.iter().map(pick).collect::<Vec<f64>>();
    let blocks: Vec<u64> = pairs.iter().map(|pair| pair.block).collect();
    let test =
        paired_blocks(&of(|pair| pair.own), &of(|pair| pair.theirs), &blocks, REPLICATES, SEED);
    let Some(test) = test else {
        let horizon = super::span_word(challenger.task.horizon().micros());
        let reason =
            format!("the truth of all {horizon} has come about {} cutoffs of both", pairs.len());
        return metric.state(State::Unknown, reason);
    };
    let mut metric = metric.value(Some(test.difference), pairs.len());
    metric.interval = Some((test.interval.low, test.interval.high));
    let foretells = own.cutoffs.values().flat_map(BTreeMap::values).any(|of| of.1.is_some());
    let events = pairs.iter().filter(|pair| pair.is_new_event).count();
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

    fn longest() -> Micros {
        challenger().task.horizon().micros()
    }

    /// Losses about twenty sites over ten days, at two horizons; an event came to the first so many.
    fn losses(loss: impl Fn(usize, Micros) -> f64, events: usize) -> Losses {
        let mut losses = Losses::new(true);
        for site in 0..20 {
            let entity = Arc::from(format!("s{site:02}"));
            for day in 2..12 {
                for horizon in [DAY, longest()] {
                    let off = loss(site, day);
                    losses.add((&entity, day * DAY, horizon), off, Some(site < events));
                }
            }
        }
        losses
    }

    fn judged(own: &Losses, events: usize) -> Metric {
        let serving = losses(|site, day| 0.2 + 0.01 * ((site as i64 + day) % 7) as f64, events);
        metric((&challenger(), own), &serving, 0)
    }

    #[test]
    fn three_ends_of_a_shadow() {
        let better = judged(&losses(|_, _| 0.1, 12), 12);
        assert_eq!((better.state, better.samples), (State::Ok, 200));
        assert_eq!((better.role, better.model_id.as_str()), ("challenger", "c"));
        assert_eq!(judged(&losses(|_, _| 0.4, 12), 12).state, State::Warn);
        let close = losses(|site, _| if site.is_multiple_of(2) { 0.1 } else { 0.36 }, 12);
        assert_eq!(judged(&close, 12).state, State::Unknown);
    }

    #[test]
    fn a_detector_is_not_compared_and_a_model_without_truth_yet_is_waited_for() {
        let of = |task: &str, role, id: &str| Model {
            id: id.into(),
            role,
            task: serde_json::from_str(built_in(task).unwrap()).unwrap(),
            ..challenger()
        };
        let both = |task| {
            let speaking = vec![of(task, Alias::Champion, "a"), of(task, Alias::Challenger, "c")];
            let models = Models { speaking, silent: Vec::new() };
            let losses = BTreeMap::from([("a", Losses::new(true)), ("c", Losses::new(true))]);
            metrics(&models, &losses, 0).iter().map(|metric| metric.state).collect::<Vec<_>>()
        };
        assert_eq!(both("anomaly"), []);
        assert_eq!(both("maintenance"), [State::Unknown]);
        assert_eq!(both("capacity"), [State::Unknown]);
    }

    #[test]
    fn one_event_counts_once_however_often_it_was_foretold() {
        let few = judged(&losses(|_, _| 0.1, 9), 9);
        assert_eq!(few.state, State::Unknown);
        let reason = few.reason.unwrap();
        assert!(reason.contains("9 events so far, 8 and 10 are needed"), "{reason}");
    }

    #[test]
    fn only_what_both_said_whole_and_after_the_learning_counts() {
        let mut own = losses(|_, _| 0.1, 12);
        let site: Arc<str> = Arc::from("s00");
        // Learnt from; not said by the other; not ripe at the longest horizon.
        own.add((&site, DAY, DAY), 0.0, Some(false));
        own.add((&site, DAY, longest()), 0.0, Some(false));
        own.add((&Arc::from("alone"), 3 * DAY, longest()), 0.0, Some(true));
        own.add((&site, 12 * DAY, DAY), 0.0, Some(false));
        assert_eq!(judged(&own, 12).samples, 200);
        let nothing = metric((&challenger(), &own), &Losses::new(true), 0);
        assert_eq!((nothing.state, nothing.value), (State::Unknown, None));
    }
}
