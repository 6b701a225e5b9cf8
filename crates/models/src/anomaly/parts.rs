//! The parts of a score and their exact account.

use serde::{Deserialize, Serialize};

use super::{Anomaly, EntityState, Panel};
use crate::linear::add_scaled;
use crate::network::Residual;

/// Standardised values are kept within this many scales.
const CLIP: f64 = 12.0;

/// One way to be unusual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Against the forecast from the last steps.
    Forecast,
    /// Against what the other channels say.
    Together,
    /// Against the usual level.
    Level,
    /// Below the neighbours.
    Silence,
}

/// The score of one step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepScore {
    /// Σ of the parts.
    pub score: f64,
    /// Contribution of every part.
    pub parts: Vec<f64>,
    /// Share of every channel; they add up to the score.
    pub shares: Vec<f64>,
    /// Standardised value of every channel; NaN where not observed.
    pub observed: Vec<f64>,
    /// What the forecast part expected of every channel, in the same unit.
    pub expected: Vec<f64>,
}

impl StepScore {
    /// A standardised value in the unit of the panel.
    pub fn in_panel_units(state: &EntityState, channel: usize, value: f64) -> f64 {
        state.centre[channel] + value * state.scale[channel]
    }
}

/// Standardised row; NaN where not observed.
pub(super) fn standardise(state: &EntityState, row: &[f32]) -> Vec<f64> {
    row.iter()
        .zip(state.centre.iter().zip(&state.scale))
        .map(|(&value, (centre, scale))| {
            let value = f64::from(value);
            if value.is_finite() { ((value - centre) / scale).clamp(-CLIP, CLIP) } else { f64::NAN }
        })
        .collect()
}

/// Gaps read "as usual".
pub(super) fn filled(row: &[f64]) -> Vec<f64> {
    row.iter().map(|&v| if v.is_finite() { v } else { 0.0 }).collect()
}

/// `[lags * channels]`, newest first; steps before the panel read "as usual".
pub(super) fn lagged(
    state: &EntityState,
    panel: &Panel,
    (entity, step): (usize, usize),
    lags: usize,
) -> Vec<f64> {
    let width = panel.channels.len();
    let mut inputs = Vec::with_capacity(lags * width);
    for lag in 1..=lags {
        match step.checked_sub(lag) {
            Some(at) => inputs.extend(filled(&standardise(state, panel.row(entity, at)))),
            None => inputs.extend(std::iter::repeat_n(0.0, width)),
        }
    }
    inputs
}

/// What the forecast part says of every channel: the entity's ridge, and what a residual adds.
pub(super) fn expected(
    model: &Anomaly,
    residual: Option<&Residual>,
    state: &EntityState,
    inputs: &[f64],
) -> Vec<f64> {
    let mut forecast = state.own.as_ref().unwrap_or(&model.pooled).predict(inputs);
    if let Some(residual) = residual {
        add_scaled(&mut forecast, 1.0, &residual.outputs(inputs));
    }
    forecast
}

/// Residuals per part and channel (NaN where not observed) and the forecast.
pub(super) fn residuals(
    model: &Anomaly,
    state: &EntityState,
    panel: &Panel,
    (entity, step): (usize, usize),
) -> (Vec<f64>, Vec<f64>, Vec<Vec<f64>>) {
    let observed = standardise(state, panel.row(entity, step));
    let inputs = lagged(state, panel, (entity, step), model.lags);
    let forecast = expected(model, model.residual.as_ref(), state, &inputs);
    let minus = |expected: &[f64]| -> Vec<f64> {
        observed.iter().zip(expected).map(|(o, e)| o - e).collect()
    };
    let parts = model
        .parts
        .iter()
        .map(|part| match part {
            Part::Forecast => minus(&forecast),
            Part::Level => observed.clone(),
            Part::Together => {
                let principal = state.principal.as_ref().unwrap_or(&model.principal);
                minus(&principal.reconstruct(&filled(&observed)))
            }
            Part::Silence => silence(model, state, panel, (entity, step), &observed),
        })
        .collect();
    (observed, forecast, parts)
}

/// How far the silence channels lie below the neighbours; above them is no silence.
fn silence(
    model: &Anomaly,
    state: &EntityState,
    panel: &Panel,
    (entity, step): (usize, usize),
    observed: &[f64],
) -> Vec<f64> {
    let mut below = vec![f64::NAN; observed.len()];
    for &channel in &model.silence {
        let Some(theirs) = panel.neighbour_mean(entity, step, channel) else {
            continue;
        };
        let theirs = (theirs - state.centre[channel]) / state.scale[channel];
        below[channel] = (observed[channel] - theirs.clamp(-CLIP, CLIP)).min(0.0);
    }
    below
}

/// (residual / σ)² per channel and their mean over what is observed; `None` where nothing is.
pub(super) fn part_score(residual: &[f64], sigma: &[f64]) -> Option<(f64, Vec<f64>)> {
    let squares: Vec<f64> = residual.iter().zip(sigma).map(|(r, s)| (r / s).powi(2)).collect();
    let seen: Vec<f64> = squares.iter().copied().filter(|s| s.is_finite()).collect();
    (!seen.is_empty()).then(|| (seen.iter().sum::<f64>() / seen.len() as f64, squares))
}

pub(super) fn score(
    model: &Anomaly,
    state: &EntityState,
    panel: &Panel,
    entity: usize,
    step: usize,
) -> Option<StepScore> {
    if panel.row(entity, step).iter().all(|value| !value.is_finite()) {
        return None;
    }
    let (observed, expected, residuals) = residuals(model, state, panel, (entity, step));
    let mut shares = vec![0.0; observed.len()];
    let mut parts = vec![0.0; residuals.len()];
    for (k, residual) in residuals.iter().enumerate() {
        let Some((mean, squares)) = part_score(residual, &state.sigma[k]) else {
            continue;
        };
        parts[k] = (mean / state.q99[k]).ln_1p();
        let total: f64 = squares.iter().filter(|s| s.is_finite()).sum();
        for (share, square) in shares.iter_mut().zip(&squares) {
            if square.is_finite() && total > 0.0 {
                *share += parts[k] * square / total;
            }
        }
    }
    Some(StepScore { score: parts.iter().sum(), parts, shares, observed, expected })
}
