//! Which incident a group is: the same as in an earlier run, or a new one; and what changed.

use std::collections::{BTreeMap, BTreeSet};

use foresite_tables::sha256_hex;

use super::{Change, Group, Incident, PriorIncident};
use crate::{clock::Micros, config::Config};

/// The incidents of one task at the cutoff.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Identified {
    /// Open incidents: the groups of this run, and earlier ones that could not be judged.
    pub open: Vec<Incident>,
    /// Incidents that closed with this run.
    pub closed: Vec<Incident>,
}

/// What identification looks at beside the groups.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// Task of the groups.
    pub task: &'a str,
    /// Cutoff of the run.
    pub cutoff: Micros,
    /// Newest earlier rows of recent incidents, of any task.
    pub prior: &'a [PriorIncident],
    /// Entities that the task scored at this cutoff.
    pub scored: &'a BTreeSet<&'a str>,
}

/// Gives every group its id, and closes or carries what has no group any more.
///
/// A group continues the earlier incident that it shares most entities with. An incident that was
/// split goes on in its greatest part; one that was merged into another closes. An earlier incident
/// without a group closes only if all its entities were scored: silence of the data is no recovery.
pub fn identify(
    groups: Vec<Group>,
    run: Run<'_>,
    type_of: impl Fn(&str) -> String,
    config: &Config,
) -> Identified {
    let prior: Vec<&PriorIncident> = run
        .prior
        .iter()
        .filter(|prior| prior.task == run.task && is_live(prior, run.cutoff, config))
        .collect();
    let matched = match_groups(&groups, &prior);
    let mut result = Identified::default();
    for (at, group) in groups.into_iter().enumerate() {
        let earlier = matched.get(&at).map(|prior_at| prior[*prior_at]);
        let entity_type = type_of(&group.entity_id);
        result.open.push(continued(group, entity_type, earlier, &run, config));
    }
    let taken: BTreeSet<usize> = matched.into_values().collect();
    for (at, earlier) in prior.into_iter().enumerate() {
        if taken.contains(&at) || earlier.change == Change::Closed {
            continue;
        }
        let judged = earlier.member_entities.iter().all(|id| run.scored.contains(id.as_str()));
        if judged {
            result.closed.push(without_members(earlier, Change::Closed));
        } else {
            result.open.push(without_members(earlier, Change::Ongoing));
        }
    }
    result
}

/// The id of an incident that is seen for the first time.
pub fn incident_id(task: &str, entity_id: &str, first_seen_at: Micros) -> String {
    let hash = sha256_hex(format!("{task}\0{entity_id}\0{first_seen_at}").as_bytes());
    format!("inc-{}", &hash[..16])
}

/// Open incidents, and closed ones that may still come back.
fn is_live(prior: &PriorIncident, cutoff: Micros, config: &Config) -> bool {
    prior.cutoff < cutoff
        && (prior.change != Change::Closed || cutoff - prior.cutoff <= config.reopen())
}

/// Pairs groups with earlier incidents, greatest overlap first, then the older incident.
fn match_groups(groups: &[Group], prior: &[&PriorIncident]) -> BTreeMap<usize, usize> {
    let mut pairs = Vec::new();
    for (group_at, group) in groups.iter().enumerate() {
        for (prior_at, earlier) in prior.iter().enumerate() {
            let overlap = group
                .members
                .iter()
                .filter(|member| earlier.member_entities.contains(&member.entity_id))
                .count();
            if overlap > 0 {
                let order =
                    (std::cmp::Reverse(overlap), earlier.first_seen_at, &earlier.incident_id);
                pairs.push((order, group_at, prior_at));
            }
        }
    }
    pairs.sort();
    let mut matched = BTreeMap::new();
    let mut taken = BTreeSet::new();
    for (_, group_at, prior_at) in pairs {
        if !matched.contains_key(&group_at) && taken.insert(prior_at) {
            matched.insert(group_at, prior_at);
        }
    }
    matched
}

fn continued(
    group: Group,
    entity_type: String,
    earlier: Option<&PriorIncident>,
    run: &Run<'_>,
    config: &Config,
) -> Incident {
    let level: f64 = group.members.iter().map(|member| member.probability).sum();
    let first_seen_at = earlier.map_or(run.cutoff, |earlier| earlier.first_seen_at);
    Incident {
        incident_id: earlier.map_or_else(
            || incident_id(run.task, &group.entity_id, first_seen_at),
            |earlier| earlier.incident_id.clone(),
        ),
        task: run.task.to_owned(),
        entity_type,
        member_entities: group.members.iter().map(|member| member.entity_id.clone()).collect(),
        prediction_ids: group
            .members
            .iter()
            .flat_map(|member| member.rows.iter().map(|row| row.prediction_id.clone()))
            .collect(),
        change: change(earlier, level, config.change_ratio),
        entity_id: group.entity_id,
        members: group.members,
        absorbing: group.absorbing,
        first_seen_at,
        level,
        is_confirmed: true,
        inclusion: None,
    }
}

fn change(earlier: Option<&PriorIncident>, level: f64, ratio: f64) -> Change {
    match earlier {
        None => Change::New,
        Some(earlier) if earlier.change == Change::Closed => Change::Worse,
        Some(earlier) if level >= earlier.level * ratio => Change::Worse,
        Some(earlier) if level * ratio <= earlier.level => Change::Better,
        Some(_) => Change::Ongoing,
    }
}

fn without_members(earlier: &PriorIncident, change: Change) -> Incident {
    Incident {
        incident_id: earlier.incident_id.clone(),
        task: earlier.task.clone(),
        entity_id: earlier.entity_id.clone(),
        entity_type: earlier.entity_type.clone(),
        members: Vec::new(),
        absorbing: BTreeSet::new(),
        member_entities: earlier.member_entities.clone(),
        prediction_ids: earlier.prediction_ids.clone(),
        first_seen_at: earlier.first_seen_at,
        change,
        level: if change == Change::Closed { 0.0 } else { earlier.level },
        is_confirmed: change == Change::Closed,
        inclusion: None,
    }
}

#[cfg(test)]
mod tests;
