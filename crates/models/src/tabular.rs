//! Models of feature rows: hazards, yes or no, classes, and real values.
//!
//! One linear path, and beside it boosted trees and networks that must earn their place: on the gate
//! slice, by more than one per cent of the loss, with a paired block bootstrap below .05. What ships
//! is calibrated on the calibrate slice and knows exactly which inputs drove a score.
//!
//! ```text
//! features [p] ──► Encoder (standardise, clip, missing → 0 + flag) ──► linear path ─┐
//!          └──────► boosted trees (missing as it is) ──────────────────────────────┤─► scores [k]
//!          └──────► Encoder ──► linear path + zero-initialised network ────────────┘      │
//!                                           calibrators per hazard bin or yes/no ◄─────────┘
//! ```

mod choice;
mod encoder;
mod linear_path;
mod samples;

use serde::{Deserialize, Serialize};

use crate::conformal::Reference;
use crate::linear::{Matrix, sigmoid, softmax};
use crate::network::Mlp;
use crate::trees::Boosted;
use crate::{Calibrator, ModelError};

pub(crate) use choice::judge;
pub use choice::{Candidate, FitOptions, GateResult};
pub use encoder::Encoder;
pub use linear_path::LinearPath;
pub use samples::{Samples, Sliced};

/// What scores mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Link {
    /// The score is the value.
    Value {
        /// Greatest value of the label, whose least is 0 then.
        cap: Option<f64>,
    },
    /// Every score is the log-odds of its own yes or no (hazard bins; one for a binary head).
    LogOdds,
    /// Scores are classes before the softmax.
    Classes,
}

/// What adds to, or stands in for, the linear path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Path {
    /// Nothing: the linear path ships.
    Linear,
    /// One sum of trees per score.
    Trees {
        /// In the order of the scores.
        boosted: Vec<Boosted>,
    },
    /// A network on encoded features.
    Network {
        /// Its layers.
        mlp: Mlp,
        /// The linear path that a residual was trained on: of the fit slice alone, so that stopping on
        /// the select slice was honest.
        base: LinearPath,
    },
}

/// A fitted model of feature rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tabular {
    /// What scores mean.
    pub link: Link,
    /// From features to inputs of the linear path and of networks.
    pub encoder: Encoder,
    /// Always fitted: the reference, the fallback and the readable account.
    pub linear: LinearPath,
    /// What ships.
    pub path: Path,
    /// One per score with a log-odds link.
    pub calibrators: Vec<Calibrator>,
    /// |error| on the calibrate slice, for the interval of a value.
    pub errors: Reference,
}

impl Tabular {
    /// Raw scores of one feature row, before link and calibration.
    pub fn scores(&self, features: &[f64]) -> Vec<f64> {
        match &self.path {
            Path::Linear => self.linear.scores(&self.encoder.encode(features)),
            Path::Trees { boosted } => boosted.iter().map(|sum| sum.score(features)).collect(),
            Path::Network { mlp, base } => {
                let encoded = self.encoder.encode(features);
                let mut scores = mlp.forward(&encoded);
                if mlp.is_residual() {
                    let linear = base.scores(&encoded);
                    scores.iter_mut().zip(linear).for_each(|(s, l)| *s += l);
                }
                scores
            }
        }
    }

    /// Calibrated hazards, probability, class probabilities, or value.
    ///
    /// # Errors
    /// [`ModelError::Shape`] where the row is not as wide as the fit rows.
    pub fn predict(&self, features: &[f64]) -> Result<Vec<f64>, ModelError> {
        let expected = self.encoder.features();
        if features.len() != expected {
            return Err(ModelError::Shape { what: "features", expected, found: features.len() });
        }
        Ok(self.linked(self.scores(features)))
    }

    /// What [`Tabular::predict`] says of every row, to the same bits.
    ///
    /// # Errors
    /// [`ModelError::Shape`] where the rows are not as wide as the fit rows.
    pub fn predict_all(&self, rows: &Matrix) -> Result<Vec<Vec<f64>>, ModelError> {
        let expected = self.encoder.features();
        if rows.columns() != expected {
            return Err(ModelError::Shape { what: "features", expected, found: rows.columns() });
        }
        let scores = self.scores_of_all(rows);
        Ok(scores.iter().map(|scores| self.linked(scores.to_vec())).collect())
    }

