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
    lists: usize,
    most: usize,
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
            for (code, incidents) in &said.left_out {
                number(&format!("left_out_{}", code.word()), incidents.len());
            }
            let stated = said.sum(said.stated.values().copied());
            report.number(&format!("{}_stated_hits", list.task), stated);
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

    fn take(&mut self, list: &Worklist, cutoff: Micros) {
        self.lists += 1;
        self.most = self.most.max(list.listed.len());
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

/// Four digits: a result is read by people.
fn rounded(value: f64) -> f64 {
    // Plus nothing: a sum over nothing is minus zero.
    (value * 1e4).round() / 1e4 + 0.0
}
