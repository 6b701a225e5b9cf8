//! What a network adds to the forecast part.
//!
//! The inputs are the ridge's: the last steps, standardised, newest first. It learns the errors of the
//! ridge that ships for each entity, and scales, references and the alarm level are calibrated
//! afterwards, so that they are those of what ships.

use std::ops::Range;

use super::parts::{expected, lagged, standardise};
use super::{Anomaly, EntityState, Panel, Periods};
use crate::ModelError;
use crate::network::{CLIP, Gate, Residual, evenly, residuals_of};
use crate::tabular::{FitOptions, GateResult, Samples};

/// Windows of a slice that training looks at; beyond that evenly spaced ones.
const MOST_WINDOWS: usize = 20_000;

/// A step of an entity.
type Place = (usize, usize);

impl Anomaly {
    /// Trains every residual among the candidates and keeps the best that earned its place.
    pub(super) fn choose_residual(
        &mut self,
        (panel, states): (&Panel, &[EntityState]),
        periods: &Periods,
        choice: &FitOptions<'_>,
    ) -> Result<Vec<GateResult>, ModelError> {
        if residuals_of(&choice.candidates).next().is_none() {
            return Ok(Vec::new());
        }
        let linear = Linear { model: self, panel, states };
        let slices = (linear.windows(periods.fit.clone()), linear.windows(periods.select.clone()));
        let places: Vec<Place> = linear.places(periods.gate.clone()).collect();
        let week = periods.week.max(1);
        let gate = Gate {
            without: linear.losses(None, &places),
            blocks: places
                .iter()
                .map(|(e, step)| (*e as u64) << 32 | (step / week) as u64)
                .collect(),
        };
        let with = |residual: &Residual| linear.losses(Some(residual), &places);
        let (best, results) = Residual::choose((&slices.0, &slices.1), &gate, choice, with)?;
        self.residual = best;
        Ok(results)
    }
}

/// The forecast part before a residual is chosen.
struct Linear<'a> {
    model: &'a Anomaly,
    panel: &'a Panel,
    states: &'a [EntityState],
}

impl Linear<'_> {
    /// Observed steps that may be learned from.
    fn places(&self, steps: Range<usize>) -> impl Iterator<Item = Place> {
        let all = (0..self.panel.entities.len())
            .flat_map(move |entity| steps.clone().map(move |step| (entity, step)));
        all.filter(|&place| self.is_good(place))
    }

    fn is_good(&self, (entity, step): Place) -> bool {
        self.panel.counts(entity, step) && self.panel.is_observed(entity, step)
    }

    /// Inputs, and errors of every channel in its scales; NaN where not observed.
    fn errors(&self, residual: Option<&Residual>, (entity, step): Place) -> (Vec<f64>, Vec<f64>) {
        let state = &self.states[entity];
        let inputs = lagged(state, self.panel, (entity, step), self.model.lags);
        let forecast = expected(self.model, residual, state, &inputs);
        let observed = standardise(state, self.panel.row(entity, step));
        let errors = observed.iter().zip(forecast).map(|(o, f)| (o - f).clamp(-CLIP, CLIP));
        (inputs, errors.collect())
    }

    /// Mean squared error of every place over its observed channels.
    fn losses(&self, residual: Option<&Residual>, places: &[Place]) -> Vec<f64> {
        let loss = |&place: &Place| {
            let (_, errors) = self.errors(residual, place);
            let seen = errors.iter().filter(|error| error.is_finite());
            let (sum, count) = seen.fold((0.0, 0.0), |(s, n), error| (s + error * error, n + 1.0));
            if count > 0.0 { sum / count } else { f64::NAN }
        };
        places.iter().map(loss).collect()
    }

    /// Windows without a gap with the errors of the ridge.
    fn windows(&self, steps: Range<usize>) -> Samples {
        let (lags, width) = (self.model.lags, self.panel.channels.len());
        let is_whole = |&(entity, step): &Place| {
            step >= lags && (step - lags..step).all(|at| self.is_good((entity, at)))
        };
        let places: Vec<Place> = self.places(steps).filter(is_whole).collect();
        let mut samples = Samples::empty(lags * width, width);
        for at in evenly(places.len(), MOST_WINDOWS) {
            let (inputs, errors) = self.errors(None, places[at]);
            samples.push(&inputs, &errors, 1.0, 0);
        }
        samples
    }
}
