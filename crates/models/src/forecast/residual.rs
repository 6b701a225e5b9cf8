//! What a network adds to the base of every series.
//!
//! The inputs are the ridge's window, mean subtracted, in scales; the outputs are added in scales to
//! the whole horizon. The phase of the season is no input of its own: windows end where the forecast
//! starts, so they carry it.

use super::base::window;
use super::{Forecaster, Origin, Origins, SeriesSet};
use crate::ModelError;
use crate::network::{CLIP, Gate, Residual, evenly, residuals_of};
use crate::tabular::{FitOptions, GateResult, Samples};

/// Windows of a slice that training looks at; beyond that evenly spaced ones.
const MOST_WINDOWS: usize = 8000;

impl Forecaster {
    /// Trains every residual among the candidates and keeps the best that earned its place.
    pub(super) fn choose_residual(
        &mut self,
        set: &SeriesSet,
        origins: &Origins,
        choice: &FitOptions<'_>,
    ) -> Result<Vec<GateResult>, ModelError> {
        if residuals_of(&choice.candidates).next().is_none() {
            return Ok(Vec::new());
        }
        let slices = (self.windows(set, &origins.fit), self.windows(set, &origins.select));
        let losses = |residual: Option<&Residual>| self.losses(residual, set, &origins.gate);
        let blocks = origins.gate.iter().map(|origin| origin.block).collect();
        let gate = Gate { without: losses(None), blocks };
        let with = |residual: &Residual| losses(Some(residual));
        let (best, results) = Residual::choose((&slices.0, &slices.1), &gate, choice, with)?;
        self.residual = best;
        Ok(results)
    }

    /// Mean |error| in scales of every origin; NaN where nothing can be compared.
    fn losses(&self, residual: Option<&Residual>, set: &SeriesSet, origins: &[Origin]) -> Vec<f64> {
        let loss = |&origin: &Origin| {
            let errors = self.errors_with(residual, set, origin)?;
            super::base::mean(errors.into_iter().map(f64::abs))
        };
        origins.iter().map(|origin| loss(origin).unwrap_or(f64::NAN)).collect()
    }

    /// Windows with the errors of their base.
    fn windows(&self, set: &SeriesSet, origins: &[Origin]) -> Samples {
        let mut samples = Samples::empty(self.look_back, self.horizon);
        for at in evenly(origins.len(), MOST_WINDOWS) {
            let origin = origins[at];
            let name = &set.names[origin.series];
            let history = set.history(origin, self.look_back);
            let inputs = window(history, self.look_back, self.season, self.scale(name));
            let errors = self.trajectory(set, origin, self.base_of(name));
            if let (Some((inputs, _)), Some(errors)) = (inputs, errors)
                && errors.iter().any(|error| error.is_finite())
            {
                let errors: Vec<f64> =
                    errors.into_iter().map(|error| error.clamp(-CLIP, CLIP)).collect();
                samples.push(&inputs, &errors, 1.0, origin.block);
            }
        }
        samples
    }
}
