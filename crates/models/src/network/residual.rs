//! A network beside the linear path of a head that works on series.
//!
//! ```text
//! inputs ──► Encoder ──► 64 ReLU ──► outputs        added to what the linear path says
//! ```
//! The last layer starts at zero, training stops on the select slice, and a network ships only if it
//! saves more than one per cent of the linear path's error on the gate slice beyond chance.

use serde::{Deserialize, Serialize};

use super::{Architecture, Mlp, NetworkOptions, Training, train_residual};
use crate::ModelError;
use crate::tabular::{Candidate, Encoder, FitOptions, GateResult, Samples, judge};

/// Errors to learn from and to judge by stay within this many scales: one outage may not decide.
pub(crate) const CLIP: f64 = 6.0;

/// A trained residual.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Residual {
    encoder: Encoder,
    mlp: Mlp,
}

/// What the gate slice says without a residual, row by row.
pub(crate) struct Gate {
    /// Loss of the linear path alone; NaN where nothing can be compared.
    pub(crate) without: Vec<f64>,
    /// Rows of a block are drawn together.
    pub(crate) blocks: Vec<u64>,
}

impl Residual {
    /// What is added to the linear path.
    pub(crate) fn outputs(&self, inputs: &[f64]) -> Vec<f64> {
        self.mlp.forward(&self.encoder.encode(inputs))
    }

    /// What encodes the inputs, and the network behind it.
    pub fn network(&self) -> (&Encoder, &Mlp) {
        (&self.encoder, &self.mlp)
    }

    /// Name of the architecture.
    pub fn name(&self) -> &str {
        self.mlp.name()
    }

    /// Trains on inputs with the errors of the linear path.
    fn train(
        (fit, select): (&Samples, &Samples),
        training: Training<'_>,
    ) -> Result<Self, ModelError> {
        let encoder = Encoder::fit(&fit.x);
        let encoded =
            |samples: &Samples| Samples { x: encoder.encode_all(&samples.x), ..samples.clone() };
        let mlp = train_residual(&encoded(fit), &encoded(select), training)?;
        Ok(Self { encoder, mlp })
    }

    /// Trains every residual among the candidates and returns the best that earned its place;
    /// `losses` are those of the gate slice with a residual. Nothing is tried where a slice to learn
    /// from is empty.
    pub(crate) fn choose(
        slices: (&Samples, &Samples),
        gate: &Gate,
        choice: &FitOptions<'_>,
        losses: impl Fn(&Self) -> Vec<f64>,
    ) -> Result<(Option<Self>, Vec<GateResult>), ModelError> {
        let (mut best, mut least) = (None, f64::INFINITY);
        let mut results = Vec::new();
        if slices.0.rows() == 0 || slices.1.rows() == 0 {
            return Ok((best, results));
        }
        for options in residuals_of(&choice.candidates) {
            let residual = Self::train(slices, choice.training(options))?;
            let name = format!("network {}", residual.name());
            let losses = (losses(&residual), gate.without.as_slice());
            let result = judge((name, true), (&losses.0, losses.1), &gate.blocks, choice);
            let loss = result.loss.unwrap_or(f64::INFINITY);
            if result.earned && loss < least {
                (best, least) = (Some(residual), loss);
            }
            results.push(result);
        }
        Ok((best, results))
    }
}

/// The candidates that can add to a linear path of series.
pub(crate) fn residuals_of(candidates: &[Candidate]) -> impl Iterator<Item = &NetworkOptions> {
    candidates.iter().filter_map(|candidate| match candidate {
        Candidate::Network { options } if options.architecture == Architecture::Residual => {
            Some(options)
        }
        _ => None,
    })
}

/// At most `most` of `count` indices, evenly spaced.
pub(crate) fn evenly(count: usize, most: usize) -> impl Iterator<Item = usize> {
    let keep = count.min(most);
    (0..keep).map(move |k| k * count / keep)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_choices_span_the_whole() {
        assert_eq!(evenly(3, 8).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(evenly(10, 4).collect::<Vec<_>>(), [0, 2, 5, 7]);
        assert_eq!(evenly(0, 4).count(), 0);
    }
}
