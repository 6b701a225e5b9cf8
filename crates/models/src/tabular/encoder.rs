//! From feature rows to inputs: standardised, clipped, missing values as 0 with a flag beside.

use serde::{Deserialize, Serialize};

use crate::linear::Matrix;

/// Fitted on the fit slice and nowhere else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Encoder {
    mean: Vec<f64>,
    scale: Vec<f64>,
    /// Features that get a "missing" flag, in the order of the flags.
    flagged: Vec<usize>,
}

impl Encoder {
    /// Standardised inputs are kept within this many deviations: one absurd counter may not decide.
    pub const CLIP: f64 = 6.0;

    /// Learns means, deviations, and which features are sometimes missing.
    pub fn fit(x: &Matrix) -> Self {
        let features = x.columns();
        let (mut mean, mut scale) = (vec![0.0; features], vec![1.0; features]);
        let mut flagged = Vec::new();
        for feature in 0..features {
            let observed: Vec<f64> =
                x.iter().map(|row| row[feature]).filter(|value| value.is_finite()).collect();
            let count = observed.len() as f64;
            if observed.is_empty() {
                continue;
            }
            mean[feature] = observed.iter().sum::<f64>() / count;
            let variance =
                observed.iter().map(|value| (value - mean[feature]).powi(2)).sum::<f64>() / count;
            // A constant stays 0 after centring, whatever it is divided by.
            scale[feature] = if variance > 1e-18 { variance.sqrt() } else { 1.0 };
            let missing = 1.0 - count / x.rows() as f64;
            if (0.005..0.995).contains(&missing) {
                flagged.push(feature);
            }
        }
        Self { mean, scale, flagged }
    }

    /// Number of features that a row must have.
    pub fn features(&self) -> usize {
        self.mean.len()
    }

    /// Number of inputs: features, then flags.
    pub fn inputs(&self) -> usize {
        self.mean.len() + self.flagged.len()
    }

    /// The feature that an input came from.
    pub fn feature_of(&self, input: usize) -> usize {
        input.checked_sub(self.mean.len()).map_or(input, |flag| self.flagged[flag])
    }

    /// Mean of every feature over the fit slice.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// What deviations from the mean are divided by.
    pub fn scale(&self) -> &[f64] {
        &self.scale
    }

    /// Features with a "missing" flag, in the order of the flags.
    pub fn flagged(&self) -> &[usize] {
        &self.flagged
    }

    /// Inputs of one feature row.
    pub fn encode(&self, features: &[f64]) -> Vec<f64> {
        let mut inputs = Vec::with_capacity(self.inputs());
        self.append(features, &mut inputs);
        inputs
    }

    /// Inputs of all rows.
    pub fn encode_all(&self, x: &Matrix) -> Matrix {
        if x.rows() == 0 {
            return Matrix::with_columns(self.inputs());
        }
        let mut inputs = Vec::with_capacity(x.rows() * self.inputs());
        for row in x.iter() {
            self.append(row, &mut inputs);
        }
        Matrix::from_rows(self.inputs(), inputs)
    }

    fn append(&self, features: &[f64], inputs: &mut Vec<f64>) {
        let usual = self.mean.iter().zip(&self.scale);
        inputs.extend(features.iter().zip(usual).map(|(value, (mean, scale))| {
            if value.is_finite() {
                ((value - mean) / scale).clamp(-Self::CLIP, Self::CLIP)
            } else {
                0.0
            }
        }));
        let is_missing = |feature: &usize| !features[*feature].is_finite();
        inputs.extend(self.flagged.iter().map(|feature| f64::from(u8::from(is_missing(feature)))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_is_zero_with_a_flag() {
        let x = Matrix::from_rows(3, vec![1.0, 5.0, f64::NAN, 3.0, 5.0, 2.0, 5.0, 5.0, 4.0]);
        let encoder = Encoder::fit(&x);
        assert_eq!((encoder.features(), encoder.inputs()), (3, 4));
        let inputs = encoder.encode(&[3.0, 5.0, f64::NAN]);
        assert_eq!(inputs, [0.0, 0.0, 0.0, 1.0]);
        assert_eq!(encoder.feature_of(3), 2);
        assert_eq!(encoder.encode(&[1e9, 6.0, 3.0])[0], Encoder::CLIP);
    }
}
