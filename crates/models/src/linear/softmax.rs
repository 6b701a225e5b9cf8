//! Penalised multinomial regression by bounded Newton steps.
//!
//! The curvature of the multinomial likelihood is bounded by ½(I - 11ᵀ/K) ⊗ XᵀX, so one Cholesky
//! factor serves every step and the loss can only fall. Source: Böhning 1992, Ann. Inst. Statist.
//! Math. 44.

use serde::{Deserialize, Serialize};

use super::gram::penalised;
use super::matrix::{Cholesky, Matrix};
use super::product::{add_scaled, dot};
use crate::ModelError;

/// A fitted multinomial regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Softmax {
    /// One row per class: weights, the intercept last.
    pub weights: Matrix,
}

impl Softmax {
    /// Fits class indices below `classes` with sample weights; `penalty` per unit of total weight, the
    /// intercepts are free.
    ///
    /// # Errors
    /// [`ModelError::TooFewRows`] without rows.
    ///
    /// # Panics
    /// When a label is not below `classes`.
    pub fn fit(
        x: &Matrix,
        labels: &[usize],
        sample_weights: &[f64],
        classes: usize,
        penalty: f64,
    ) -> Result<Self, ModelError> {
        let total: f64 = sample_weights.iter().sum();
        if x.rows() == 0 || total <= 0.0 {
            return Err(ModelError::TooFewRows { needed: 1, found: 0 });
        }
        let ridge = penalty * total;
        let mut bordered = penalised(&bound(x, sample_weights), ridge);
        bordered.row_mut(x.columns())[x.columns()] -= ridge.max(1e-12);
        let factor = Cholesky::factor(&bordered)?;
        let mut model = Self { weights: Matrix::zeros(classes, x.columns() + 1) };
        for _ in 0..300 {
            let gradient = model.gradient(x, labels, sample_weights, ridge);
            let mut greatest: f64 = 0.0;
            for class in 0..classes {
                let step = factor.solve(gradient.row(class));
                add_scaled(model.weights.row_mut(class), 1.0, &step);
                greatest = step.iter().fold(greatest, |most, s| most.max(s.abs()));
            }
            if greatest < 1e-6 {
                break;
            }
        }
        Ok(model)
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.weights.rows()
    }

    /// Class scores of one row, before the softmax.
    pub fn scores(&self, x: &[f64]) -> Vec<f64> {
        self.weights.iter().map(|row| dot(&row[..x.len()], x) + row[x.len()]).collect()
    }

    /// Class probabilities of one row.
    pub fn probabilities(&self, x: &[f64]) -> Vec<f64> {
        softmax(self.scores(x))
    }

    fn gradient(&self, x: &Matrix, labels: &[usize], weights: &[f64], ridge: f64) -> Matrix {
        let inputs = x.columns();
        let mut gradient = Matrix::zeros(self.classes(), inputs + 1);
        for (row, (&label, weight)) in x.iter().zip(labels.iter().zip(weights)) {
            for (class, p) in self.probabilities(row).into_iter().enumerate() {
                let error = weight * (f64::from(u8::from(class == label)) - p);
                add_scaled(&mut gradient.row_mut(class)[..inputs], error, row);
                gradient.row_mut(class)[inputs] += error;
            }
        }
        for class in 0..self.classes() {
            let weights = &self.weights.row(class)[..inputs];
            add_scaled(&mut gradient.row_mut(class)[..inputs], -ridge, weights);
        }
        gradient
    }
}

/// ½ Σ w x xᵀ with a constant input at the end.
fn bound(x: &Matrix, weights: &[f64]) -> Matrix {
    let inputs = x.columns();
    let mut bound = Matrix::zeros(inputs + 1, inputs + 1);
    for (row, weight) in x.iter().zip(weights) {
        for (i, value) in row.iter().enumerate() {
            add_scaled(&mut bound.row_mut(i)[..=i], 0.5 * weight * value, &row[..=i]);
        }
        add_scaled(&mut bound.row_mut(inputs)[..inputs], 0.5 * weight, row);
        bound.row_mut(inputs)[inputs] += 0.5 * weight;
    }
    bound
}

/// Exponentials that sum to one.
pub(crate) fn softmax(mut scores: Vec<f64>) -> Vec<f64> {
    let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut total = 0.0;
    for score in &mut scores {
        *score = (*score - top).exp();
        total += *score;
    }
    scores.iter_mut().for_each(|score| *score /= total);
    scores
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_groups_are_told_apart() {
        let mut x = Matrix::with_columns(2);
        let mut labels = Vec::new();
        for i in 0..90_u32 {
            let class = (i % 3) as usize;
            let jitter = f64::from((i * 7919) % 101) / 101.0 - 0.5;
            let centre = [[0.0, 2.0], [2.0, 0.0], [-2.0, -2.0]][class];
            x.push(&[centre[0] + jitter, centre[1] - jitter]);
            labels.push(class);
        }
        let model = Softmax::fit(&x, &labels, &[1.0; 90], 3, 1e-3).unwrap();
        for (row, &label) in x.iter().zip(&labels) {
            let p = model.probabilities(row);
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(p[label] > 0.8, "{p:?} for {label}");
        }
    }

    #[test]
    fn without_signal_it_says_the_base_rates() {
        let x = Matrix::zeros(10, 1);
        let labels = [0, 0, 0, 0, 0, 0, 0, 1, 1, 1];
        let p = Softmax::fit(&x, &labels, &[1.0; 10], 2, 10.0).unwrap().probabilities(&[0.0]);
        assert!((p[0] - 0.7).abs() < 1e-3, "{p:?}");
    }

    #[test]
    fn matches_scikit_learn() {
        // python: LogisticRegression(C=1/(.1*10), tol=1e-12, max_iter=10000).fit(x, y) → coef_,
        // predict_proba([[1.0], [2.0]])
        let x = [0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 3.0];
        let labels = [0, 0, 1, 0, 1, 1, 2, 1, 2, 2];
        let model =
            Softmax::fit(&Matrix::from_rows(1, x.to_vec()), &labels, &[1.0; 10], 3, 0.1).unwrap();
        for (class, expected) in [-1.042_378_54, -0.013_665_27, 1.056_043_81].iter().enumerate() {
            assert!((model.weights.row(class)[0] - expected).abs() < 1e-4, "{model:?}");
        }
        for (at, expected) in [
            (1.0, [0.465_689_17, 0.414_685_72, 0.119_625_12]),
            (2.0, [0.179_035_71, 0.445_992_03, 0.374_972_26]),
        ] {
            let p = model.probabilities(&[at]);
            assert!(p.iter().zip(expected).all(|(p, e)| (p - e).abs() < 1e-4), "{p:?}");
        }
    }
}
