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

/// Keeps every positive and as many negatives as fill up `most` rows, at least one per positive; the
/// negatives left carry the weight of those that are not.
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
        spread(negatives.len(), room).map(|at| negatives[at]).collect();
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

/// At most `keep` of `count` indices, one from every stretch of `count / keep`. Where in its stretch
/// moves by the golden ratio, so that no rhythm of the rows (the hour of a cutoff) meets that of the
/// choice, and no generator is needed.
fn spread(count: usize, keep: usize) -> impl Iterator<Item = usize> {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let stretch = count as f64 / keep as f64;
    (0..keep).map(move |k| {
        let within = (k as f64 * GOLDEN).fract();
        (((k as f64 + within) * stretch) as usize).min(count - 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_positives_weight_and_every_hour() {
        // Four cutoffs a day, row after row; a quarter of the negatives may stay.
        let labels: Vec<f64> = (0..4100).map(|row| f64::from(u8::from(row >= 4000))).collect();
        let weights = vec![1.0; labels.len()];
        let (rows, kept) = thin_negatives(&labels, &weights, 1100);
        assert!(rows.len() <= 1100 && rows[rows.len() - 100..] == (4000..4100).collect::<Vec<_>>());
        assert!((kept.iter().sum::<f64>() - 4100.0).abs() < 1e-6);
        for hour in 0..4 {
            let count = rows.iter().filter(|&&row| row < 4000 && row % 4 == hour).count();
            assert!((200..300).contains(&count), "hour {hour}: {count} of 250");
        }
    }

    #[test]
    fn few_rows_stay_as_they_are() {
        let (rows, kept) = thin_negatives(&[1.0, 0.0, 0.0], &[1.0, 2.0, 3.0], 3);
        assert_eq!((rows, kept), (vec![0, 1, 2], vec![1.0, 2.0, 3.0]));
        assert_eq!(thin_negatives(&[], &[], 3), (vec![], vec![]));
    }
}
