//! Labelled feature rows, slice by slice.

use crate::linear::Matrix;

/// Feature rows with labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// `[rows, features]`, NaN = missing.
    pub x: Matrix,
    /// `[rows, scores]`: one label per hazard bin, or one value, yes/no or class index; NaN = not
    /// observed.
    pub y: Matrix,
    /// One weight per row.
    pub weight: Vec<f64>,
    /// Rows that share a block (an entity's week) are drawn together by the bootstrap.
    pub block: Vec<u64>,
}

impl Samples {
    /// No rows of this shape.
    pub fn empty(features: usize, labels: usize) -> Self {
        Self {
            x: Matrix::with_columns(features),
            y: Matrix::with_columns(labels),
            weight: Vec::new(),
            block: Vec::new(),
        }
    }

    /// Appends one row.
    ///
    /// # Panics
    /// When the row has another shape.
    pub fn push(&mut self, x: &[f64], y: &[f64], weight: f64, block: u64) {
        self.x.push(x);
        self.y.push(y);
        self.weight.push(weight);
        self.block.push(block);
    }

    /// No rows of the same shape.
    #[must_use]
    pub fn none(&self) -> Self {
        Self::empty(self.x.columns(), self.y.columns())
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.weight.len()
    }

    /// Rows whose label `k` is observed, with that label and their weight.
    pub(crate) fn observed(&self, k: usize) -> (Vec<usize>, Vec<f64>, Vec<f64>) {
        let rows: Vec<usize> = (0..self.rows())
            .filter(|&row| self.y.row(row)[k].is_finite() && self.weight[row] > 0.0)
            .collect();
        let labels = rows.iter().map(|&row| self.y.row(row)[k]).collect();
        let weights = rows.iter().map(|&row| self.weight[row]).collect();
        (rows, labels, weights)
    }
}

/// The slices that fitting may see; the test slice is not among them.
#[derive(Debug, Clone, PartialEq)]
pub struct Sliced {
    /// Weights and scalers.
    pub fit: Samples,
    /// Stopping and regularisation.
    pub select: Samples,
    /// Calibration.
    pub calibrate: Samples,
    /// Candidates against the linear path.
    pub gate: Samples,
}

/// Keeps every positive and at most `most` rows in all; the negatives left carry the weight of those
/// that are not. Evenly spaced, so the choice needs no generator.
pub(crate) fn thin_negatives(
    labels: &[f64],
    weights: &[f64],
    most: usize,
) -> (Vec<usize>, Vec<f64>) {
    let negatives: Vec<usize> = (0..labels.len()).filter(|&row| labels[row] < 0.5).collect();
    let positives = labels.len() - negatives.len();
    let room = most.saturating_sub(positives).max(positives.max(1));
    if negatives.len() <= room {
        return ((0..labels.len()).collect(), weights.to_vec());
    }
    let kept: std::collections::HashSet<usize> =
        (0..room).map(|k| negatives[k * negatives.len() / room]).collect();
    let total: f64 = negatives.iter().map(|&row| weights[row]).sum();
    let kept_weight: f64 =
        (0..labels.len()).filter(|row| kept.contains(row)).map(|row| weights[row]).sum();
    (0..labels.len())
        .filter(|row| labels[*row] >= 0.5 || kept.contains(row))
        .map(|row| {
            let factor = if labels[row] < 0.5 { total / kept_weight } else { 1.0 };
            (row, weights[row] * factor)
        })
        .unzip()
}
