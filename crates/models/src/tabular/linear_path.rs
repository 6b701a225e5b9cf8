//! The linear path: ridge for values, penalised IRLS for log-odds, multinomial for classes.

use serde::{Deserialize, Serialize};

use super::samples::thin_negatives;
use super::{Link, Samples};
use crate::ModelError;
use crate::linear::{Gram, Logistic, LogisticOptions, Matrix, Softmax, softplus};

/// Penalties tried on the select slice, strongest first.
const PENALTIES: [f64; 6] = [10.0, 1.0, 0.1, 0.01, 1e-3, 1e-4];
/// Rows that a Newton step looks at; beyond that negatives are thinned and carry more weight.
const MOST_ROWS: usize = 8000;

/// Scores = W x + b.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinearPath {
    /// One row of weights per score.
    pub weights: Matrix,
    /// One intercept per score.
    pub intercepts: Vec<f64>,
    /// The penalty that was chosen.
    pub penalty: f64,
}

impl LinearPath {
    /// Fits on encoded rows; `x` holds the inputs of `fit` and `select`.
    ///
    /// # Errors
    /// [`ModelError::TooFewRows`] where nothing is observed to fit on.
    pub fn fit(
        link: Link,
        (fit_x, fit): (&Matrix, &Samples),
        (select_x, select): (&Matrix, &Samples),
        scores: usize,
    ) -> Result<Self, ModelError> {
        match link {
            Link::Value { .. } => Self::ridge(fit_x, fit),
            Link::LogOdds => strongest_that_helps(|penalty| {
                let path = Self::logistic(fit_x, fit, scores, penalty)?;
                let loss = path.log_odds_loss(select_x, select);
                Ok((path, loss))
            }),
            Link::Classes => strongest_that_helps(|penalty| {
                let path = Self::multinomial(fit_x, fit, scores, penalty)?;
                let loss = path.class_loss(select_x, select);
                Ok((path, loss))
            }),
        }
    }

    fn ridge(x: &Matrix, samples: &Samples) -> Result<Self, ModelError> {
        let mut gram = Gram::new(x.columns(), 1);
        for (row, (y, &weight)) in x.iter().zip(samples.y.iter().zip(&samples.weight)) {
            if y[0].is_finite() && weight > 0.0 {
                gram.add(row, &y[..1], weight);
            }
        }
        let ridge = gram.ridge()?;
        Ok(Self { weights: ridge.weights, intercepts: ridge.intercepts, penalty: ridge.penalty })
    }

    fn logistic(
        x: &Matrix,
        samples: &Samples,
        scores: usize,
        penalty: f64,
    ) -> Result<Self, ModelError> {
        let mut path =
            Self { weights: Matrix::with_columns(x.columns()), intercepts: Vec::new(), penalty };
        for score in 0..scores {
            let (rows, labels, weights) = samples.observed(score);
            let (kept, kept_weights) = thin_negatives(&labels, &weights, MOST_ROWS);
            let kept_rows: Vec<usize> = kept.iter().map(|&k| rows[k]).collect();
            let kept_labels: Vec<f64> = kept.iter().map(|&k| labels[k]).collect();
            let options = LogisticOptions { penalty, max_steps: 12 };
            let fitted =
                Logistic::fit(&x.select(&kept_rows), &kept_labels, &kept_weights, options)?;
            path.weights.push(&fitted.weights);
            path.intercepts.push(fitted.intercept);
        }
        Ok(path)
    }

    fn multinomial(
        x: &Matrix,
        samples: &Samples,
        classes: usize,
        penalty: f64,
    ) -> Result<Self, ModelError> {
        let (rows, labels, weights) = samples.observed(0);
        let labels: Vec<usize> = labels.iter().map(|&label| label as usize).collect();
        let fitted = Softmax::fit(&x.select(&rows), &labels, &weights, classes, penalty)?;
        let mut path =
            Self { weights: Matrix::with_columns(x.columns()), intercepts: Vec::new(), penalty };
        for row in fitted.weights.iter() {
            path.weights.push(&row[..x.columns()]);
            path.intercepts.push(row[x.columns()]);
        }
        Ok(path)
    }

    /// Scores of one encoded row.
    pub fn scores(&self, x: &[f64]) -> Vec<f64> {
        let mut scores = self.weights.times(x);
        for (score, intercept) in scores.iter_mut().zip(&self.intercepts) {
            *score += intercept;
        }
        scores
    }

    fn log_odds_loss(&self, x: &Matrix, samples: &Samples) -> f64 {
        mean_loss(x, samples, |row, y| {
            let scores = self.scores(row);
            super::choice::log_odds_loss(&scores, y)
        })
    }

    fn class_loss(&self, x: &Matrix, samples: &Samples) -> f64 {
        mean_loss(x, samples, |row, y| super::choice::class_loss(self.scores(row), y[0]))
    }
}

fn mean_loss(x: &Matrix, samples: &Samples, loss: impl Fn(&[f64], &[f64]) -> f64) -> f64 {
    let (sum, total) = x
        .iter()
        .zip(samples.y.iter().zip(&samples.weight))
        .fold((0.0, 0.0), |(sum, total), (row, (y, w))| (sum + w * loss(row, y), total + w));
    if total > 0.0 { sum / total } else { f64::NAN }
}

/// Weakens the penalty as long as the select loss falls; without select rows a middle one stands.
fn strongest_that_helps(
    fit: impl Fn(f64) -> Result<(LinearPath, f64), ModelError>,
) -> Result<LinearPath, ModelError> {
    let (mut best, mut least) = fit(PENALTIES[0])?;
    if least.is_nan() {
        return Ok(fit(PENALTIES[2])?.0);
    }
    for penalty in &PENALTIES[1..] {
        let (path, loss) = fit(*penalty)?;
        if loss >= least {
            break;
        }
        (best, least) = (path, loss);
    }
    Ok(best)
}

/// BCE of a score in log-odds.
pub(super) fn bce(score: f64, label: f64) -> f64 {
    softplus(score) - label * score
}
