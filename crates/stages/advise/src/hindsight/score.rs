//! Precision and recall of worklists against events that really happened.

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::{HOUR, Micros};
use crate::config::{Head, ListConfig};

/// Something that really happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TruthEvent {
    /// Where.
    pub entity_id: String,
    /// When it began.
    pub start: Micros,
    /// When it was over.
    pub end: Micros,
    /// From when on people know it anyway: until then a good list must name it. Naming it later is
    /// no mistake, leaving it out as known neither.
    pub known_from: Micros,
}

/// A listed item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The incident; the same one on several lists counts once.
    pub incident_id: String,
    /// Cutoff of the list.
    pub cutoff: Micros,
    /// Entities that it names.
    pub entities: BTreeSet<String>,
}

/// What a list could have named, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Population {
    /// All entities of the task.
    pub entities: BTreeSet<String>,
    /// All cutoffs that had a list.
    pub cutoffs: BTreeSet<Micros>,
}

/// When an event makes an item right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// An anomaly is right while it lasts, a prediction when the event begins in time.
    pub head: Head,
    /// How far ahead the event may begin; how long ago it may have ended, for an anomaly.
    pub reach: Micros,
}

impl Rules {
    /// The rules of a list. An anomaly may be over for two hours: hysteresis keeps an alert that
    /// long, and people want to know.
    pub fn of(head: Head, list: &ListConfig) -> Self {
        let reach = match head {
            Head::Anomaly => 2 * HOUR,
            Head::TimeToEvent | Head::Forecast => list.act_within(),
        };
        Self { head, reach }
    }

    fn is_due(&self, event: &TruthEvent, cutoff: Micros) -> bool {
        match self.head {
            Head::Anomaly => event.start < cutoff && event.end > cutoff - self.reach,
            Head::TimeToEvent => event.start > cutoff && event.start <= cutoff + self.reach,
            Head::Forecast => event.start <= cutoff + self.reach && event.end > cutoff,
        }
    }
}

/// How good the lists were.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Score {
    /// Incidents listed.
    pub listed: usize,
    /// Wanted events that were due at some cutoff.
    pub events: usize,
    /// Of these, named by some list in time.
    pub found: usize,
    /// Share of the incidents that were right at some cutoff; `None` without incidents.
    pub precision: Option<f64>,
    /// Share of the events that were found; `None` without events.
    pub recall: Option<f64>,
    /// Precision that as many entities drawn at random at the same cutoffs would have on average.
    pub random_precision: Option<f64>,
}

/// Places in a list of events, by cutoff.
type Due = BTreeMap<Micros, Vec<usize>>;

/// Scores lists. An incident counts once however many lists it stood on, and so does an event;
/// nothing is adjusted to segments. `concerns` tells whether a listed entity and the place of an
/// event are one thing.
pub fn score_against_truth(
    items: &[Item],
    events: &[TruthEvent],
    population: &Population,
    rules: &Rules,
    concerns: impl Fn(&str, &str) -> bool,
) -> Score {
    let due = due(events, &population.cutoffs, rules);
    let mut right: BTreeMap<&str, bool> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for item in items {
        let hits: Vec<usize> = hits(item, events, &due, &concerns).collect();
        *right.entry(&item.incident_id).or_default() |= !hits.is_empty();
        found.extend(hits);
    }
    let wanted: BTreeSet<usize> = due
        .iter()
        .flat_map(|(cutoff, at_cutoff)| at_cutoff.iter().map(move |at| (*cutoff, *at)))
        .filter(|(cutoff, at)| *cutoff < events[*at].known_from)
        .map(|(_, at)| at)
        .collect();
    let found = found.intersection(&wanted).count();
    let hits = right.values().filter(|is_right| **is_right).count();
    Score {
        listed: right.len(),
        events: wanted.len(),
        found,
        precision: ratio(hits, right.len()),
        recall: ratio(found, wanted.len()),
        random_precision: random_precision(items, events, population, &due, concerns),
    }
}

/// Items of the population's cutoffs that were right at their own, an incident on each of its lists
/// anew: what a list states to be right is an expectation of it.
pub(super) fn right(
    items: &[Item],
    events: &[TruthEvent],
    population: &Population,
    rules: &Rules,
    concerns: impl Fn(&str, &str) -> bool,
) -> usize {
    let due = due(events, &population.cutoffs, rules);
    items.iter().filter(|item| hits(item, events, &due, &concerns).next().is_some()).count()
}

/// Places of the due events that an item names.
fn hits<'a>(
    item: &'a Item,
    events: &'a [TruthEvent],
    due: &'a Due,
    concerns: &'a impl Fn(&str, &str) -> bool,
) -> impl Iterator<Item = usize> + 'a {
    due.get(&item.cutoff).into_iter().flatten().copied().filter(move |at| {
        item.entities.iter().any(|entity| concerns(entity, &events[*at].entity_id))
    })
}

/// Entities with a due event that are not among those named at the cutoff, summed over the cutoffs:
/// what a list states to miss is an expectation of it.
pub(super) fn missed(
    named: &BTreeMap<Micros, &BTreeSet<String>>,
    events: &[TruthEvent],
    population: &Population,
    rules: &Rules,
    concerns: impl Fn(&str, &str) -> bool,
) -> usize {
    let due = due(events, &population.cutoffs, rules);
    let at_cutoff = |(cutoff, named): (&Micros, &&BTreeSet<String>)| {
        let due = due.get(cutoff).map(Vec::as_slice).unwrap_or_default();
        let has_event =
            |entity: &str| due.iter().any(|at| concerns(entity, &events[*at].entity_id));
        let unnamed = population.entities.iter().filter(|entity| !named.contains(*entity));
        unnamed.filter(|entity| has_event(entity)).count()
    };
    named.iter().map(at_cutoff).sum()
}

