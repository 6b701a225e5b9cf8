//! Penalised logistic regression by iteratively reweighted least squares.

use serde::{Deserialize, Serialize};

use super::gram::penalised;
use super::matrix::{Cholesky, Matrix};
use super::product::{add_scaled, dot};
use crate::ModelError;

/// How hard to fit.
#[derive(Debug, Clone, Copy)]
pub struct LogisticOptions {
    /// Ridge penalty on the weights, per unit of total sample weight; the intercept is free.
    pub penalty: f64,
    /// Newton steps at most.
    pub max_steps: usize,
}

impl Default for LogisticOptions {
    fn default() -> Self {
        Self { penalty: 1e-3, max_steps: 30 }
    }
}

/// A fitted logistic regression: P(y = 1) = σ(w·x + b).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Logistic {
    /// Weight per input.
    pub weights: Vec<f64>,
    /// Intercept.
    pub intercept: f64,
}

/// 1 / (1 + e⁻ᶻ) without overflow.
pub(crate) fn sigmoid(z: f64) -> f64 {
    if z >= 0.0 {
        1.0 / (1.0 + (-z).exp())
    } else {
        let e = z.exp();
        e / (1.0 + e)
    }
}

/// ln(p / (1 - p)), `p` kept 1e-9 from 0 and 1.
pub(crate) fn logit(p: f64) -> f64 {
    let kept = p.clamp(1e-9, 1.0 - 1e-9);
    (kept / (1.0 - kept)).ln()
}

/// ln(1 + eᶻ) without overflow.
pub(crate) fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

impl Logistic {
    /// Always the base rate `rate`.
    pub fn constant(inputs: usize, rate: f64) -> Self {
        Self { weights: vec![0.0; inputs], intercept: logit(rate) }
    }

    /// Fits labels in 0 … 1 with sample weights.
    ///
    /// Where only one outcome occurs the result is constant: half a sample is added to each side, so
    /// a class never seen does not become impossible.
    ///
    /// # Errors
    /// [`ModelError::TooFewRows`] without rows of positive weight.
    pub fn fit(
        x: &Matrix,
        labels: &[f64],
        weights: &[f64],
        options: LogisticOptions,
    ) -> Result<Self, ModelError> {
        let total: f64 = weights.iter().sum();
        if x.rows() == 0 || total <= 0.0 {
            return Err(ModelError::TooFewRows { needed: 1, found: 0 });
        }
        let positive: f64 = labels.iter().zip(weights).map(|(y, w)| y * w).sum();
        let mut model = Self::constant(x.columns(), (positive + 0.5) / (total + 1.0));
        if positive <= 0.0 || positive >= total {
            return Ok(model);
        }
        let mut loss = model.loss(x, labels, weights, options.penalty * total);
        for _ in 0..options.max_steps {
            let step = model.newton_step(x, labels, weights, options.penalty * total)?;
            let (next, next_loss) = model.damped(&step, loss, |candidate| {
                candidate.loss(x, labels, weights, options.penalty * total)
            });
            let gained = loss - next_loss;
            (model, loss) = (next, next_loss);
            if gained <= 1e-7 * loss.abs().max(1e-9) {
                break;
            }
        }
        Ok(model)
    }

    /// Linear predictor of one row.
    pub fn score(&self, x: &[f64]) -> f64 {
        self.intercept + dot(&self.weights, x)
    }

    /// Probability of one row.
    pub fn probability(&self, x: &[f64]) -> f64 {
        sigmoid(self.score(x))
    }

    fn loss(&self, x: &Matrix, labels: &[f64], weights: &[f64], ridge: f64) -> f64 {
        let fit: f64 = x
            .iter()
            .zip(labels.iter().zip(weights))
            .map(|(row, (y, w))| {
                let z = self.score(row);
                w * (softplus(z) - y * z)
            })
            .sum();
        fit + 0.5 * ridge * dot(&self.weights, &self.weights)
    }

    /// Solves (XᵀDX + ridge) step = Xᵀ(y - p) - ridge w, the intercept last and unpenalised.
    fn newton_step(
        &self,
        x: &Matrix,
        labels: &[f64],
        weights: &[f64],
        ridge: f64,
    ) -> Result<Vec<f64>, ModelError> {
        let inputs = x.columns();
        let mut hessian = Matrix::zeros(inputs + 1, inputs + 1);
        let mut gradient = vec![0.0; inputs + 1];
        for (row, (y, w)) in x.iter().zip(labels.iter().zip(weights)) {
            let p = self.probability(row);
            let curvature = w * (p * (1.0 - p)).max(1e-9);
            add_scaled(&mut gradient[..inputs], w * (y - p), row);
            gradient[inputs] += w * (y - p);
            for (i, &value) in row.iter().enumerate() {
                if value != 0.0 {
                    add_scaled(&mut hessian.row_mut(i)[..=i], curvature * value, &row[..=i]);
                }
            }
            add_scaled(&mut hessian.row_mut(inputs)[..inputs], curvature, row);
            hessian.row_mut(inputs)[inputs] += curvature;
        }
        add_scaled(&mut gradient[..inputs], -ridge, &self.weights);
        let mut bordered = penalised(&hessian, ridge);
        bordered.row_mut(inputs)[inputs] -= ridge.max(1e-12);
        Ok(Cholesky::factor(&bordered)?.solve(&gradient))
    }

    /// Takes the step, halved until the loss no longer grows.
    fn damped(&self, step: &[f64], loss: f64, judge: impl Fn(&Self) -> f64) -> (Self, f64) {
        let mut length = 1.0;
        for _ in 0..12 {
            let mut next = self.clone();
            add_scaled(&mut next.weights, length, &step[..self.weights.len()]);
            next.intercept += length * step[self.weights.len()];
            let next_loss = judge(&next);
            if next_loss <= loss {
                return (next, next_loss);
            }
            length /= 2.0;
        }
        (self.clone(), loss)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> (Matrix, Vec<f64>) {
        let x = [0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 3.0];
        let y = [0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0];
        (Matrix::from_rows(1, x.to_vec()), y.to_vec())
    }

    #[test]
    fn matches_scikit_learn() {
        // python: LogisticRegression(C=1/(.001*10), tol=1e-10).fit(x, y) → coef_, intercept_
        let (x, y) = example();
        let model = Logistic::fit(&x, &y, &[1.0; 10], LogisticOptions::default()).unwrap();
        assert!((model.weights[0] - 2.594_251_53).abs() < 1e-4, "{model:?}");
        assert!((model.intercept + 4.232_577_65).abs() < 1e-4, "{model:?}");
    }

    #[test]
    fn separable_data_stays_finite() {
        let x = Matrix::from_rows(1, vec![-2.0, -1.0, 1.0, 2.0]);
        let model = Logistic::fit(&x, &[0.0, 0.0, 1.0, 1.0], &[1.0; 4], LogisticOptions::default())
            .unwrap();
        assert!(model.weights[0].is_finite() && model.probability(&[2.0]) > 0.9);
    }

    #[test]
    fn one_outcome_gives_a_constant() {
        let (x, _) = example();
        let model = Logistic::fit(&x, &[0.0; 10], &[1.0; 10], LogisticOptions::default()).unwrap();
        assert_eq!(model.weights, [0.0]);
        assert!((model.probability(&[1.0]) - 0.5 / 11.0).abs() < 1e-12);
    }
}
