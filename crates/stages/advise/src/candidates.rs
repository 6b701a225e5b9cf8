//! From predictions to candidates: the entities that a list could name.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    clock::{HOUR, Micros},
    config::{Head, ListConfig},
    inputs::{Driver, Prediction, Role, Signals},
};

/// Share of entity-hours that are anomalous before a model has spoken. It turns a p-value into a
/// probability; the ranking inside a list does not depend on it.
const ANOMALY_PRIOR: f64 = 0.01;

/// Prefix of the driver that names a cause instead of a feature.
pub(crate) const CAUSE: &str = "cause:";

/// An entity with a statement that may be worth a person's time.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The entity.
    pub entity_id: String,
    /// Its type.
    pub entity_type: String,
    /// Probability that acting on it is right: of the anomaly, or of the event within the time
    /// that acting takes.
    pub probability: f64,
    /// When the alert opened; the cutoff for statements about the future.
    pub onset: Micros,
    /// The rows behind it, shortest horizon first; never empty.
    pub rows: Vec<Prediction>,
}

impl Candidate {
    /// Role of the model.
    pub fn role(&self) -> Role {
        self.rows.first().map_or(Role::Provisional, |row| row.role)
    }

    /// Drivers of the first row that has any.
    pub fn drivers(&self) -> &[Driver] {
        self.rows
            .iter()
            .map(|row| row.drivers.as_slice())
            .find(|drivers| !drivers.is_empty())
            .unwrap_or_default()
    }

    /// The likeliest cause and its probability, given that the event happens.
    pub fn cause(&self) -> Option<(&str, f64)> {
        let cause = |driver: &'_ Driver| driver.name.starts_with(CAUSE);
        let driver = self.drivers().iter().find(|driver| cause(driver))?;
        Some((driver.name.strip_prefix(CAUSE)?, driver.share))
    }

    /// Observed ÷ expected load, from the first driver that tells it.
    pub fn load_ratio(&self) -> Option<f64> {
        let load = ["traffic_dl_gb", "users_mean"];
        self.drivers().iter().filter(|driver| load.contains(&driver.name.as_str())).find_map(
            |driver| {
                let expected = driver.expected.filter(|expected| *expected > 0.0)?;
                Some(driver.observed? / expected)
            },
        )
    }
}

/// The candidates of one list, ordered by entity.
pub fn select(list: &ListConfig, signals: &Signals) -> Vec<Candidate> {
    let opened: BTreeMap<&str, (Micros, Option<f64>)> = signals
        .alert_states
        .iter()
        .filter(|state| state.task == list.task && state.is_open)
        .map(|state| {
            // A task's own cutoff lies some minutes after the end of the data, which people see.
            let data_end = state.opened_at.map(|at| at.div_euclid(HOUR) * HOUR);
            let opened_at = data_end.unwrap_or(signals.cutoff).min(signals.cutoff);
            (state.entity_id.as_str(), (opened_at, state.strongest))
        })
        .collect();
    scored(list, signals)
        .into_iter()
        .filter_map(|(entity_id, rows)| {
            let alert = opened.get(entity_id).copied();
            let (probability, onset) = match list.head {
                Head::Anomaly => {
                    let (onset, strongest) = alert?;
                    (anomaly_probability(&rows, strongest)?, onset)
                }
                Head::TimeToEvent | Head::Forecast => {
                    (probability_within(&rows, list.act_within())?, signals.cutoff)
                }
            };
            (probability >= list.min_probability).then(|| candidate(&rows, probability, onset))
        })
        .collect()
}

/// What a list could name if it looked for the opposite: the scored entities that are no candidates,
/// ordered by entity.
pub fn quiet(list: &ListConfig, signals: &Signals) -> Vec<Candidate> {
    let loud: BTreeSet<String> =
        select(list, signals).into_iter().map(|candidate| candidate.entity_id).collect();
    let silent = scored(list, signals).into_iter().filter(|(entity, _)| !loud.contains(*entity));
    silent
        .filter_map(|(_, rows)| {
            let probability = match list.head {
                Head::Anomaly => anomaly_probability(&rows, None)?,
                Head::TimeToEvent | Head::Forecast => probability_within(&rows, list.act_within())?,
            };
            Some(candidate(&rows, probability, signals.cutoff))
        })
        .collect()
}

