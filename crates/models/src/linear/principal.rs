//! Principal components: the directions in which channels move together.

use serde::{Deserialize, Serialize};

use super::matrix::Matrix;
use super::product::{add_scaled, dot};

/// An orthonormal basis of the strongest directions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Principal {
    /// Mean of every channel.
    pub mean: Vec<f64>,
    /// One row per kept direction.
    pub basis: Matrix,
}

impl Principal {
    /// Keeps the fewest directions that hold `share` of the variance, and never all of them: with
    /// all of them nothing could deviate.
    pub fn fit(mean: Vec<f64>, covariance: &Matrix, share: f64) -> Self {
        let size = covariance.rows();
        let (values, vectors) = symmetric_eigen(covariance);
        let mut order: Vec<usize> = (0..size).collect();
        order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
        let total: f64 = values.iter().map(|value| value.max(0.0)).sum();
        let mut basis = Matrix::with_columns(size.max(1));
        let mut held = 0.0;
        for &index in order.iter().take(size.saturating_sub(1)) {
            if total <= 0.0 || held >= share * total {
                break;
            }
            held += values[index].max(0.0);
            let direction: Vec<f64> = (0..size).map(|i| vectors.row(i)[index]).collect();
            basis.push(&direction);
        }
        Self { mean, basis }
    }

    /// What the kept directions say that a row should be.
    pub fn reconstruct(&self, row: &[f64]) -> Vec<f64> {
        let centred: Vec<f64> = row.iter().zip(&self.mean).map(|(x, m)| x - m).collect();
        let mut rebuilt = self.mean.clone();
        for direction in self.basis.iter() {
            add_scaled(&mut rebuilt, dot(direction, &centred), direction);
        }
        rebuilt
    }
}

/// Eigenvalues and eigenvectors (columns) of a symmetric matrix by cyclic Jacobi rotations.
fn symmetric_eigen(matrix: &Matrix) -> (Vec<f64>, Matrix) {
    let size = matrix.rows();
    let mut a = matrix.clone();
    let mut vectors = Matrix::zeros(size, size);
    for i in 0..size {
        vectors.row_mut(i)[i] = 1.0;
    }
    let scale: f64 = a.values().iter().map(|value| value * value).sum();
    for _ in 0..60 {
        let mut off = 0.0;
        for p in 0..size {
            for q in p + 1..size {
                off += a.row(p)[q] * a.row(p)[q];
                rotate(&mut a, &mut vectors, p, q);
            }
        }
        if off <= 1e-22 * scale {
            break;
        }
    }
    ((0..size).map(|i| a.row(i)[i]).collect(), vectors)
}

/// Zeroes element (p, q).
fn rotate(a: &mut Matrix, vectors: &mut Matrix, p: usize, q: usize) {
    let apq = a.row(p)[q];
    if apq == 0.0 {
        return;
    }
    let theta = (a.row(q)[q] - a.row(p)[p]) / (2.0 * apq);
    let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let t = if theta == 0.0 { 1.0 } else { t };
    let c = 1.0 / t.hypot(1.0);
    let s = t * c;
    for i in 0..a.rows() {
        let (x, y) = (a.row(i)[p], a.row(i)[q]);
        a.row_mut(i)[p] = c * x - s * y;
        a.row_mut(i)[q] = s * x + c * y;
    }
    for i in 0..a.rows() {
        let (x, y) = (a.row(p)[i], a.row(q)[i]);
        a.row_mut(p)[i] = c * x - s * y;
        a.row_mut(q)[i] = s * x + c * y;
        let (x, y) = (vectors.row(i)[p], vectors.row(i)[q]);
        vectors.row_mut(i)[p] = c * x - s * y;
        vectors.row_mut(i)[q] = s * x + c * y;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvalues_by_hand() {
        // [[2,1,0],[1,2,0],[0,0,5]]: 1, 3, 5.
        let matrix = Matrix::from_rows(3, vec![2.0, 1.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 5.0]);
        let (mut values, _) = symmetric_eigen(&matrix);
        values.sort_by(f64::total_cmp);
        for (value, expected) in values.iter().zip([1.0, 3.0, 5.0]) {
            assert!((value - expected).abs() < 1e-9, "{values:?}");
        }
    }

    #[test]
    fn a_row_off_the_line_is_rebuilt_onto_it() {
        // All variance lies along (1, 1): (1, -1) is rebuilt as the mean.
        let covariance = Matrix::from_rows(2, vec![1.0, 1.0, 1.0, 1.0]);
        let principal = Principal::fit(vec![0.0, 0.0], &covariance, 0.9);
        assert_eq!(principal.basis.rows(), 1);
        assert!(principal.reconstruct(&[1.0, -1.0]).iter().all(|x| x.abs() < 1e-9));
        assert!(principal.reconstruct(&[2.0, 2.0]).iter().all(|x| (x - 2.0).abs() < 1e-9));
    }
}
