//! Learning what is usual.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::parts::{filled, lagged, standardise};
use super::{Alarms, Anomaly, EntityState, Panel, Part, Periods, Tail};
use crate::ModelError;
use crate::linear::{Gram, Principal, Ridge};
use crate::tabular::{FitOptions, GateResult};

/// Share of variance that the main directions keep.
const KEPT_VARIANCE: f64 = 0.9;
/// Rows per input from which an entity may have a forecast of its own.
const ROWS_PER_INPUT: usize = 5;
/// Share of the pooled error that an own forecast must save on the select slice.
const OWN_GAIN: f64 = 0.02;

/// How to fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnomalyOptions {
    /// Channels whose silence counts, by name.
    pub silence: Vec<String>,
    /// Parts of the score.
    pub parts: Vec<Part>,
    /// Steps that the forecast part looks back.
    pub lags: usize,
    /// Span of the causal smoothing, in steps.
    pub smoothing: usize,
    /// Smallest residual scale, in scales of the channel: what moves less than this is quiet.
    pub floor: f64,
    /// Alarms per entity and step that people can look at.
    pub budget: f64,
}

impl Default for AnomalyOptions {
    fn default() -> Self {
        Self {
            silence: Vec::new(),
            parts: vec![Part::Forecast, Part::Together, Part::Level, Part::Silence],
            lags: 10,
            smoothing: 3,
            floor: 0.05,
            budget: 0.02 / 24.0,
        }
    }
}

impl Anomaly {
    /// Fits on the slices of a panel. Of the candidates, networks of the residual architecture may add
    /// to the forecast part; how each did on the gate slice comes back beside the model.
    ///
    /// # Errors
    /// [`ModelError::TooFewRows`] where no entity has rows in the fit or the calibrate slice.
    pub fn fit(
        panel: &Panel,
        periods: &Periods,
        options: &AnomalyOptions,
        choice: &FitOptions<'_>,
    ) -> Result<(Self, Vec<GateResult>), ModelError> {
        let (mut model, states) = Self::linear(panel, periods, options)?;
        let gate = model.choose_residual((panel, &states), periods, choice)?;
        model.calibrate(panel, states, periods, options)?;
        Ok((model, gate))
    }

    /// Everything that has a closed form, not calibrated.
    fn linear(
        panel: &Panel,
        periods: &Periods,
        options: &AnomalyOptions,
    ) -> Result<(Self, Vec<EntityState>), ModelError> {
        let width = panel.channels.len();
        let mut states: Vec<EntityState> = (0..panel.entities.len())
            .map(|entity| scales(panel, entity, periods.fit.clone()))
            .collect();
        let mut pooled = Gram::new(options.lags * width, width);
        let mut spread = Gram::new(width, 1);
        let mut own = Vec::new();
        for (entity, state) in states.iter_mut().enumerate() {
            let moments = entity_moments(panel, entity, state, periods, options.lags);
            pooled.merge(&moments.forecast);
            spread.merge(&moments.spread);
            state.principal =
                (moments.spread.rows() >= 20 * width).then(|| principal(&moments.spread));
            own.push(own_forecast(&moments.forecast)?);
        }
        let pooled = pooled.ridge()?;
        let frame = (periods, options.lags);
        for (entity, (state, own)) in states.iter_mut().zip(own).enumerate() {
            state.own = own.filter(|own| {
                let error = |ridge: &Ridge| forecast_error(panel, entity, state, ridge, frame);
                error(own) < (1.0 - OWN_GAIN) * error(&pooled)
            });
        }
        Ok((Self::uncalibrated(panel, options, (pooled, principal(&spread))), states))
    }

    fn uncalibrated(
        panel: &Panel,
        options: &AnomalyOptions,
        (pooled, principal): (Ridge, Principal),
    ) -> Self {
        let channel = |name: &String| panel.channels.iter().position(|have| have == name);
        let silence: Vec<usize> = options.silence.iter().filter_map(channel).collect();
        let mut parts = options.parts.clone();
        if silence.is_empty() || panel.neighbours.iter().all(Vec::is_empty) {
            parts.retain(|part| *part != Part::Silence);
        }
        Self {
            channels: panel.channels.clone(),
            silence,
            parts,
            lags: options.lags,
            smoothing: options.smoothing,
            pooled,
            residual: None,
            principal,
            entities: BTreeMap::new(),
            newcomer: EntityState::default(),
            tail: Tail::default(),
            alarms: Alarms::at(0.001),
        }
    }
}

/// Centre and scale per channel: mean, and deviation plus a hundredth of the range, so that what was
/// constant while fitting does not explode when it moves.
fn scales(panel: &Panel, entity: usize, steps: Range<usize>) -> EntityState {
    let mut state = EntityState::default();
    for channel in 0..panel.channels.len() {
        let values: Vec<f64> = steps
            .clone()
            .filter(|&step| panel.counts(entity, step))
            .map(|step| f64::from(panel.row(entity, step)[channel]))
            .filter(|value| value.is_finite())
            .collect();
        let count = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let range = if most > least { most - least } else { 1.0 };
        state.centre.push(mean);
        state.scale.push(variance.sqrt() + 0.01 * range);
    }
    state
}

struct Moments {
    forecast: Gram,
    spread: Gram,
}

fn entity_moments(
    panel: &Panel,
    entity: usize,
    state: &EntityState,
    periods: &Periods,
    lags: usize,
) -> Moments {
    let width = panel.channels.len();
    let mut moments =
        Moments { forecast: Gram::new(lags * width, width), spread: Gram::new(width, 1) };
    for step in periods.fit.start + lags..periods.fit.end.max(periods.fit.start + lags) {
        if !panel.counts(entity, step) || !panel.is_observed(entity, step) {
            continue;
        }
        let row = filled(&standardise(state, panel.row(entity, step)));
        let inputs = lagged(state, panel, (entity, step), lags);
        moments.forecast.add(&inputs, &row, 1.0);
        moments.spread.add(&row, &[0.0], 1.0);
    }
    moments
}

fn principal(spread: &Gram) -> Principal {
    Principal::fit(spread.mean(), &spread.covariance(), KEPT_VARIANCE)
}

/// A forecast of the entity's own, where it has rows enough to learn one.
fn own_forecast(moments: &Gram) -> Result<Option<Ridge>, ModelError> {
    if moments.rows() < ROWS_PER_INPUT * moments.inputs() {
        return Ok(None);
    }
    moments.ridge().map(Some)
}

/// Mean squared forecast error over the select slice.
fn forecast_error(
    panel: &Panel,
    entity: usize,
    state: &EntityState,
    ridge: &Ridge,
    (periods, lags): (&Periods, usize),
) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for step in periods.select.clone() {
        if !panel.counts(entity, step) {
            continue;
        }
        let observed = standardise(state, panel.row(entity, step));
        let forecast = ridge.predict(&lagged(state, panel, (entity, step), lags));
        for (o, f) in observed.iter().zip(forecast).filter(|(o, _)| o.is_finite()) {
            sum += (o - f).powi(2);
            count += 1.0;
        }
    }
    if count > 0.0 { sum / count } else { f64::INFINITY }
}
