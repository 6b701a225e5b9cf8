//! Features as small integers.

use crate::linear::Matrix;

/// Bins per feature at most; the first stands for "missing".
const MOST: usize = 64;

/// Where the bins of every feature end.
#[derive(Debug, Clone)]
pub(super) struct Bins {
    /// Ascending edges per feature; bin *k* (from 1) holds values up to edge *k-1*.
    edges: Vec<Vec<f64>>,
}

impl Bins {
    /// Edges half-way between neighbouring quantiles of the observed values.
    pub(super) fn new(x: &Matrix) -> Self {
        let edges = (0..x.columns())
            .map(|column| {
                let mut values: Vec<f64> =
                    x.iter().map(|row| row[column]).filter(|value| value.is_finite()).collect();
                values.sort_by(f64::total_cmp);
                edges(&values)
            })
            .collect();
        Self { edges }
    }

    pub(super) fn features(&self) -> usize {
        self.edges.len()
    }

    /// Bins of a feature, "missing" included.
    pub(super) fn count(&self, feature: usize) -> usize {
        self.edges[feature].len() + 2
    }

    /// Bin of a value.
    pub(super) fn of(&self, feature: usize, value: f64) -> u8 {
        if !value.is_finite() {
            return 0;
        }
        let bin = 1 + self.edges[feature].partition_point(|&edge| edge < value);
        u8::try_from(bin).unwrap_or(u8::MAX)
    }

    /// The value that separates bins up to `bin` from those after it.
    pub(super) fn edge(&self, feature: usize, bin: usize) -> f64 {
        self.edges[feature][bin - 1]
    }
}

fn edges(sorted: &[f64]) -> Vec<f64> {
    let mut edges: Vec<f64> = Vec::new();
    let cuts = MOST - 2;
    for cut in 1..=cuts {
        let rank = cut * sorted.len() / (cuts + 1);
        let Some(&value) = sorted.get(rank) else {
            continue;
        };
        let below = sorted.partition_point(|&other| other < value);
        if below == 0 {
            continue;
        }
        let edge = f64::midpoint(sorted[below - 1], value);
        if edges.last().is_none_or(|&last| edge > last) {
            edges.push(edge);
        }
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_get_a_bin_each() {
        let x = Matrix::from_rows(1, vec![1.0, 2.0, 2.0, 5.0, f64::NAN, 1.0, 5.0]);
        let bins = Bins::new(&x);
        assert_eq!(bins.count(0), 4);
        let of: Vec<u8> = [f64::NAN, 1.0, 2.0, 5.0, 9.0].map(|v| bins.of(0, v)).to_vec();
        assert_eq!(of, [0, 1, 2, 3, 3]);
    }

    #[test]
    fn a_constant_has_no_edge() {
        assert!(edges(&[3.0; 50]).is_empty());
        assert!(edges(&[]).is_empty());
    }
}
