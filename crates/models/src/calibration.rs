//! From scores to probabilities that mean what they say, fitted on the calibrate slice.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::linear::{logit, sigmoid};

/// Independent positives from which isotonic regression is trusted; below, two parameters are all
/// there is.
const ISOTONIC_POSITIVES: f64 = 500.0;
/// Independent positives below which even two parameters would be noise.
const PLATT_POSITIVES: f64 = 5.0;
/// Standard deviation of the prior on slope and offset around "leave it as it is": a rare event's
/// rate in one slice is a poor guide to the next.
const PRIOR: f64 = 0.5;

/// A monotone map from a raw probability to a calibrated one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Calibrator {
    /// Too few positives: left as it is.
    Identity,
    /// σ(slope · logit p + offset).
    Platt {
        /// Factor on the logit.
        slope: f64,
        /// Shift of the logit.
        offset: f64,
    },
    /// Steps of [`Isotonic`].
    Isotonic(Isotonic),
}

/// A non-decreasing step function, interpolated between its knots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Isotonic {
    /// Positions of the knots, ascending.
    pub at: Vec<f64>,
    /// Values at the knots.
    pub value: Vec<f64>,
}

impl Isotonic {
    /// Weighted least squares under monotony, by pooling adjacent violators.
    pub fn fit(scores: &[f64], labels: &[f64], weights: &[f64]) -> Self {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        // Equal scores first become one point: pooled one by one, their order would decide.
        let mut points: Vec<(f64, f64, f64)> = Vec::new();
        for index in order.into_iter().filter(|&index| weights[index] > 0.0) {
            let (score, weight) = (scores[index], weights[index]);
            match points.last_mut().filter(|point| point.2 == score) {
                Some(point) => *point = (point.0 + weight, point.1 + weight * labels[index], score),
                None => points.push((weight, weight * labels[index], score)),
            }
        }
        // A block: weight, weighted sum of labels, first and last score.
        let mut blocks: Vec<(f64, f64, f64, f64)> = Vec::new();
        for (weight, sum, score) in points {
            let mut block = (weight, sum, score, score);
            while let Some(last) = blocks.last().filter(|b| b.1 / b.0 >= block.1 / block.0) {
                block = (last.0 + block.0, last.1 + block.1, last.2, block.3);
                blocks.pop();
            }
            blocks.push(block);
        }
        let (mut at, mut value) = (Vec::new(), Vec::new());
        for (weight, sum, first, last) in blocks {
            at.push(first);
            value.push(sum / weight);
            if last > first {
                at.push(last);
                value.push(sum / weight);
            }
        }
        Self { at, value }
    }

    /// The fitted value at `score`; constant beyond the ends.
    pub fn apply(&self, score: f64) -> f64 {
        let above = self.at.partition_point(|&at| at < score);
        match (above.checked_sub(1), self.at.get(above)) {
            (None, None) => score,
            (None, Some(_)) => self.value[0],
            (Some(below), None) => self.value[below],
            (Some(below), Some(&end)) => {
                let share = (score - self.at[below]) / (end - self.at[below]);
                self.value[below] + (self.value[above] - self.value[below]) * share
            }
        }
    }
}

impl Calibrator {
    /// Chooses the richest map that the positives can carry and fits it.
    ///
    /// Rows are rarely independent: a failure in a month marks all cutoffs before it. `blocks` says
    /// which rows belong together, and positives are counted in blocks.
    pub fn fit(probabilities: &[f64], labels: &[f64], weights: &[f64], blocks: &[u64]) -> Self {
        let distinct = |of: &dyn Fn(usize) -> bool| {
            let rows = (0..labels.len()).filter(|&row| weights[row] > 0.0 && of(row));
            rows.map(|row| blocks[row]).collect::<BTreeSet<u64>>().len() as f64
        };
        let positives = distinct(&|row| labels[row] > 0.5);
        let fewer = positives.min(distinct(&|row| labels[row] <= 0.5));
        if fewer >= ISOTONIC_POSITIVES {
            return Self::Isotonic(Isotonic::fit(probabilities, labels, weights));
        }
        if fewer < PLATT_POSITIVES {
            return Self::Identity;
        }
        let counted: f64 = labels.iter().zip(weights).map(|(y, w)| y * w).sum();
        let shrunk: Vec<f64> = weights.iter().map(|w| w * positives / counted).collect();
        match platt(probabilities, labels, &shrunk) {
            // A falling map would turn the ranking round: the scores carry nothing here.
            Some((slope, offset)) if slope > 0.0 => Self::Platt { slope, offset },
            _ => Self::Identity,
        }
    }

