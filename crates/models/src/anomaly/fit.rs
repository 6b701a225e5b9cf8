//! Learning what is usual.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::parts::{filled, lagged, part_score, residuals, standardise};
use super::{Alarms, Anomaly, EntityState, Panel, Part, Periods};
use crate::ModelError;
use crate::conformal::Reference;
use crate::linear::{Gram, Principal, Ridge};

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
    /// Fits on the slices of a panel.
    ///
    /// # Errors
    /// [`ModelError::TooFewRows`] where no entity has rows in the fit or the calibrate slice.
    pub fn fit(
        panel: &Panel,
        periods: &Periods,
        options: &AnomalyOptions,
    ) -> Result<Self, ModelError> {
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
        let mut model = Self {
            channels: panel.channels.clone(),
            silence: options
                .silence
                .iter()
                .filter_map(|name| panel.channels.iter().position(|have| have == name))
                .collect(),
            parts: options.parts.clone(),
            lags: options.lags,
            smoothing: options.smoothing,
            pooled: pooled.ridge()?,
            principal: principal(&spread),
            entities: BTreeMap::new(),
            newcomer: EntityState::default(),
            alarms: Alarms { alpha: 0.001, clear: 10.0, adaptation: 0.5 },
        };
        if model.silence.is_empty() || panel.neighbours.iter().all(Vec::is_empty) {
            model.parts.retain(|part| *part != Part::Silence);
        }
        for (entity, (state, own)) in states.iter_mut().zip(own).enumerate() {
            state.own = own.filter(|own| {
                let pooled =
                    forecast_error(panel, entity, state, &model.pooled, (periods, options.lags));
                let own = forecast_error(panel, entity, state, own, (periods, options.lags));
                own < (1.0 - OWN_GAIN) * pooled
            });
        }
        model.calibrate(panel, states, periods, options)?;
        Ok(model)
    }

    /// Residual and part scales from the select and calibrate slices, references and the alarm level
    /// from the calibrate slice alone.
    ///
    /// Scales of the calibrate slice alone would make its own scores look calmer than any later ones;
    /// a few days of the select slice alone are a poor scale for channels that drift. Both were tried.
    fn calibrate(
        &mut self,
        panel: &Panel,
        states: Vec<EntityState>,
        periods: &Periods,
        options: &AnomalyOptions,
    ) -> Result<(), ModelError> {
        let steps = periods.calibrate.clone();
        let mut runs = Vec::new();
        for (entity, mut state) in states.into_iter().enumerate() {
            let counted = |steps: Range<usize>| -> Vec<usize> {
                let counts =
                    |step: &usize| panel.counts(entity, *step) && is_observed(panel, entity, *step);
                steps.filter(counts).collect()
            };
            if counted(steps.clone()).is_empty() {
                continue;
            }
            let mut for_scales = counted(periods.select.clone());
            for_scales.extend(counted(steps.clone()));
            self.scale_parts(panel, &mut state, entity, &for_scales, options.floor);
            self.entities.insert(panel.entities[entity].clone(), state);
            let scored = self.run(panel, entity, steps.clone());
            let smoothed: Vec<Option<f64>> = scored
                .into_iter()
                .enumerate()
                .map(|(at, scored)| scored.filter(|_| panel.counts(entity, steps.start + at)))
                .map(|scored| scored.map(|(_, smoothed)| smoothed))
                .collect();
            let reference = Reference::new(smoothed.iter().flatten().copied());
            runs.push(
                smoothed.iter().map(|score| score.map(|score| reference.p_value(score))).collect(),
            );
            if let Some(state) = self.entities.get_mut(&panel.entities[entity]) {
                state.reference = reference;
            }
        }
        if self.entities.is_empty() {
            return Err(ModelError::TooFewRows { needed: 1, found: 0 });
        }
        self.alarms = Alarms::within_budget(&runs, options.budget);
        self.newcomer = newcomer(self.entities.values(), self.parts.len(), self.channels.len());
        Ok(())
    }

    fn scale_parts(
        &self,
        panel: &Panel,
        state: &mut EntityState,
        entity: usize,
        steps: &[usize],
        floor: f64,
    ) {
        let width = self.channels.len();
        let rows: Vec<Vec<Vec<f64>>> =
            steps.iter().map(|&step| residuals(self, state, panel, (entity, step)).2).collect();
        for k in 0..self.parts.len() {
            let sigma: Vec<f64> = (0..width)
                .map(|channel| {
                    let sizes = rows.iter().map(|parts| parts[k][channel].abs());
                    let q99 = Reference::new(sizes).quantile(0.99).unwrap_or(1.0);
                    q99.max(floor) + floor
                })
                .collect();
            let scores =
                rows.iter().filter_map(|parts| part_score(&parts[k], &sigma)).map(|(mean, _)| mean);
            let q99 = Reference::new(scores).quantile(0.99).unwrap_or(1.0);
            state.sigma.push(sigma);
            state.q99.push(q99.max(1e-6));
        }
    }
}

fn is_observed(panel: &Panel, entity: usize, step: usize) -> bool {
    panel.row(entity, step).iter().any(|value| value.is_finite())
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
        if !panel.counts(entity, step) || !is_observed(panel, entity, step) {
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

/// Medians over the entities, and one reference made of all of theirs.
fn newcomer<'a>(
    states: impl Iterator<Item = &'a EntityState> + Clone,
    parts: usize,
    channels: usize,
) -> EntityState {
    let median = |of: &dyn Fn(&EntityState) -> f64| {
        Reference::new(states.clone().map(of)).quantile(0.5).unwrap_or(1.0)
    };
    let per_channel = |of: &dyn Fn(&EntityState, usize) -> f64| -> Vec<f64> {
        (0..channels).map(|c| median(&|state| of(state, c))).collect()
    };
    let levels = (0..=200).map(|k| f64::from(k) / 200.0);
    let all: Vec<f64> = states
        .clone()
        .flat_map(|state| levels.clone().filter_map(|q| state.reference.quantile(q)))
        .collect();
    EntityState {
        centre: per_channel(&|state, c| state.centre[c]),
        scale: per_channel(&|state, c| state.scale[c]),
        own: None,
        principal: None,
        sigma: (0..parts).map(|k| per_channel(&|state, c| state.sigma[k][c])).collect(),
        q99: (0..parts).map(|k| median(&|state| state.q99[k])).collect(),
        reference: Reference::new(all),
    }
}
