//! Ridge regression from accumulated moments: rows are seen once and never kept.

use serde::{Deserialize, Serialize};

use super::matrix::{Cholesky, Matrix};
use super::product::{add_scaled, dot};
use crate::ModelError;

/// Penalties tried by cross-validation, in units of the mean variance of the inputs.
const PENALTIES: [f64; 8] = [1e-5, 1e-4, 1e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0];

/// Sums of x, y, xxᵀ, xyᵀ and y² over weighted rows.
///
/// **Shapes** x `[inputs]`, y `[outputs]`.
#[derive(Debug, Clone)]
pub struct Gram {
    weight: f64,
    rows: f64,
    x: Vec<f64>,
    y: Vec<f64>,
    /// Lower half of Σ w x xᵀ.
    xx: Matrix,
    /// Σ w y xᵀ, one row per output.
    yx: Matrix,
    yy: Vec<f64>,
}

/// A fitted ridge regression: ŷ = W x + b.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ridge {
    /// One row of weights per output.
    pub weights: Matrix,
    /// One intercept per output.
    pub intercepts: Vec<f64>,
    /// The penalty that cross-validation chose, in units of the mean input variance.
    pub penalty: f64,
}

impl Gram {
    /// Sums for rows of this shape.
    pub fn new(inputs: usize, outputs: usize) -> Self {
        Self {
            weight: 0.0,
            rows: 0.0,
            x: vec![0.0; inputs],
            y: vec![0.0; outputs],
            xx: Matrix::zeros(inputs, inputs),
            yx: Matrix::zeros(outputs, inputs),
            yy: vec![0.0; outputs],
        }
    }

    /// Adds one row.
    ///
    /// # Panics
    /// When the row has another shape.
    pub fn add(&mut self, x: &[f64], y: &[f64], weight: f64) {
        assert!(x.len() == self.x.len() && y.len() == self.y.len(), "rows of one shape");
        self.weight += weight;
        self.rows += 1.0;
        add_scaled(&mut self.x, weight, x);
        add_scaled(&mut self.y, weight, y);
        for (i, &value) in x.iter().enumerate() {
            if value != 0.0 {
                add_scaled(&mut self.xx.row_mut(i)[..=i], weight * value, &x[..=i]);
            }
        }
        for (output, &value) in y.iter().enumerate() {
            add_scaled(self.yx.row_mut(output), weight * value, x);
            self.yy[output] += weight * value * value;
        }
    }

    /// Adds the rows of another sum of the same shape.
    ///
    /// # Panics
    /// When the shapes differ.
    pub fn merge(&mut self, other: &Self) {
        assert!(
            self.x.len() == other.x.len() && self.y.len() == other.y.len(),
            "sums of one shape"
        );
        self.weight += other.weight;
        self.rows += other.rows;
        add_scaled(&mut self.x, 1.0, &other.x);
        add_scaled(&mut self.y, 1.0, &other.y);
        add_scaled(&mut self.yy, 1.0, &other.yy);
        self.xx.add(&other.xx);
        self.yx.add(&other.yx);
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.x.len()
    }

    /// Mean of every input; zeros without rows.
    pub fn mean(&self) -> Vec<f64> {
        let weight = if self.weight > 0.0 { self.weight } else { 1.0 };
        self.x.iter().map(|x| x / weight).collect()
    }

    /// Rows added so far.
    pub fn rows(&self) -> usize {
        self.rows as usize
    }

    /// Covariance of the inputs, whole.
    pub fn covariance(&self) -> Matrix {
        let size = self.x.len();
        let mut covariance = Matrix::zeros(size, size);
        if self.weight <= 0.0 {
            return covariance;
        }
        for i in 0..size {
            for j in 0..=i {
                let value = self.xx.row(i)[j] / self.weight
                    - self.x[i] / self.weight * self.x[j] / self.weight;
                covariance.row_mut(i)[j] = value;
                covariance.row_mut(j)[i] = value;
            }
        }
        covariance
    }

    /// Ridge regression with an unpenalised intercept; the penalty by generalised
    /// cross-validation over eight values.
    ///
    /// # Errors
    /// [`ModelError::TooFewRows`] with fewer than two rows.
    pub fn ridge(&self) -> Result<Ridge, ModelError> {
        if self.rows < 2.0 || self.weight <= 0.0 {
            return Err(ModelError::TooFewRows { needed: 2, found: self.rows() });
        }
        let covariance = self.covariance();
        let moments: Vec<Vec<f64>> = (0..self.y.len()).map(|k| self.cross_moment(k)).collect();
        let unit = self.unit(&covariance);
        let mut best: Option<(f64, f64, Vec<Vec<f64>>)> = None;
        for penalty in PENALTIES {
            let Ok(factor) = Cholesky::factor(&penalised(&covariance, penalty * unit)) else {
                continue;
            };
            let weights: Vec<Vec<f64>> = moments.iter().map(|m| factor.solve(m)).collect();
            let score = self.gcv(&covariance, &moments, &weights, &factor, penalty * unit);
            if best.as_ref().is_none_or(|(least, ..)| score < *least) {
                best = Some((score, penalty, weights));
            }
        }
        let (_, penalty, weights) = best.ok_or(ModelError::NotPositiveDefinite { column: 0 })?;
        let intercepts =
            weights.iter().zip(&self.y).map(|(w, y)| (y - dot(w, &self.x)) / self.weight).collect();
        Ok(Ridge {
            weights: Matrix::from_rows(self.x.len(), weights.concat()),
            intercepts,
            penalty,
        })
    }

