//! Detectors, and the alert state that crosses from one cutoff to the next.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BooleanArray, Float64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use foresite_datasets::CutoffGrid;
use foresite_features::network::Network;
use foresite_features::profile::Profiles;
use foresite_features::task::{Micros, Task, Transform};
use foresite_models::anomaly::{AlarmState, Anomaly, Panel, StepScore};
use foresite_schema::catalog::outcome;
use foresite_stage::Result;
use foresite_tables::{Read, Root};

use crate::statement::{SOURCE, Statement, buckets, dates, doubles, driver};

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

/// State of an entity after a cutoff.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alert {
    pub(crate) entity_id: String,
    pub(crate) cutoff: Micros,
    pub(crate) state: AlarmState,
    pub(crate) opened_at: Option<Micros>,
    /// Smallest p-value of the open alert: a cell that is dead says less of it at night.
    pub(crate) strongest: Option<f64>,
}

impl Detector<'_> {
    /// Statements and states at every cutoff, in order; `before` holds the states that came before.
    pub(crate) fn statements(
        &self,
        entities: &BTreeMap<Micros, Vec<String>>,
        mut before: BTreeMap<String, Alert>,
    ) -> (Vec<Statement>, Vec<Alert>) {
        let (mut statements, mut alerts) = (Vec::new(), Vec::new());
        for (cutoff, ids) in entities {
            let ids = if ids.is_empty() { &self.panel.entities } else { ids };
            for id in ids {
                let scored = self.about(id, *cutoff);
                let p = scored.as_ref().ok().and_then(|statement| statement.p_value);
                let alert = self.next(id, *cutoff, p, before.get(id));
                before.insert(id.clone(), alert.clone());
                alerts.push(alert);
                statements.push(
                    scored.unwrap_or_else(|reason| Statement::not_scored(id, *cutoff, reason)),
                );
            }
        }
        (statements, alerts)
    }

    fn next(&self, id: &str, cutoff: Micros, p: Option<f64>, before: Option<&Alert>) -> Alert {
        let mut state = before.map(|alert| alert.state.clone()).unwrap_or_default();
        let was_open = state.is_open;
        let is_open = self.model.alarms.step(&mut state, p);
        let opened_at = match (is_open, was_open) {
            (true, true) => before.and_then(|alert| alert.opened_at).or(Some(cutoff)),
            (true, false) => Some(cutoff),
            (false, _) => None,
        };
        let strongest = is_open.then(|| strongest(&state, before)).flatten();
        Alert { entity_id: id.to_owned(), cutoff, state, opened_at, strongest }
    }

    fn about(&self, id: &str, cutoff: Micros) -> Result<Statement, &'static str> {
        let entity = self.panel.entities.iter().position(|have| have == id).ok_or("no_data")?;
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

/// The smallest p-value among those that an open alert has seen: the ones that opened it, and since.
fn strongest(state: &AlarmState, before: Option<&Alert>) -> Option<f64> {
    let carried = before.and_then(|alert| alert.strongest);
    state.recent.iter().copied().chain(carried).reduce(f64::min)
}

/// The newest state of every entity before `cutoff`, not older than `since`.
pub(crate) fn states_before(
    root: &Root,
    (task, model_id): (&str, &str),
    (since, cutoff): (Micros, Micros),
) -> Result<BTreeMap<String, Alert>> {
    let mut newest: BTreeMap<String, Alert> = BTreeMap::new();
    let Some(table) = root.find(outcome::alert_state())? else {
        return Ok(newest);
    };
    let read = Read::all().period(since, cutoff).text("task", task).text("model_id", model_id);
    let rows = table.read(&read)?;
    for alert in parse(&rows) {
        let older = newest.get(&alert.entity_id).is_none_or(|have| have.cutoff < alert.cutoff);
        if older {
            newest.insert(alert.entity_id.clone(), alert);
        }
    }
    Ok(newest)
}

fn parse(rows: &RecordBatch) -> Vec<Alert> {
    let column = |name: &str| rows.column_by_name(name);
    let (Some(ids), Some(cutoffs), Some(opened), Some(open), Some(recent)) = (
        column("entity_id"),
        column("cutoff"),
        column("opened_at"),
        column("is_open"),
        column("recent"),
    ) else {
        return Vec::new();
    };
    let ids = ids.as_string::<i32>();
    let cutoffs = cutoffs.as_primitive::<TimestampMicrosecondType>();
    let opened = opened.as_primitive::<TimestampMicrosecondType>();
    let (open, recent) = (open.as_boolean(), recent.as_list::<i32>());
    let doubles = |name: &str| column(name).map(|array| array.as_primitive::<Float64Type>());
    let (level, strongest) = (doubles("level"), doubles("strongest"));
    let at = |values: Option<&Float64Array>, row: usize| {
        values.filter(|values| values.is_valid(row)).map(|values| values.value(row))
    };
    (0..rows.num_rows())
        .map(|row| {
            let values = recent.is_valid(row).then(|| recent.value(row));
            let recent = values.iter().flat_map(|values| {
                values.as_primitive::<Float64Type>().iter().flatten().collect::<Vec<f64>>()
            });
            Alert {
                entity_id: ids.value(row).to_owned(),
                cutoff: cutoffs.value(row),
                state: AlarmState {
                    is_open: open.is_valid(row) && open.value(row),
                    recent: recent.collect(),
                    level: at(level, row),
                },
                opened_at: opened.is_valid(row).then(|| opened.value(row)),
                strongest: at(strongest, row),
            }
        })
        .collect()
}

/// Rows of `alert_state`.
pub(crate) fn batch(
    header: &crate::statement::Header<'_>,
    alerts: &[Alert],
) -> Result<RecordBatch> {
    let count = alerts.len();
    let same = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value; count])) };
    let times = |of: &dyn Fn(&Alert) -> Option<Micros>| -> ArrayRef {
        let array = TimestampMicrosecondArray::from_iter(alerts.iter().map(of));
        Arc::new(array.with_timezone("UTC"))
    };
    let ids = || alerts.iter().map(|alert| alert.entity_id.as_str());
    let columns = vec![
        dates(alerts.iter().map(|alert| alert.cutoff)),
        same(SOURCE),
        buckets(ids()),
        same(header.task),
        same(header.model_id),
        Arc::new(StringArray::from_iter_values(ids())),
        times(&|alert| Some(alert.cutoff)),
        Arc::new(BooleanArray::from(
            alerts.iter().map(|alert| alert.state.is_open).collect::<Vec<_>>(),
        )),
        times(&|alert| alert.opened_at),
        doubles(alerts.iter().map(|alert| alert.state.recent.as_slice())),
        Arc::new(Float64Array::from_iter(alerts.iter().map(|alert| alert.state.level))),
        Arc::new(Float64Array::from_iter(alerts.iter().map(|alert| alert.strongest))),
        Arc::new(BooleanArray::from(vec![false; count])),
        times(&|_| Some(header.as_of)),
        times(&|_| Some(header.now)),
        same(header.lineage_id),
    ];
    Ok(RecordBatch::try_new(outcome::alert_state().schema(), columns)?)
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
