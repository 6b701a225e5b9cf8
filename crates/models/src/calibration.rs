//! From scores to probabilities that mean what they say, fitted on the calibrate slice.

use serde::{Deserialize, Serialize};

use crate::linear::{Logistic, LogisticOptions, Matrix};
use crate::linear::{logit, sigmoid};

/// Positives from which isotonic regression is trusted; below, two parameters are all there is.
const ISOTONIC_POSITIVES: f64 = 500.0;
/// Positives below which even two parameters would be noise.
const PLATT_POSITIVES: f64 = 10.0;

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
        // A block: weight, weighted sum of labels, first and last score.
        let mut blocks: Vec<(f64, f64, f64, f64)> = Vec::new();
        for index in order.into_iter().filter(|&index| weights[index] > 0.0) {
            let (score, weight) = (scores[index], weights[index]);
            let mut block = (weight, weight * labels[index], score, score);
            while let Some(last) = blocks.last() {
                let tied = last.3 == block.2;
                if !tied && last.1 / last.0 < block.1 / block.0 {
                    break;
                }
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
    pub fn fit(probabilities: &[f64], labels: &[f64], weights: &[f64]) -> Self {
        let total: f64 = weights.iter().sum();
        let positives: f64 = labels.iter().zip(weights).map(|(y, w)| y * w).sum();
        let fewer = positives.min(total - positives);
        if fewer >= ISOTONIC_POSITIVES {
            return Self::Isotonic(Isotonic::fit(probabilities, labels, weights));
        }
        if fewer < PLATT_POSITIVES {
            return Self::Identity;
        }
        let logits: Vec<f64> = probabilities.iter().map(|&p| logit(p)).collect();
        let fitted = Logistic::fit(
            &Matrix::from_rows(1, logits),
            labels,
            weights,
            LogisticOptions { penalty: 1e-6, max_steps: 50 },
        );
        match fitted {
            // A falling map would turn the ranking round: the scores carry nothing here.
            Ok(model) if model.weights[0] > 0.0 => {
                Self::Platt { slope: model.weights[0], offset: model.intercept }
            }
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
    fn overconfidence_is_taken_back() {
        // Says .99 and .01, is right nine times of ten.
        let p: Vec<f64> = (0..400).map(|i| if i % 2 == 0 { 0.99 } else { 0.01 }).collect();
        let y: Vec<f64> =
            (0..400).map(|i| f64::from(u8::from((i % 2 == 0) != (i % 20 < 2)))).collect();
        let calibrator = Calibrator::fit(&p, &y, &[1.0; 400]);
        assert!(matches!(calibrator, Calibrator::Platt { .. }));
        assert!((calibrator.apply(0.99) - 0.9).abs() < 0.01);
    }

    #[test]
    fn few_positives_change_nothing() {
        let calibrator = Calibrator::fit(&[0.2, 0.4], &[0.0, 1.0], &[1.0, 1.0]);
        assert_eq!(calibrator.apply(0.3), 0.3);
    }
}
