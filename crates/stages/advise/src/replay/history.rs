//! What a replay carries from list to list, and what it counts.

use std::collections::{BTreeMap, BTreeSet};

use foresite_stage::Report;

use crate::advice::{Advice, Worklist};
use crate::clock::Micros;
use crate::config::Config;
use crate::hindsight::Item;
use crate::incidents::{Incident, PriorIncident};
use crate::inputs::{Placed, Signals};
use crate::left_out::Code;
use crate::read::MEMORY;
use crate::statements::Statement;
use crate::teams::REACH;

/// What was replayed so far.
#[derive(Debug, Default)]
pub(super) struct History {
    /// What the lists so far say to the next one; `None` before the first.
    past: Option<Past>,
    lists: BTreeMap<String, Replayed>,
}

/// What one list says to the next.
#[derive(Debug)]
struct Past {
    prior: Vec<PriorIncident>,
    placed: Vec<Placed>,
    named: BTreeSet<String>,
}

/// What the lists of a task named.
#[derive(Debug, Default)]
pub(super) struct Replayed {
    /// Every item of every list, checks left aside.
    pub(super) items: Vec<Item>,
    /// Of each incident, the probability that its first list stated; `None` where that list had no
    /// calibrated ones.
    pub(super) stated: BTreeMap<String, Option<f64>>,
    /// Lists that stated something, by cutoff.
    pub(super) stating: BTreeMap<Micros, Stated>,
    /// Of each incident, the predictions that its lists named.
    pub(super) predictions: BTreeMap<String, BTreeSet<String>>,
    /// Incidents that some list left out, by reason.
    left_out: BTreeMap<Code, BTreeSet<String>>,
    lists: usize,
    most: usize,
    /// The most places that a list, or the lists of a team's shift, took beyond their budget.
    over: usize,
}

/// What a list stated, and about whom.
#[derive(Debug)]
pub(super) struct Stated {
    /// Items, checks left aside.
    listed: usize,
    /// Of these, the expected number of right ones.
    hits: f64,
    /// Expected number of entities with an event that no open incident names.
    misses: f64,
    /// Entities of the open incidents, listed or left out.
    pub(super) named: BTreeSet<String>,
}

impl History {
    /// Puts the replayed past in the place of the published one. The first list goes on from what was
    /// published before it.
    pub(super) fn continue_in(&mut self, signals: &mut Signals) {
        if let Some(Past { prior, placed, named }) = self.past.take() {
            (signals.prior, signals.placed, signals.named) = (prior, placed, named);
        }
        let cutoff = signals.cutoff;
        // A week without a row ends an incident's identity, as it does between runs.
        signals.prior.retain(|one| cutoff - one.cutoff <= MEMORY);
        for one in &mut signals.prior {
            one.said_before = one.said_before.split_off(&(cutoff - MEMORY));
        }
        signals.placed.retain(|one| cutoff - one.cutoff <= REACH);
    }

    /// Takes up what a list said, made from these signals.
    pub(super) fn remember(&mut self, advice: &Advice, signals: Signals) {
        let Signals { cutoff, prior, mut placed, mut named, .. } = signals;
        let prior = prior.into_iter().map(|one| (one.incident_id.clone(), one));
        let mut prior: BTreeMap<String, PriorIncident> = prior.collect();
        for list in &advice.lists {
            let told = list.incidents().map(|(incident, _)| incident);
            for incident in told.filter(|incident| !incident.is_check()) {
                go_on(&mut prior, incident, cutoff);
            }
            for entry in &list.listed {
                let incident = &entry.item.incident;
                named.insert(incident.incident_id.clone());
                placed.extend(entry.item.team.as_ref().map(|team| Placed {
                    incident_id: incident.incident_id.clone(),
                    task: incident.task.clone(),
                    team: team.clone(),
                    cutoff,
                }));
            }
            self.lists.entry(list.list.task.clone()).or_default().take(list, cutoff);
        }
        self.past = Some(Past { prior: prior.into_values().collect(), placed, named });
    }

    /// What the lists of a task named.
    pub(super) fn of(&self, task: &str) -> Option<&Replayed> {
        self.lists.get(task)
    }

    /// Counts of every list.
    pub(super) fn tell(&self, config: &Config, report: &mut Report) {
        for list in &config.lists {
            let Some(said) = self.of(&list.task) else { continue };
            let mut number = |name: &str, value: usize| {
                report.number(&format!("{}_{name}", list.task), value);
            };
            number("lists", said.lists);
            number("incidents", said.stated.len());
            number("most_on_a_list", said.most);
            number("places_over_budget", said.over);
            for (code, incidents) in &said.left_out {
                number(&format!("left_out_{}", code.word()), incidents.len());
            }
            for (name, of) in STATED {
                report.number(&format!("{}_{name}", list.task), said.mean(of));
            }
        }
    }
}