fn candidate(rows: &[&Prediction], probability: f64, onset: Micros) -> Candidate {
    let text = |of: fn(&Prediction) -> &String| rows.first().map(|row| of(row).clone());
    Candidate {
        entity_id: text(|row| &row.entity_id).unwrap_or_default(),
        entity_type: text(|row| &row.entity_type).unwrap_or_default(),
        probability,
        onset,
        rows: rows.iter().copied().cloned().collect(),
    }
}

/// The scored rows of a list's task by entity, shortest horizon first; challengers stay out.
pub fn scored<'a>(
    list: &ListConfig,
    signals: &'a Signals,
) -> BTreeMap<&'a str, Vec<&'a Prediction>> {
    let mut by_entity: BTreeMap<&str, Vec<&Prediction>> = BTreeMap::new();
    for row in &signals.predictions {
        let counts =
            row.task == list.task && row.role != Role::Challenger && row.not_scored.is_none();
        if counts {
            by_entity.entry(&row.entity_id).or_default().push(row);
        }
    }
    for rows in by_entity.values_mut() {
        rows.sort_by_key(|row| row.horizon);
    }
    by_entity
}

/// Probability of the event within `within`, on the cumulative hazard between the rows' horizons.
///
/// The hazard is taken as constant inside a bin, so that 7 days between rows of 3 and 14 days is an
/// interpolation and not a choice. Beyond the last row its value stands: nothing is extrapolated.
pub fn probability_within(rows: &[&Prediction], within: Micros) -> Option<f64> {
    let mut before = (0, 0.0);
    let mut last = None;
    for row in rows {
        let Some(p) = row.probability.filter(|p| p.is_finite()) else {
            continue;
        };
        let here = (row.horizon, hazard(p));
        if row.horizon >= within {
            let width = (here.0 - before.0) as f64;
            let part = if width > 0.0 { (within - before.0) as f64 / width } else { 1.0 };
            return Some(1.0 - (-(before.1 + (here.1 - before.1) * part)).exp());
        }
        before = here;
        last = Some(p);
    }
    last
}

/// The time within which the event has the given probability; `None` beyond the last row.
pub fn time_to_probability(rows: &[&Prediction], probability: f64) -> Option<Micros> {
    let target = hazard(probability);
    let mut before = (0, 0.0);
    for row in rows {
        let Some(p) = row.probability.filter(|p| p.is_finite()) else {
            continue;
        };
        let here = (row.horizon, hazard(p));
        if here.1 >= target {
            let rise = here.1 - before.1;
            let part = if rise > 0.0 { (target - before.1) / rise } else { 0.0 };
            return Some(before.0 + ((here.0 - before.0) as f64 * part) as Micros);
        }
        before = here;
    }
    None
}

/// Cumulative hazard of a probability.
fn hazard(p: f64) -> f64 {
    -(1.0 - p.clamp(0.0, 1.0 - 1e-9)).ln()
}

/// Probability that an open alert is right, on its strongest hour: the evidence of the day is not
/// undone by a night in which little was expected anyway.
fn anomaly_probability(rows: &[&Prediction], strongest: Option<f64>) -> Option<f64> {
    let row = rows.first()?;
    let p_value = row.p_value.map(|p| strongest.map_or(p, |strongest| p.min(strongest)));
    row.probability.or_else(|| p_value.map(posterior)).filter(|p| p.is_finite())
}

