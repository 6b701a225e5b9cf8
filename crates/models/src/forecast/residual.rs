//! What a network adds to the base of every series.
//!
//! ```text
//! window [look-back], mean subtracted, in scales ──► Encoder ──► 64 ReLU ──► [horizon] in scales
//! ```
//! The head starts at zero, training stops on the select slice, and it ships only if it saves more
//! than one per cent of the base's error on the gate slice beyond chance. The phase of the season is
//! no input of its own: windows end where the forecast starts, so they carry it.

use serde::{Deserialize, Serialize};

use super::base::window;
use super::{Forecaster, Origin, Origins, SeriesSet};
use crate::ModelError;
use crate::network::{Architecture, Mlp, NetworkOptions, train_residual};
use crate::tabular::{Candidate, Encoder, FitOptions, GateResult, Samples, judge};

/// Windows of a slice that training looks at; beyond that evenly spaced ones.
const MOST_WINDOWS: usize = 8000;
/// Errors of a base beyond this many scales count as this many: one outage may not decide.
const CLIP: f64 = 6.0;

/// A trained residual.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Residual {
    encoder: Encoder,
    mlp: Mlp,
}

impl Residual {
    /// What is added in scales, `[horizon]`.
    pub(super) fn outputs(&self, window: &[f64]) -> Vec<f64> {
        self.mlp.forward(&self.encoder.encode(window))
    }

    /// Name of the architecture.
    pub fn name(&self) -> &str {
        self.mlp.name()
    }
}

impl Forecaster {
    /// Trains every residual among the candidates and keeps the best that earned its place.
    pub(super) fn choose_residual(
        &mut self,
        set: &SeriesSet,
        origins: &Origins,
        choice: &FitOptions,
    ) -> Result<Vec<GateResult>, ModelError> {
        let (mut best, mut least) = (None, f64::INFINITY);
        let mut results = Vec::new();
        let without = self.losses(set, &origins.gate);
        let blocks: Vec<u64> = origins.gate.iter().map(|origin| origin.block).collect();
        for candidate in &choice.candidates {
            let Candidate::Network { options } = candidate else {
                continue;
            };
            if options.architecture != Architecture::Residual {
                continue;
            }
            let Some(residual) = self.trained(set, origins, options, choice.seed)? else {
                continue;
            };
            let name = format!("network {}", residual.name());
            self.residual = Some(residual);
            let losses = self.losses(set, &origins.gate);
            let trained = self.residual.take();
            let result = judge((name, true), (&losses, &without), &blocks, choice);
            let loss = result.loss.unwrap_or(f64::INFINITY);
            if result.earned && loss < least {
                (best, least) = (trained, loss);
            }
            results.push(result);
        }
        self.residual = best;
        Ok(results)
    }

    /// Mean |error| in scales of every origin; NaN where nothing can be compared.
    fn losses(&self, set: &SeriesSet, origins: &[Origin]) -> Vec<f64> {
        let loss = |&origin: &Origin| {
            let errors = self.shipped_errors(set, origin)?;
            super::base::mean(errors.into_iter().map(f64::abs))
        };
        origins.iter().map(|origin| loss(origin).unwrap_or(f64::NAN)).collect()
    }

    /// `None` where a slice holds no whole window.
    fn trained(
        &self,
        set: &SeriesSet,
        origins: &Origins,
        options: &NetworkOptions,
        seed: u64,
    ) -> Result<Option<Residual>, ModelError> {
        let mut fit = self.windows(set, &origins.fit);
        let mut select = self.windows(set, &origins.select);
        if fit.rows() == 0 || select.rows() == 0 {
            return Ok(None);
        }
        let encoder = Encoder::fit(&fit.x);
        fit.x = encoder.encode_all(&fit.x);
        select.x = encoder.encode_all(&select.x);
        let mlp = train_residual(&fit, &select, options, seed)?;
        Ok(Some(Residual { encoder, mlp }))
    }

    /// Windows with the errors of their base.
    fn windows(&self, set: &SeriesSet, origins: &[Origin]) -> Samples {
        let mut samples = Samples::empty(self.look_back, self.horizon);
        let keep = origins.len().min(MOST_WINDOWS);
        for k in 0..keep {
            let origin = origins[k * origins.len() / keep];
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
