//! A stack of dense layers, applied row by row.
//!
//! ```text
//! x [inputs] ─► dense ─► ReLU ─► … ─► dense [scores]      residual: added to the linear path
//! ```
//! Dropout exists only while training.

use serde::{Deserialize, Serialize};

use crate::linear::Matrix;

/// What follows a dense layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// max(0, x).
    Relu,
    /// Nothing.
    None,
}

/// One dense layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// One row of weights per output.
    pub weights: Matrix,
    /// One bias per output.
    pub bias: Vec<f64>,
    /// What follows.
    pub activation: Activation,
}

/// A fitted stack of layers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mlp {
    /// Name of the architecture, for the card.
    name: String,
    /// Whether scores are added to the linear path.
    residual: bool,
    /// Scores are multiplied by this and shifted by `offset` (values: the label's own scale).
    scale: f64,
    offset: f64,
    layers: Vec<Layer>,
}

impl Mlp {
    /// A stack; scores are `scale * output + offset`.
    pub fn new(
        name: String,
        residual: bool,
        (scale, offset): (f64, f64),
        layers: Vec<Layer>,
    ) -> Self {
        Self { name, residual, scale, offset, layers }
    }

    /// Name of the architecture.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether scores are added to the linear path.
    pub fn is_residual(&self) -> bool {
        self.residual
    }

    /// The layers, first to last.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Scale and offset between the last layer's outputs and the scores.
    pub fn label_scale(&self) -> (f64, f64) {
        (self.scale, self.offset)
    }

    /// Scores of one encoded row.
    pub fn forward(&self, x: &[f64]) -> Vec<f64> {
        let outputs = self.layers.iter().fold(x.to_vec(), |x, layer| layer.apply(&x));
        outputs.into_iter().map(|output| self.scale * output + self.offset).collect()
    }

    /// Scores of encoded rows, `[rows, inputs]` → `[rows, scores]`; each has the bits that
    /// [`Mlp::forward`] gives it.
    pub(crate) fn forward_all(&self, x: Matrix) -> Matrix {
        let mut outputs = self.layers.iter().fold(x, |x, layer| layer.apply_all(&x));
        for row in 0..outputs.rows() {
            for output in outputs.row_mut(row) {
                *output = self.scale * *output + self.offset;
            }
        }
        outputs
    }

    /// Gradient of Σ weights · scores with respect to the inputs.
    fn gradient(&self, x: &[f64], weights: &[f64]) -> Vec<f64> {
        let mut outputs = vec![x.to_vec()];
        for layer in &self.layers {
            let next = layer.apply(outputs.last().map_or(x, Vec::as_slice));
            outputs.push(next);
        }
        let mut slope: Vec<f64> = weights.iter().map(|w| w * self.scale).collect();
        for (layer, output) in self.layers.iter().zip(outputs.iter().skip(1)).rev() {
            if layer.activation == Activation::Relu {
                for (s, o) in slope.iter_mut().zip(output) {
                    *s = if *o > 0.0 { *s } else { 0.0 };
                }
            }
            let mut below = vec![0.0; layer.weights.columns()];
            for (row, s) in layer.weights.iter().zip(&slope) {
                crate::linear::add_scaled(&mut below, *s, row);
            }
            slope = below;
        }
        slope
    }

    /// Share of every input in Σ weights · scores against the all-zero row (everything as usual), by
    /// gradients at 32 midpoints of the straight way.
    ///
    /// Source: Sundararajan, Taly, Yan 2017.
    pub fn integrated_gradients(&self, x: &[f64], weights: &[f64]) -> Vec<f64> {
        const STEPS: u32 = 32;
        let mut sum = vec![0.0; x.len()];
        for step in 0..STEPS {
            let share = (f64::from(step) + 0.5) / f64::from(STEPS);
            let at: Vec<f64> = x.iter().map(|value| value * share).collect();
            crate::linear::add_scaled(
                &mut sum,
                1.0 / f64::from(STEPS),
                &self.gradient(&at, weights),
            );
        }
        sum.iter().zip(x).map(|(slope, value)| slope * value).collect()
    }
}

impl Layer {
    fn apply(&self, x: &[f64]) -> Vec<f64> {
        let mut outputs = self.weights.times(x);
        self.finish(&mut outputs);
        outputs
    }

    fn apply_all(&self, x: &Matrix) -> Matrix {
        let mut outputs = self.weights.times_rows(x);
        for row in 0..outputs.rows() {
            self.finish(outputs.row_mut(row));
        }
        outputs
    }

    fn finish(&self, outputs: &mut [f64]) {
        for (output, bias) in outputs.iter_mut().zip(&self.bias) {
            *output += bias;
            if self.activation == Activation::Relu {
                // As `max` says it, but one instruction: that looks for NaN before, which is 0 here too.
                *output = if *output > 0.0 { *output } else { 0.0 };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mlp() -> Mlp {
        let hidden = Layer {
            weights: Matrix::from_rows(2, vec![1.0, -1.0, 0.5, 2.0]),
            bias: vec![0.0, -1.0],
            activation: Activation::Relu,
        };
        let last = Layer {
            weights: Matrix::from_rows(2, vec![2.0, -3.0]),
            bias: vec![0.5],
            activation: Activation::None,
        };
        Mlp::new("test".into(), false, (1.0, 0.0), vec![hidden, last])
    }

    #[test]
    fn forward_by_hand() {
        // hidden = relu(3-1, 1.5+2-1) = (2, 2.5); 2·2 - 3·2.5 + .5 = -3
        assert_eq!(mlp().forward(&[3.0, 1.0]), [-3.0]);
        assert_eq!(mlp().forward(&[-5.0, 0.0]), [0.5]);
    }

    #[test]
    fn integrated_gradients_are_complete() {
        let (net, x) = (mlp(), [3.0, 1.0]);
        let shares: f64 = net.integrated_gradients(&x, &[1.0]).iter().sum();
        let change = net.forward(&x)[0] - net.forward(&[0.0, 0.0])[0];
        assert!((shares - change).abs() < 0.05 * change.abs(), "{shares} {change}");
    }
}