    /// Covariance of output `k` with every input.
    fn cross_moment(&self, k: usize) -> Vec<f64> {
        let mean = self.y[k] / self.weight;
        self.yx
            .row(k)
            .iter()
            .zip(&self.x)
            .map(|(yx, x)| yx / self.weight - mean * x / self.weight)
            .collect()
    }

    /// Mean variance of the inputs that vary at all: the unit of the penalty.
    fn unit(&self, covariance: &Matrix) -> f64 {
        let variances: Vec<f64> = (0..self.x.len())
            .map(|i| covariance.row(i)[i])
            .filter(|&variance| variance > 1e-12)
            .collect();
        let mean = variances.iter().sum::<f64>() / variances.len().max(1) as f64;
        if mean > 0.0 { mean } else { 1.0 }
    }

    /// Σ over outputs of (residual variance / output variance) / (1 - df/n)².
    fn gcv(
        &self,
        covariance: &Matrix,
        moments: &[Vec<f64>],
        weights: &[Vec<f64>],
        factor: &Cholesky,
        ridge: f64,
    ) -> f64 {
        let freedom = 1.0 + self.x.len() as f64 - ridge * factor.inverse_trace();
        // With more inputs than rows both sides of the quotient vanish with the penalty: a floor that
        // the divisor could reach would make the smallest penalty look best.
        let left = (1.0 - freedom / self.rows).max(1e-9);
        let residual: f64 = weights
            .iter()
            .zip(moments)
            .enumerate()
            .map(|(k, (w, m))| {
                let mean = self.y[k] / self.weight;
                let variance = (self.yy[k] / self.weight - mean * mean).max(1e-12);
                let explained = 2.0 * dot(w, m) - dot(w, &covariance.times(w));
                (variance - explained).max(0.0) / variance
            })
            .sum();
        residual / (left * left)
    }
}

/// The matrix with `ridge` on its diagonal; a floor keeps constant columns solvable.
pub(crate) fn penalised(matrix: &Matrix, ridge: f64) -> Matrix {
    let mut sum = matrix.clone();
    for i in 0..sum.rows() {
        sum.row_mut(i)[i] += ridge.max(1e-12);
    }
    sum
}

impl Ridge {
    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.weights.columns()
    }

    /// Predicted outputs of one row.
    pub fn predict(&self, x: &[f64]) -> Vec<f64> {
        let mut outputs = self.weights.times(x);
        add_scaled(&mut outputs, 1.0, &self.intercepts);
        outputs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// y₀ = 3 + 2a - b and y₁ = -a exactly; the third input never moves.
    fn exact() -> Gram {
        let mut gram = Gram::new(3, 2);
        for i in 0..40 {
            let (a, b) = (f64::from(i % 7), f64::from(i % 5));
            gram.add(&[a, b, 4.0], &[3.0 + 2.0 * a - b, -a], 1.0);
        }
        gram
    }

    #[test]
    fn recovers_an_exact_rule_despite_a_constant_input() {
        let ridge = exact().ridge().unwrap();
        let outputs = ridge.predict(&[2.0, 3.0, 4.0]);
        assert!((outputs[0] - 4.0).abs() < 1e-3, "{outputs:?}");
        assert!((outputs[1] + 2.0).abs() < 1e-3, "{outputs:?}");
    }

    #[test]
    fn weights_count_as_repetitions() {
        let (mut twice, mut weighted) = (Gram::new(1, 1), Gram::new(1, 1));
        for (x, y) in [(1.0, 2.0), (2.0, 3.0), (3.0, 7.0)] {
            twice.add(&[x], &[y], 1.0);
            twice.add(&[x], &[y], 1.0);
            weighted.add(&[x], &[y], 2.0);
        }
        assert_eq!(twice.covariance(), weighted.covariance());
    }

    #[test]
    fn noise_is_shrunk() {
        let mut gram = Gram::new(20, 1);
        for i in 0_u32..40 {
            let noise = |k: u32| f64::from((i * 97 + k * 7919) % 101) / 101.0 - 0.5;
            let x: Vec<f64> = (0..20).map(noise).collect();
            gram.add(&x, &[f64::from((i * 7907) % 103) / 103.0], 1.0);
        }
        assert!(gram.ridge().unwrap().penalty >= 0.3);
    }

    /// A number between -1 and 1 that looks like noise.
    fn mixed(at: u64) -> f64 {
        let mixed = (at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed >> 12) as f64 / (1_u64 << 51) as f64 - 1.0
    }

    #[test]
    fn more_inputs_than_rows_are_not_learned_by_heart() {
        // GCV of the same rows with numpy: 2.126 at the smallest penalty, falling to 1.343 at the greatest.
        let mut gram = Gram::new(60, 1);
        for row in 0..30_u64 {
            let x: Vec<f64> = (0..60).map(|k| mixed(row * 61 + k)).collect();
            gram.add(&x, &[mixed(row * 61 + 60)], 1.0);
        }
        assert_eq!(gram.ridge().unwrap().penalty, 1.0);
    }

    #[test]
    fn too_few_rows_are_refused() {
        let mut gram = Gram::new(1, 1);
        gram.add(&[1.0], &[1.0], 1.0);
        assert!(matches!(gram.ridge(), Err(ModelError::TooFewRows { .. })));
    }
}
