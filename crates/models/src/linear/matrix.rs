//! A dense row-major matrix and the Cholesky factor of a positive definite one.

use serde::{Deserialize, Serialize};

use super::product::{add_scaled, dot};
use crate::ModelError;

/// A dense matrix, row after row.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Matrix {
    /// Number of columns; rows follow from the data.
    columns: usize,
    data: Vec<f64>,
}

impl Matrix {
    /// A matrix of zeros.
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Self { columns, data: vec![0.0; rows * columns] }
    }

    /// An empty matrix that rows can be pushed to.
    pub fn with_columns(columns: usize) -> Self {
        Self { columns, data: Vec::new() }
    }

    /// A matrix over `data`, row after row.
    ///
    /// # Panics
    /// When the data is no whole number of rows.
    pub fn from_rows(columns: usize, data: Vec<f64>) -> Self {
        assert!(
            columns > 0 && data.len().is_multiple_of(columns),
            "whole rows of {columns} values"
        );
        Self { columns, data }
    }

    /// Appends one row.
    ///
    /// # Panics
    /// When the row has another length.
    pub fn push(&mut self, row: &[f64]) {
        assert_eq!(row.len(), self.columns, "rows of one length");
        self.data.extend_from_slice(row);
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.data.len().checked_div(self.columns).unwrap_or(0)
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// One row.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.data[row * self.columns..(row + 1) * self.columns]
    }

    /// One row, to be changed.
    pub fn row_mut(&mut self, row: usize) -> &mut [f64] {
        &mut self.data[row * self.columns..(row + 1) * self.columns]
    }

    /// All rows in order.
    pub fn iter(&self) -> std::slice::ChunksExact<'_, f64> {
        self.data.chunks_exact(self.columns.max(1))
    }

    /// All values, row after row.
    pub fn values(&self) -> &[f64] {
        &self.data
    }

    /// The rows of these numbers, in their order.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        let mut chosen = Self::with_columns(self.columns);
        for &row in rows {
            chosen.push(self.row(row));
        }
        chosen
    }

    /// Adds another matrix of the same shape.
    pub(crate) fn add(&mut self, other: &Self) {
        add_scaled(&mut self.data, 1.0, &other.data);
    }
}

/// The lower factor L of A = L Lᵀ.
#[derive(Debug, Clone)]
pub struct Cholesky {
    lower: Matrix,
}

impl Cholesky {
    /// Factors a symmetric positive definite matrix of which the lower half is read.
    ///
    /// # Errors
    /// [`ModelError::NotPositiveDefinite`] where a pivot is not above rounding.
    pub fn factor(matrix: &Matrix) -> Result<Self, ModelError> {
        let size = matrix.rows();
        let mut lower = Matrix::zeros(size, size);
        for i in 0..size {
            for j in 0..=i {
                let known = dot(&lower.row(i)[..j], &lower.row(j)[..j]);
                let rest = matrix.row(i)[j] - known;
                if i == j {
                    let floor = matrix.row(i)[i].abs() * 1e-14;
                    if rest.is_nan() || rest <= floor {
                        return Err(ModelError::NotPositiveDefinite { column: i });
                    }
                    lower.row_mut(i)[i] = rest.sqrt();
                } else {
                    let value = rest / lower.row(j)[j];
                    lower.row_mut(i)[j] = value;
                }
            }
        }
        Ok(Self { lower })
    }

    /// Solves A x = b.
    ///
    /// # Panics
    /// When `b` has another length.
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        let size = self.lower.rows();
        assert_eq!(b.len(), size, "one right-hand value per row");
        let mut x = b.to_vec();
        for i in 0..size {
            x[i] = (x[i] - dot(&self.lower.row(i)[..i], &x[..i])) / self.lower.row(i)[i];
        }
        for i in (0..size).rev() {
            x[i] /= self.lower.row(i)[i];
            let value = x[i];
            add_scaled(&mut x[..i], -value, &self.lower.row(i)[..i]);
        }
        x
    }

    /// Trace of the inverse of A: the squared length of all rows of L⁻¹.
    pub fn inverse_trace(&self) -> f64 {
        let size = self.lower.rows();
        // Row i of L⁻¹ = (eᵢ - Σ_{j<i} Lᵢⱼ row j) / Lᵢᵢ.
        let mut inverse = Matrix::zeros(size, size);
        let mut trace = 0.0;
        for i in 0..size {
            let mut row = vec![0.0; i + 1];
            row[i] = 1.0;
            for j in 0..i {
                add_scaled(&mut row[..=j], -self.lower.row(i)[j], &inverse.row(j)[..=j]);
            }
            let pivot = self.lower.row(i)[i];
            row.iter_mut().for_each(|value| *value /= pivot);
            trace += dot(&row, &row);
            inverse.row_mut(i)[..=i].copy_from_slice(&row);
        }
        trace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_and_traces_by_hand() {
        // A = [[4,2],[2,3]]: A⁻¹ = [[3,-2],[-2,4]] / 8, trace 7/8; A x = (2, 5) → x = (-.5, 2).
        let factor = Cholesky::factor(&Matrix::from_rows(2, vec![4.0, 2.0, 2.0, 3.0])).unwrap();
        let x = factor.solve(&[2.0, 5.0]);
        assert!((x[0] + 0.5).abs() < 1e-12 && (x[1] - 2.0).abs() < 1e-12);
        assert!((factor.inverse_trace() - 0.875).abs() < 1e-12);
    }

    #[test]
    fn a_singular_matrix_is_named() {
        let singular = Matrix::from_rows(2, vec![1.0, 1.0, 1.0, 1.0]);
        assert!(matches!(
            Cholesky::factor(&singular),
            Err(ModelError::NotPositiveDefinite { column: 1 })
        ));
    }
}