    /// `[rows, features]` → `[rows, scores]`
    fn scores_of_all(&self, rows: &Matrix) -> Matrix {
        match &self.path {
            Path::Linear => self.linear.scores_of_all(&self.encoder.encode_all(rows)),
            Path::Trees { boosted } => {
                let mut scores = Matrix::with_columns(boosted.len());
                rows.iter().for_each(|row| scores.push(&self.scores(row)));
                scores
            }
            Path::Network { mlp, base } => {
                let encoded = self.encoder.encode_all(rows);
                let linear = mlp.is_residual().then(|| base.scores_of_all(&encoded));
                let mut scores = mlp.forward_all(encoded);
                if let Some(linear) = linear {
                    scores.add(&linear);
                }
                scores
            }
        }
    }

    /// How much work a row is, in multiplications.
    pub fn operations(&self) -> usize {
        match &self.path {
            Path::Linear => self.linear.weights.values().len(),
            Path::Trees { boosted } => boosted.iter().map(Boosted::operations).sum(),
            Path::Network { mlp, base } => {
                let layers = mlp.layers().iter().map(|layer| layer.weights.values().len());
                layers.sum::<usize>() + base.weights.values().len()
            }
        }
    }

    fn linked(&self, scores: Vec<f64>) -> Vec<f64> {
        match self.link {
            Link::Value { .. } => scores.into_iter().map(|value| self.bounded(value)).collect(),
            Link::Classes => softmax(scores),
            Link::LogOdds => scores
                .into_iter()
                .zip(&self.calibrators)
                .map(|(score, calibrator)| calibrator.apply(sigmoid(score)))
                .collect(),
        }
    }

    /// The central interval around a value that holds `share` of the calibrate slice, within what the
    /// label can be; `None` for other links.
    pub fn interval(&self, value: f64, share: f64) -> Option<(f64, f64)> {
        let Link::Value { .. } = self.link else {
            return None;
        };
        let half = self.errors.upper(share)?;
        Some((self.bounded(value - half), self.bounded(value + half)))
    }

    /// A value within what the label can be.
    fn bounded(&self, value: f64) -> f64 {
        match self.link {
            Link::Value { cap: Some(cap) } => value.clamp(0.0, cap),
            _ => value,
        }
    }

    /// Share of every feature in the weighted sum of scores, greatest first; exact for the linear
    /// path and for trees (their start values aside), integrated gradients for a network.
    ///
    /// `weights` says how much each score matters (hazards: the hazards themselves).
    pub fn drivers(&self, features: &[f64], weights: &[f64]) -> Vec<(usize, f64)> {
        let mut shares = vec![0.0; features.len()];
        match &self.path {
            Path::Linear => self.add_linear_shares(&self.linear, features, weights, &mut shares),
            Path::Trees { boosted } => {
                for (sum, weight) in boosted.iter().zip(weights) {
                    for (share, own) in shares.iter_mut().zip(sum.shares(features)) {
                        *share += weight * own;
                    }
                }
            }
            Path::Network { mlp, base } => {
                if mlp.is_residual() {
                    self.add_linear_shares(base, features, weights, &mut shares);
                }
                let encoded = self.encoder.encode(features);
                for (input, own) in mlp.integrated_gradients(&encoded, weights).iter().enumerate() {
                    shares[self.encoder.feature_of(input)] += own;
                }
            }
        }
        let mut ranked: Vec<(usize, f64)> = shares.into_iter().enumerate().collect();
        ranked.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
        ranked
    }

    fn add_linear_shares(
        &self,
        linear: &LinearPath,
        features: &[f64],
        weights: &[f64],
        shares: &mut [f64],
    ) {
        let encoded = self.encoder.encode(features);
        for (row, weight) in linear.weights.iter().zip(weights) {
            for (input, (value, coefficient)) in encoded.iter().zip(row).enumerate() {
                shares[self.encoder.feature_of(input)] += weight * value * coefficient;
            }
        }
    }

    /// What encodes feature rows, and the network behind it; `None` where none ships. What a
    /// residual is added to, the link and the calibration are not in it.
    pub fn network(&self) -> Option<(&Encoder, &Mlp)> {
        match &self.path {
            Path::Network { mlp, .. } => Some((&self.encoder, mlp)),
            Path::Linear | Path::Trees { .. } => None,
        }
    }

    /// Name of what ships, for the card.
    pub fn path_name(&self) -> String {
        match &self.path {
            Path::Linear => "linear".into(),
            Path::Trees { .. } => "boosted trees".into(),
            Path::Network { mlp, .. } => format!("network {}", mlp.name()),
        }
    }
}

/// P(event by the end of bin k) = 1 - Π_{j<=k} (1 - hazard_j).
pub fn cumulative(hazards: &[f64]) -> Vec<f64> {
    let mut survival = 1.0;
    hazards
        .iter()
        .map(|hazard| {
            survival *= 1.0 - hazard.clamp(0.0, 1.0);
            1.0 - survival
        })
        .collect()
}

#[cfg(test)]
mod tests;
