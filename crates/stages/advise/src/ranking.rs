//! Which items people see: ranked by urgency, cut at the budget, with a reason for what is left out.

use std::collections::BTreeSet;

use crate::{
    clock,
    config::{Config, Head, ListConfig},
    durations,
    exposure::{self, AverageCell, Exposure},
    incidents::{self, Incident},
    inputs::{Context, Signals},
    known::{self, Known},
    left_out::{Code, LeftOut},
    suppressions,
    teams::{self, Budget, Budgets},
};

/// Least share of an anomaly's load that counts as harmed: quality can suffer at full traffic.
const LEAST_HARM: f64 = 0.25;

/// An incident as it competes for a place.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The incident.
    pub incident: Incident,
    /// Kind of statement behind it.
    pub head: Head,
    /// What it puts at risk.
    pub exposure: Exposure,
    /// What is known beside it.
    pub known: Known,
    /// Who keeps it off the list, if anybody does.
    pub suppressed: Option<LeftOut>,
    /// Until when it waits for its own end, if it does.
    pub held_back: Option<LeftOut>,
    /// Who works on it; `None` where lists are not split by team.
    pub team: Option<String>,
    /// Probability × load at risk, in average cells.
    pub urgency: f64,
    /// Place on the list, 1 is first; `None` is left out.
    pub rank: Option<u32>,
    /// Why it is left out.
    pub left_out: Option<LeftOut>,
}

/// Judges the incidents of a list; [`rank`] orders them.
pub fn judge(
    opened: Vec<Incident>,
    list: &ListConfig,
    signals: &Signals,
    context: &Context,
    config: &Config,
) -> Vec<Item> {
    let judge_one = |mut incident: Incident| {
        if list.head == Head::Anomaly {
            incident.absorbing.extend(incidents::absorbing(&incident, (signals, context)));
        }
        Item {
            exposure: exposure::of(&incident, list.head, signals, context, config),
            known: known::beside(&incident, list, signals, config),
            suppressed: suppressions::on(&incident, signals),
            held_back: durations::held_back(&incident, list, signals),
            team: teams::of_incident(&incident, signals, config),
            head: list.head,
            urgency: 0.0,
            rank: None,
            left_out: None,
            incident,
        }
    };
    opened.into_iter().map(judge_one).collect()
}

/// Sets urgencies and ranks: news first come first by urgency, then the budget of each team cuts.
/// What earlier lists of the shift named keeps its place; checks have the last places, whatever their
/// urgency.
///
/// Ties go to the incident seen first, then to the smaller id, so that a rerun keeps the order.
pub fn rank(mut items: Vec<Item>, average: AverageCell, budgets: &Budgets) -> Vec<Item> {
    for item in &mut items {
        item.urgency = urgency(item, average);
        item.left_out = reason_before_budget(item);
    }
    items.sort_by(|a, b| {
        (a.left_out.is_some().cmp(&b.left_out.is_some()))
            .then(a.incident.is_check().cmp(&b.incident.is_check()))
            .then(b.urgency.total_cmp(&a.urgency))
            .then_with(|| a.incident.first_seen_at.cmp(&b.incident.first_seen_at))
            .then_with(|| a.incident.incident_id.cmp(&b.incident.incident_id))
    });
    let nothing = Budget::default();
    let teams: BTreeSet<Option<String>> = items.iter().map(|item| item.team.clone()).collect();
    for team in teams {
        let own = items.iter_mut().filter(|item| item.team == team && item.left_out.is_none());
        cut(own.collect(), budgets.get(&team).unwrap_or(&nothing));
    }
    let listed = items.iter_mut().filter(|item| item.left_out.is_none());
    for (item, place) in listed.zip(1..) {
        item.rank = Some(place);
    }
    items
}

/// Leaves out what a team's budget has no place for; `items` are in the order of the list.
fn cut(items: Vec<&mut Item>, budget: &Budget) {
    let is_new = |item: &Item| !budget.used.contains(&item.incident.incident_id);
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let free = budget.most.saturating_sub(count(budget.used.len()));
    let checks = items.iter().filter(|item| item.incident.is_check() && is_new(item)).count();
    let mut free_for_checks = count(checks).min(free);
    let mut free_for_news = free - free_for_checks;
    for (item, place) in items.into_iter().zip(1_u32..) {
        let is_check = item.incident.is_check();
        let free = if is_check { &mut free_for_checks } else { &mut free_for_news };
        if !is_new(item) {
            continue;
        }
        if *free > 0 {
            *free -= 1;
            continue;
        }
        let text = match budget.shift {
            None => format!(
                "Place {place}, below the budget of {}",
                budget.most.saturating_sub(count(checks))
            ),
            Some((_, end)) => format!(
                "Place {place} of the team; the {} places of its shift until {} are taken",
                budget.most,
                clock::stamp(end)
            ),
        };
        item.left_out = Some(LeftOut::new(Code::OverBudget, text));
    }
}

fn urgency(item: &Item, average: AverageCell) -> f64 {
    let harm = match item.head {
        Head::Anomaly => item.exposure.lost_share.unwrap_or(0.0).max(LEAST_HARM),
        Head::TimeToEvent | Head::Forecast => 1.0,
    };
    let urgency = item.incident.probability() * harm * average.weigh(&item.exposure);
    if urgency.is_finite() { urgency } else { 0.0 }
}

fn reason_before_budget(item: &Item) -> Option<LeftOut> {
    let by_people = item.suppressed.clone().or_else(|| item.known.reason.clone());
    if by_people.is_some() {
        return by_people;
    }
    let unseen = "Not scored at this cutoff: nobody knows whether it still holds";
    let unseen = (!item.incident.is_confirmed).then(|| LeftOut::new(Code::NotScored, unseen));
    unseen.or_else(|| item.held_back.clone())
}

#[cfg(test)]
mod tests;