/// The most that a p-value can say for an anomaly, as a probability.
///
/// **Source**: Sellke, Bayarri, Berger, "Calibration of p values for testing precise null
/// hypotheses" (The American Statistician 55, 2001): the Bayes factor in favour is at most
/// 1 / (-e p ln p) for p < 1/e.
fn posterior(p_value: f64) -> f64 {
    let p = p_value.clamp(1e-12, 1.0);
    let factor = if p < (-1.0_f64).exp() { -1.0 / (std::f64::consts::E * p * p.ln()) } else { 1.0 };
    let odds = factor * ANOMALY_PRIOR / (1.0 - ANOMALY_PRIOR);
    odds / (1.0 + odds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::DAY;
    use crate::inputs::AlertState;

    fn row(days: i64, probability: f64) -> Prediction {
        Prediction {
            task: "maintenance".into(),
            entity_id: "r/A".into(),
            horizon: days * DAY,
            probability: Some(probability),
            role: Role::Champion,
            ..Prediction::default()
        }
    }

    #[test]
    fn a_horizon_between_two_rows_is_interpolated_on_the_hazard() {
        let rows = [row(3, 0.19), row(14, 0.4)];
        let rows: Vec<_> = rows.iter().collect();
        // By hand: H(3) = -ln .81 = .2107, H(14) = -ln .6 = .5108; at 7 d .2107 + .3001·4/11 = .3199.
        let p = probability_within(&rows, 7 * DAY).unwrap();
        assert!((p - 0.2738).abs() < 1e-3, "{p}");
        assert_eq!(probability_within(&rows, 30 * DAY), Some(0.4));
        assert!((probability_within(&rows, 3 * DAY).unwrap() - 0.19).abs() < 1e-12);
        assert_eq!(probability_within(&[], DAY), None);
        let time = time_to_probability(&rows, p).unwrap();
        assert!((time - 7 * DAY).abs() < DAY / 1000, "{time}");
        assert_eq!(time_to_probability(&rows, 0.5), None);
    }

    #[test]
    fn a_p_value_becomes_a_bounded_probability() {
        // By hand: p = .001 gives a factor of 1 / (2.718 · .001 · 6.908) = 53.3, odds .538.
        assert!((posterior(0.001) - 0.350).abs() < 2e-3);
        assert!((posterior(0.9) - ANOMALY_PRIOR).abs() < 1e-12);
        assert!(posterior(0.0) < 1.0);
    }

    #[test]
    fn an_alert_is_as_sure_as_its_strongest_hour() {
        let row = Prediction { p_value: Some(0.2), ..Prediction::default() };
        let of = |strongest| anomaly_probability(&[&row], strongest).unwrap();
        assert!((of(Some(0.001)) - posterior(0.001)).abs() < 1e-12);
        assert!((of(Some(0.9)) - posterior(0.2)).abs() < 1e-12, "the newest hour may be stronger");
        assert!((of(None) - posterior(0.2)).abs() < 1e-12);
    }

    #[test]
    fn only_open_alerts_of_serving_models_are_candidates() {
        let row = |entity: &str, role| Prediction {
            task: "anomaly".into(),
            entity_id: entity.into(),
            p_value: Some(0.001),
            role,
            ..Prediction::default()
        };
        let state = |entity: &str, is_open| AlertState {
            task: "anomaly".into(),
            entity_id: entity.into(),
            is_open,
            opened_at: Some(5 * HOUR + HOUR / 2),
            strongest: None,
        };
        let signals = Signals {
            cutoff: 9 * HOUR,
            predictions: vec![
                row("a", Role::Champion),
                row("b", Role::Champion),
                row("c", Role::Challenger),
            ],
            alert_states: vec![state("a", true), state("b", false), state("c", true)],
            ..Signals::default()
        };
        let found = select(&ListConfig::anomaly(), &signals);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].entity_id.as_str(), found[0].onset), ("a", 5 * HOUR));
    }

    #[test]
    fn small_risks_are_no_candidates() {
        let signals = Signals { predictions: vec![row(7, 0.04)], ..Signals::default() };
        assert!(select(&ListConfig::maintenance(), &signals).is_empty());
    }
}
