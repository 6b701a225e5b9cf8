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
    /// Whether some list stated how many of its items would be right.
    has_stated: bool,
    /// Of each incident, the predictions that its lists named.
    pub(super) predictions: BTreeMap<String, BTreeSet<String>>,
    /// Incidents that some list left out, by reason.
    left_out: BTreeMap<Code, BTreeSet<String>>,
    /// Of each list that states what it expects to miss: how much, and whom its incidents name.
    pub(super) misses: BTreeMap<Micros, Misses>,
    lists: usize,
    most: usize,
    /// The most places that a list, or the lists of a team's shift, took beyond their budget.
    over: usize,
}

/// What a list states to miss, and what it does not.
#[derive(Debug)]
pub(super) struct Misses {
    /// Expected number of entities with an event that no open incident names.
    stated: f64,
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
            let stated = said.sum(said.stated.values().copied());
            report.number(&format!("{}_stated_hits", list.task), stated);
            report.number(&format!("{}_stated_misses", list.task), said.stated_misses());
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

impl Replayed {
    /// The sum of what was stated; `None` unless each is a probability.
    pub(super) fn sum(&self, stated: impl Iterator<Item = Option<f64>>) -> Option<f64> {
        stated.sum::<Option<f64>>().filter(|_| self.has_stated).map(rounded)
    }

    /// What a list expects to miss, on average; `None` where none states it. An event is missed by
    /// every list before it: a sum over lists would count it anew each hour.
    fn stated_misses(&self) -> Option<f64> {
        let stated: f64 = self.misses.values().map(|list| list.stated).sum();
        (!self.misses.is_empty()).then(|| rounded(stated / self.misses.len() as f64))
    }

    fn take(&mut self, list: &Worklist, cutoff: Micros) {
        self.lists += 1;
        self.most = self.most.max(list.listed.len());
        let over =
            list.statements.iter().map(|said| said.used.saturating_sub(said.budget as usize));
        self.over = self.over.max(over.max().unwrap_or(0));
        self.misses.extend(misses(list).map(|misses| (cutoff, misses)));
        let is_stated = list.statements.iter().any(|said| said.hits.is_some());
        self.has_stated |= is_stated;
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

/// `None` where some team's list states none.
fn misses(list: &Worklist) -> Option<Misses> {
    let stated: Option<f64> = list.statements.iter().map(|said| said.misses).sum();
    let open = list.listed.iter().chain(&list.left_out).map(|entry| &entry.item.incident);
    let named = open.filter(|incident| !incident.is_check());
    let named = named.flat_map(|incident| incident.member_entities.iter().cloned()).collect();
    stated.map(|stated| Misses { stated, named })
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
    use crate::statements::Statement;

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
    fn misses_are_a_mean_over_the_lists_that_state_them() {
        let of = |misses| Statement { misses, ..Statement::default() };
        let mut said = Replayed::default();
        assert_eq!(said.stated_misses(), None);
        said.take(&list(vec![of(Some(0.5)), of(Some(0.25))]), 1);
        said.take(&list(vec![of(None)]), 2);
        said.take(&list(vec![of(Some(0.25)), of(Some(0.0))]), 3);
        assert_eq!(said.stated_misses(), Some(0.5), "(0.75 + 0.25) / 2");
    }
}