/// The events that a list should name, by cutoff.
fn due(events: &[TruthEvent], cutoffs: &BTreeSet<Micros>, rules: &Rules) -> Due {
    let at_cutoff =
        |cutoff| (0..events.len()).filter(|at| rules.is_due(&events[*at], cutoff)).collect();
    cutoffs.iter().map(|cutoff| (*cutoff, at_cutoff(*cutoff))).collect()
}

/// The mean, over the listed items, of the share of entities that an event concerned at the item's
/// cutoff: exactly what drawing at random is right by on average.
fn random_precision(
    items: &[Item],
    events: &[TruthEvent],
    population: &Population,
    due: &Due,
    concerns: impl Fn(&str, &str) -> bool,
) -> Option<f64> {
    let mut shares: BTreeMap<Micros, f64> = BTreeMap::new();
    let mut sum = 0.0;
    for item in items {
        let share = *shares.entry(item.cutoff).or_insert_with(|| {
            let events_due = due.get(&item.cutoff);
            let is_hit = |entity: &&String| {
                let of_event = |at: &usize| concerns(entity, &events[*at].entity_id);
                events_due.is_some_and(|due| due.iter().any(of_event))
            };
            let hit = population.entities.iter().filter(is_hit).count();
            ratio(hit, population.entities.len()).unwrap_or(0.0)
        });
        sum += share;
    }
    (!items.is_empty()).then(|| sum / items.len() as f64)
}

fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(entity_id: &str, start: i64, end: i64) -> TruthEvent {
        TruthEvent {
            entity_id: entity_id.into(),
            start: start * HOUR,
            end: end * HOUR,
            known_from: Micros::MAX,
        }
    }

    fn item(id: &str, cutoff: i64, entity: &str) -> Item {
        Item { incident_id: id.into(), cutoff: cutoff * HOUR, entities: [entity.to_owned()].into() }
    }

    fn population(cutoffs: &[i64]) -> Population {
        Population {
            entities: ["a", "b", "c", "d"].map(str::to_owned).into(),
            cutoffs: cutoffs.iter().map(|hour| hour * HOUR).collect(),
        }
    }

    fn score(items: &[Item], events: &[TruthEvent], cutoffs: &[i64], head: Head) -> Score {
        let rules = Rules { head, reach: if head == Head::Anomaly { 2 * HOUR } else { 24 * HOUR } };
        score_against_truth(items, events, &population(cutoffs), &rules, |a, b| a == b)
    }

    #[test]
    fn an_incident_on_three_lists_counts_once() {
        let items =
            [item("1", 10, "a"), item("1", 11, "a"), item("1", 12, "a"), item("2", 12, "b")];
        let score = score(&items, &[event("a", 9, 13)], &[10, 11, 12], Head::Anomaly);
        assert_eq!((score.listed, score.events, score.found), (2, 1, 1));
        assert_eq!((score.precision, score.recall), (Some(0.5), Some(1.0)));
        // By hand: one of four entities was affected at every cutoff.
        assert_eq!(score.random_precision, Some(0.25));
    }

    #[test]
    fn a_prediction_counts_only_before_the_event() {
        let events = [event("a", 20, 22)];
        let early = score(&[item("1", 10, "a")], &events, &[10], Head::TimeToEvent);
        assert_eq!(early.recall, Some(1.0));
        let late = score(&[item("1", 21, "a")], &events, &[21], Head::TimeToEvent);
        assert_eq!((late.precision, late.recall, late.events), (Some(0.0), None, 0));
        let too_early = score(&[item("1", -10, "a")], &events, &[-10], Head::TimeToEvent);
        assert_eq!(too_early.precision, Some(0.0));
    }

    #[test]
    fn an_entity_is_missed_by_every_list_that_did_not_name_it_before_its_event() {
        let events = [event("a", 20, 22), event("b", 20, 22), event("a", 21, 22)];
        let (nothing, a) = (BTreeSet::new(), BTreeSet::from(["a".to_owned()]));
        let named = [(-10, &nothing), (10, &nothing), (12, &a), (30, &nothing)];
        let named = BTreeMap::from(named.map(|(hour, named)| (hour * HOUR, named)));
        let cutoffs = population(&[-10, 10, 12, 30]);
        let rules = Rules { head: Head::TimeToEvent, reach: 24 * HOUR };
        // By hand: nothing is due at -10 and at 30, a and b are at 10, and at 12 a is named.
        assert_eq!(missed(&named, &events, &cutoffs, &rules, |a, b| a == b), 3);
    }

    #[test]
    fn an_item_is_right_by_the_events_of_its_own_list() {
        let items =
            [item("1", -10, "a"), item("1", 10, "a"), item("1", 12, "a"), item("2", 12, "b")];
        let rules = Rules { head: Head::TimeToEvent, reach: 24 * HOUR };
        let of = |cutoffs: &[i64]| {
            right(&items, &[event("a", 20, 22)], &population(cutoffs), &rules, |a, b| a == b)
        };
        // By hand: the event lies 30 hours after the first list.
        assert_eq!(of(&[-10, 10, 12]), 2);
        assert_eq!(of(&[-10, 10]), 1, "the list at 12 is not asked about");
    }

    #[test]
    fn a_known_outage_on_the_list_is_no_mistake_and_its_absence_no_miss() {
        let outage = TruthEvent { known_from: 9 * HOUR, ..event("a", 9, 13) };
        let named =
            score(&[item("1", 10, "a")], std::slice::from_ref(&outage), &[10], Head::Anomaly);
        assert_eq!((named.precision, named.recall), (Some(1.0), None));
        let silent = score(&[], &[outage], &[10], Head::Anomaly);
        assert_eq!(silent, Score::default());
    }
}