/// The newest row of an incident, in the place of the one before.
fn go_on(prior: &mut BTreeMap<String, PriorIncident>, incident: &Incident, cutoff: Micros) {
    let id = incident.incident_id.clone();
    let mut said_before = prior.remove(&id).map(|one| one.said_before).unwrap_or_default();
    said_before.insert(cutoff, incident.prediction_ids.clone());
    let newest = PriorIncident {
        incident_id: id.clone(),
        task: incident.task.clone(),
        entity_id: incident.entity_id.clone(),
        entity_type: incident.entity_type.clone(),
        member_entities: incident.member_entities.clone(),
        prediction_ids: incident.prediction_ids.clone(),
        said_before,
        cutoff,
        first_seen_at: incident.first_seen_at,
        change: incident.change,
        level: incident.level,
    };
    prior.insert(id, newest);
}

/// Of a list that states something.
type OfStated = fn(&Stated) -> f64;

/// What is told of the lists that state something, as means over them: an item is stated anew by each
/// of its lists, and an event is missed by every list before it.
const STATED: [(&str, OfStated); 3] = [
    ("mean_on_a_list", |list| list.listed as f64),
    ("stated_hits", |list| list.hits),
    ("stated_misses", |list| list.misses),
];

impl Replayed {
    /// The sum of what was stated; `None` unless each is a probability.
    pub(super) fn sum(&self, stated: impl Iterator<Item = Option<f64>>) -> Option<f64> {
        stated.sum::<Option<f64>>().filter(|_| !self.stating.is_empty()).map(rounded)
    }

    /// The mean over the lists that state something; `None` without one.
    fn mean(&self, of: OfStated) -> Option<f64> {
        let sum: f64 = self.stating.values().map(of).sum();
        (!self.stating.is_empty()).then(|| rounded(sum / self.stating.len() as f64))
    }

    fn take(&mut self, list: &Worklist, cutoff: Micros) {
        self.lists += 1;
        self.most = self.most.max(list.listed.len());
        let over =
            list.statements.iter().map(|said| said.used.saturating_sub(said.budget as usize));
        self.over = self.over.max(over.max().unwrap_or(0));
        let stated = stated(list);
        let is_stated = stated.is_some();
        self.stating.extend(stated.map(|stated| (cutoff, stated)));
        let listed = list.listed.iter().map(|entry| &entry.item.incident);
        for incident in listed.filter(|incident| !incident.is_check()) {
            let id = &incident.incident_id;
            self.items.push(Item {
                incident_id: id.clone(),
                cutoff,
                entities: incident.member_entities.clone(),
            });
            self.stated
                .entry(id.clone())
                .or_insert_with(|| is_stated.then(|| incident.probability()));
            let said = self.predictions.entry(id.clone()).or_default();
            said.extend(incident.prediction_ids.iter().cloned());
        }
        for entry in &list.left_out {
            if let Some(reason) = &entry.item.left_out {
                let id = entry.item.incident.incident_id.clone();
                self.left_out.entry(reason.code).or_default().insert(id);
            }
        }
    }
}

/// `None` where some team's list states nothing.
fn stated(list: &Worklist) -> Option<Stated> {
    let sum = |of: fn(&Statement) -> Option<f64>| list.statements.iter().map(of).sum();
    let (hits, misses): (Option<f64>, Option<f64>) =
        (sum(|said| said.hits), sum(|said| said.misses));
    let listed = list.listed.iter().filter(|entry| !entry.item.incident.is_check()).count();
    let open = list.listed.iter().chain(&list.left_out).map(|entry| &entry.item.incident);
    let named = open.filter(|incident| !incident.is_check());
    let named = named.flat_map(|incident| incident.member_entities.iter().cloned()).collect();
    Some(Stated { listed, hits: hits?, misses: misses?, named })
}

/// Four digits: a result is read by people.
pub(super) fn rounded(value: f64) -> f64 {
    // Plus nothing: a sum over nothing is minus zero.
    (value * 1e4).round() / 1e4 + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ListConfig;

    fn list(statements: Vec<Statement>) -> Worklist {
        Worklist {
            list: ListConfig::maintenance(),
            listed: Vec::new(),
            left_out: Vec::new(),
            closed: Vec::new(),
            statements,
            scored: 0,
            models: BTreeSet::new(),
        }
    }

    #[test]
    fn a_shift_that_takes_more_places_than_its_budget_is_told() {
        let team = |budget, used| Statement { budget, used, ..Statement::default() };
        let mut said = Replayed::default();
        said.take(&list(vec![team(10, 10), team(2, 0)]), 1);
        assert_eq!(said.over, 0, "a team's free places are no other's");
        said.take(&list(vec![team(10, 0), team(2, 4)]), 2);
        said.take(&list(vec![team(10, 11), team(2, 2)]), 3);
        assert_eq!(said.over, 2, "the worst of all lists");
    }

    #[test]
    fn what_is_stated_is_a_mean_over_the_lists_that_state_something() {
        let of = |hits, misses| Statement { hits, misses, ..Statement::default() };
        let mut said = Replayed::default();
        let told = |said: &Replayed| STATED.map(|(_, of)| said.mean(of));
        assert_eq!(told(&said), [None; 3]);
        said.take(&list(vec![of(Some(1.5), Some(0.5)), of(Some(0.0), Some(0.25))]), 1);
        said.take(&list(vec![of(None, None)]), 2);
        said.take(&list(vec![of(Some(0.5), Some(0.25)), of(Some(0.0), Some(0.0))]), 3);
        assert_eq!(told(&said), [Some(0.0), Some(1.0), Some(0.5)], "2.0 and 1.0 over two lists");
    }
}
