//! Detectors, and the alert state that crosses from one cutoff to the next.

use std::collections::BTreeMap;

use foresite_datasets::CutoffGrid;
use foresite_features::network::Network;
use foresite_features::profile::Profiles;
use foresite_features::task::{Micros, Task, Transform};
use foresite_models::anomaly::{AlarmState, Anomaly, Panel, StepScore};

use crate::statement::{Statement, driver};

/// A detector in use.
pub(crate) struct Detector<'a> {
    pub(crate) task: &'a Task,
    pub(crate) model: &'a Anomaly,
    pub(crate) panel: &'a Panel,
    pub(crate) grid: &'a CutoffGrid,
    pub(crate) profiles: &'a Profiles,
    pub(crate) network: &'a Network,
    pub(crate) drivers: usize,
}

impl Detector<'_> {
    /// Statements at every cutoff, in order.
    pub(crate) fn statements(&self, entities: &BTreeMap<Micros, Vec<String>>) -> Vec<Statement> {
        let mut statements = Vec::new();
        for (cutoff, ids) in entities {
            let ids = if ids.is_empty() { &self.panel.entities } else { ids };
            statements.extend(ids.iter().map(|id| {
                self.about(id, *cutoff)
                    .unwrap_or_else(|reason| Statement::not_scored(id, *cutoff, reason))
            }));
        }
        statements
    }

    fn about(&self, id: &str, cutoff: Micros) -> Result<Statement, &'static str> {
        // Sorted as the cube's.
        let entities = &self.panel.entities;
        let entity = entities.binary_search_by(|have| have.as_str().cmp(id)).ok();
        let entity = entity.ok_or("no_data")?;
        let step = self.grid.step(cutoff).ok_or("no_data")?;
        let by_profile = self.task.inputs.transform == Transform::Profile;
        if by_profile && self.profiles.at(cutoff).is_none() {
            return Err("no_profile");
        }
        if self.panel.is_announced(entity, step) {
            return Err("planned_work");
        }
        let scored = self.model.score(self.panel, entity, step).ok_or("no_data")?;
        let (smoothed, p) = self.model.smoothed(self.panel, entity, step).ok_or("no_data")?;
        Ok(Statement {
            entity_id: id.to_owned(),
            cutoff,
            score: Some(smoothed),
            p_value: Some(p),
            values: scored.parts.clone(),
            drivers: self.drivers(id, cutoff, &scored),
            ..Statement::default()
        })
    }

    /// Channels by their exact share of the score, observed and expected in their own unit.
    fn drivers(&self, id: &str, cutoff: Micros, scored: &StepScore) -> Vec<String> {
        let mut ranked: Vec<usize> = (0..scored.shares.len()).collect();
        ranked.sort_by(|&a, &b| scored.shares[b].total_cmp(&scored.shares[a]).then(a.cmp(&b)));
        ranked
            .into_iter()
            .filter(|&channel| scored.shares[channel] > 0.01 * scored.score)
            .take(self.drivers)
            .map(|channel| {
                let pair = self.in_units(id, cutoff, scored, channel);
                let share = scored.shares[channel] / scored.score;
                driver(&self.model.channels[channel], share, pair)
            })
            .collect()
    }

    /// Observed and expected value: back through the scales of the model and through the profile.
    fn in_units(
        &self,
        id: &str,
        cutoff: Micros,
        scored: &StepScore,
        channel: usize,
    ) -> Option<(f64, f64)> {
        let state = self.model.state(id);
        let back = |value: f64| StepScore::in_panel_units(state, channel, value);
        let (observed, expected) = (back(scored.observed[channel]), back(scored.expected[channel]));
        if self.task.inputs.transform == Transform::Raw {
            return Some((observed, expected));
        }
        let set = self.profiles.at(cutoff)?;
        let profile = set.get(id, &self.model.channels[channel])?;
        let newest = self.task.cutoffs.period_end(cutoff) - 1;
        let hour = self.network.clock(id).hour_of_week(newest);
        let raw = |z: f64| f64::from(profile.median[hour]) + z * f64::from(profile.spread[hour]);
        Some((raw(observed), raw(expected)))
    }
}

/// State of an entity after a cutoff.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// The entity.
    pub entity_id: String,
    /// The cutoff.
    pub cutoff: Micros,
    /// What the alarm rule carries on.
    pub state: AlarmState,
    /// When the open alert was opened.
    pub opened_at: Option<Micros>,
    /// Smallest p-value of the open alert: a cell that is dead says less of it at night.
    pub strongest: Option<f64>,
}

/// The state after every statement, in their order; `before` holds the states that came before.
pub fn alerts(
    model: &Anomaly,
    statements: &[Statement],
    mut before: BTreeMap<String, Alert>,
) -> Vec<Alert> {
    let mut alerts = Vec::new();
    for statement in statements {
        let alert = next(model, statement, before.get(&statement.entity_id));
        before.insert(statement.entity_id.clone(), alert.clone());
        alerts.push(alert);
    }
    alerts
}

fn next(model: &Anomaly, statement: &Statement, before: Option<&Alert>) -> Alert {
    let cutoff = statement.cutoff;
    let mut state = before.map(|alert| alert.state.clone()).unwrap_or_default();
    let was_open = state.is_open;
    let is_open = model.alarms.step(&mut state, statement.p_value);
    let opened_at = match (is_open, was_open) {
        (true, true) => before.and_then(|alert| alert.opened_at).or(Some(cutoff)),
        (true, false) => Some(cutoff),
        (false, _) => None,
    };
    let strongest = is_open.then(|| strongest(&state, before)).flatten();
    Alert { entity_id: statement.entity_id.clone(), cutoff, state, opened_at, strongest }
}

/// The smallest p-value among those that an open alert has seen: the ones that opened it, and since.
fn strongest(state: &AlarmState, before: Option<&Alert>) -> Option<f64> {
    let carried = before.and_then(|alert| alert.strongest);
    state.recent.iter().copied().chain(carried).reduce(f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_alert_keeps_its_strongest_p_value() {
        let state = |recent: &[f64]| AlarmState {
            is_open: true,
            recent: recent.to_vec(),
            ..AlarmState::default()
        };
        let opening = strongest(&state(&[0.4, 1e-6, 1e-4]), None);
        assert_eq!(opening, Some(1e-6), "of the steps that opened it");
        let before = Alert {
            entity_id: "a".into(),
            cutoff: 0,
            state: state(&[]),
            opened_at: Some(0),
            strongest: opening,
        };
        let night = strongest(&state(&[0.01, 0.02, 0.03]), Some(&before));
        assert_eq!(night, Some(1e-6), "weaker hours take nothing away");
        assert_eq!(strongest(&state(&[1e-9]), Some(&before)), Some(1e-9));
    }
}
