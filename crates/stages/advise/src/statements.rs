//! What a list states before anybody can know: how many of its items are right, and how many events
//! it does not name.
//!
//! Sums of calibrated probabilities, written with the list, so that nobody can choose them after the
//! fact; people's marks are held against them later ([`precision`](crate::precision)), and what came, by
//! `monitor`.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    advice::Entry,
    candidates::{self, Candidate},
    config::{Config, ListConfig},
    inputs::{Prediction, Signals},
    teams::{self, Budgets, Shift},
};

/// What one team's list states.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Statement {
    /// The team; `None` where lists are not split.
    pub team: Option<String>,
    /// Its shift; `None` = the budget is one of each list.
    pub shift: Option<Shift>,
    /// Most items, checks included.
    pub budget: u32,
    /// Items that the lists of the shift have named, this one included.
    pub used: usize,
    /// Items on the list, checks included.
    pub listed: usize,
    /// Of these, checks.
    pub checks: usize,
    /// Open incidents that are not on it.
    pub left_out: usize,
    /// Expected number of right items on the list, checks left aside; like the other two, `None` where
    /// the task has no calibrated probability, or scored nothing.
    pub hits: Option<f64>,
    /// Expected number of right incidents among those left out.
    pub left_out_hits: Option<f64>,
    /// Expected number of entities with an event that no open incident names.
    pub misses: Option<f64>,
    /// Seconds after the cutoff within which an event makes the three come true.
    pub within_s: Option<u32>,
}

/// The statements of a list, one of each team.
pub fn of_list(
    list: &ListConfig,
    (listed, left_out): (&[Entry], &[Entry]),
    budgets: &Budgets,
    (signals, config): (&Signals, &Config),
) -> Vec<Statement> {
    let is_calibrated = is_calibrated(list, signals);
    let unnamed = unnamed(list, (listed, left_out), signals);
    let misses = by_team(&unnamed, (signals, config));
    let of_team = |(team, budget): (&Option<String>, &teams::Budget)| {
        let (listed, left_out) = (of_one(listed, team), of_one(left_out, team));
        let ids = listed.iter().map(|entry| &entry.item.incident.incident_id);
        let used: BTreeSet<&String> = ids.chain(&budget.used).collect();
        Statement {
            team: team.clone(),
            shift: budget.shift,
            budget: budget.most,
            used: used.len(),
            listed: listed.len(),
            checks: listed.iter().filter(|entry| entry.item.incident.is_check()).count(),
            left_out: left_out.len(),
            hits: is_calibrated.then(|| expected(&listed)),
            left_out_hits: is_calibrated.then(|| expected(&left_out)),
            misses: is_calibrated.then(|| misses.get(team).copied().unwrap_or(0.0)),
            within_s: is_calibrated.then(|| list.act_within_hours.saturating_mul(3600)),
        }
    };
    budgets.iter().map(of_team).collect()
}

/// Whether the list's task told calibrated probabilities, which alone may be summed. What a p-value
/// says at most is no probability: such bounds summed over thousands of cells would be a number
/// without a meaning. Where nothing was scored, nobody knows, and 0 would be a promise.
fn is_calibrated(list: &ListConfig, signals: &Signals) -> bool {
    let is_told = |rows: &Vec<&Prediction>| rows.iter().any(|row| row.probability.is_some());
    let scored = candidates::scored(list, signals);
    !scored.is_empty() && scored.values().all(is_told)
}

fn of_one<'e>(entries: &'e [Entry], team: &Option<String>) -> Vec<&'e Entry> {
    entries.iter().filter(|entry| entry.item.team == *team).collect()
}

/// The sum of the probabilities; a check says that nothing is expected there. Rust's sum over nothing is
/// minus zero, which reads oddly in a table.
fn expected(entries: &[&Entry]) -> f64 {
    let incidents = entries.iter().map(|entry| &entry.item.incident);
    incidents.filter(|one| !one.is_check()).map(|incident| incident.probability()).sum::<f64>()
        + 0.0
}

/// What was scored and belongs to no open incident.
fn unnamed(
    list: &ListConfig,
    (listed, left_out): (&[Entry], &[Entry]),
    signals: &Signals,
) -> Vec<Candidate> {
    let open = listed.iter().chain(left_out).map(|entry| &entry.item.incident);
    let open = open.filter(|incident| !incident.is_check());
    let named: BTreeSet<&String> = open.flat_map(|incident| &incident.member_entities).collect();
    let quiet = candidates::quiet(list, signals).into_iter();
    quiet.filter(|candidate| !named.contains(&candidate.entity_id)).collect()
}

/// Their probabilities by team.
fn by_team(
    unnamed: &[Candidate],
    (signals, config): (&Signals, &Config),
) -> BTreeMap<Option<String>, f64> {
    let mut sums = BTreeMap::new();
    for candidate in unnamed {
        let of = |teams| teams::of_entity(&candidate.entity_id, &signals.network, teams);
        *sums.entry(config.teams.as_ref().map(of)).or_default() += candidate.probability;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_probabilities_are_calibrated_and_only_where_something_was_scored() {
        let list = ListConfig::maintenance();
        let row = Prediction {
            task: list.task.clone(),
            entity_id: "r/A".into(),
            probability: Some(0.04),
            ..Prediction::default()
        };
        let of = |predictions| is_calibrated(&list, &Signals { predictions, ..Signals::default() });
        assert!(of(vec![row.clone()]));
        assert!(!of(vec![]), "silence promises nothing");
        let bound = Prediction { probability: None, p_value: Some(0.1), ..row };
        assert!(!of(vec![bound]));
    }
}