    /// The calibrated probability.
    pub fn apply(&self, probability: f64) -> f64 {
        match self {
            Self::Identity => probability,
            Self::Platt { slope, offset } => sigmoid(slope * logit(probability) + offset),
            Self::Isotonic(steps) => steps.apply(probability).clamp(1e-6, 1.0 - 1e-6),
        }
    }

    /// The word for the card.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Identity => "none (too few positives)",
            Self::Platt { .. } => "Platt",
            Self::Isotonic(_) => "isotonic",
        }
    }
}

/// Slope and offset by Newton's method under a normal prior around (1, 0).
fn platt(probabilities: &[f64], labels: &[f64], weights: &[f64]) -> Option<(f64, f64)> {
    let precision = 1.0 / (PRIOR * PRIOR);
    let (mut slope, mut offset) = (1.0, 0.0);
    for _ in 0..50 {
        let mut gradient = [-precision * (slope - 1.0), -precision * offset];
        let mut hessian = [precision, 0.0, precision];
        for ((&p, &y), &w) in probabilities.iter().zip(labels).zip(weights) {
            let z = logit(p);
            let fitted = sigmoid(slope * z + offset);
            let (error, curvature) = (w * (y - fitted), w * fitted * (1.0 - fitted));
            gradient[0] += error * z;
            gradient[1] += error;
            hessian[0] += curvature * z * z;
            hessian[1] += curvature * z;
            hessian[2] += curvature;
        }
        let determinant = hessian[0] * hessian[2] - hessian[1] * hessian[1];
        let steps = [
            (hessian[2] * gradient[0] - hessian[1] * gradient[1]) / determinant,
            (hessian[0] * gradient[1] - hessian[1] * gradient[0]) / determinant,
        ];
        slope += steps[0].clamp(-1.0, 1.0);
        offset += steps[1].clamp(-1.0, 1.0);
        if steps[0].abs() + steps[1].abs() < 1e-9 {
            break;
        }
    }
    (slope.is_finite() && offset.is_finite()).then_some((slope, offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violators_are_pooled_as_scikit_learn_does() {
        // IsotonicRegression().fit([1,2,3,4,5],[1,3,2,4,3.5]).predict([1,2.5,3,4,6])
        // = [1, 2.5, 2.5, 3.75, 3.75]
        let fitted =
            Isotonic::fit(&[1.0, 2.0, 3.0, 4.0, 5.0], &[1.0, 3.0, 2.0, 4.0, 3.5], &[1.0; 5]);
        for (at, expected) in [(1.0, 1.0), (2.5, 2.5), (3.0, 2.5), (4.0, 3.75), (6.0, 3.75)] {
            assert!((fitted.apply(at) - expected).abs() < 1e-12, "{at}");
        }
        assert_eq!(fitted.apply(0.0), 1.0);
    }

    #[test]
    fn equal_scores_are_one_point_as_in_scikit_learn() {
        // IsotonicRegression().fit([1,2,2,3],[2,1,5,4]).predict([1,1.5,2,3]) = [2, 2.5, 3, 4]
        let fitted = Isotonic::fit(&[1.0, 2.0, 2.0, 3.0], &[2.0, 1.0, 5.0, 4.0], &[1.0; 4]);
        for (at, expected) in [(1.0, 2.0), (1.5, 2.5), (2.0, 3.0), (3.0, 4.0)] {
            assert!((fitted.apply(at) - expected).abs() < 1e-12, "{at}: {}", fitted.apply(at));
        }
    }

    #[test]
    fn overconfidence_is_taken_back() {
        // Says .99 and .01, is right nine times of ten.
        let p: Vec<f64> = (0..400).map(|i| if i % 2 == 0 { 0.99 } else { 0.01 }).collect();
        let y: Vec<f64> =
            (0..400).map(|i| f64::from(u8::from((i % 2 == 0) != (i % 20 < 2)))).collect();
        let rows: Vec<u64> = (0..400).collect();
        let calibrator = Calibrator::fit(&p, &y, &[1.0; 400], &rows);
        assert!(matches!(calibrator, Calibrator::Platt { .. }));
        assert!((calibrator.apply(0.99) - 0.9).abs() < 0.02);
        // The same rows from eight events only: taken back by a part.
        let events: Vec<u64> = (0..400).map(|row| row % 8).collect();
        let cautious = Calibrator::fit(&p, &y, &[1.0; 400], &events).apply(0.99);
        assert!(cautious > calibrator.apply(0.99) && cautious < 0.99, "{cautious}");
    }

    #[test]
    fn few_positives_change_nothing() {
        let calibrator = Calibrator::fit(&[0.2, 0.4], &[0.0, 1.0], &[1.0, 1.0], &[1, 2]);
        assert_eq!(calibrator.apply(0.3), 0.3);
    }
}
