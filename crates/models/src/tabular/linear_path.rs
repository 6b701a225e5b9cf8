//! The linear path: ridge for values, penalised IRLS for log-odds, multinomial for classes.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::samples::thin_negatives;
use super::{Link, Samples};
use crate::ModelError;
use crate::linear::{Gram, Logistic, LogisticOptions, Matrix, Softmax, softplus};

/// Penalties tried, strongest first, as long as they help.
const PENALTIES: [f64; 6] = [10.0, 1.0, 0.1, 0.01, 1e-3, 1e-4];
/// Rows that a Newton step looks at; beyond that negatives are thinned and carry more weight.
const MOST_ROWS: usize = 8000;
/// Entities from which a third of them is left out to choose the penalty.
const LEAST_ENTITIES: usize = 6;

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
    /// Fits on the encoded rows of both slices.
    ///
    /// The penalty of log-odds and classes is the one that does best on entities left out: a select
    /// slice alone holds too few rare events to choose by. With few entities it is chosen on the
    /// select rows.
    ///
    /// # Errors
    /// [`ModelError::TooFewRows`] where nothing is observed to fit on.
    pub fn fit(
        link: Link,
        (fit_x, fit): (&Matrix, &Samples),
        (select_x, select): (&Matrix, &Samples),
        scores: usize,
    ) -> Result<Self, ModelError> {
        let rows = Both { x: [fit_x, select_x], samples: [fit, select] };
        let all: Vec<Row> = rows.all().collect();
        if matches!(link, Link::Value { .. }) {
            return Self::ridge(&rows, &all);
        }
        let (train, judge) = rows.divide();
        let fitted = |of: &[Row], penalty, most| match link {
            Link::Classes => Self::multinomial(&rows, of, scores, penalty),
            _ => Self::logistic(&rows, of, scores, (penalty, most)),
        };
        let loss = |path: &Self| {
            mean_loss(&rows, &judge, |x, y| match link {
                Link::Classes => super::choice::class_loss(path.scores(x), y[0]),
                _ => super::choice::log_odds_loss(&path.scores(x), y),
            })
        };
        let (mut best, mut least) = (PENALTIES[2], f64::INFINITY);
        for penalty in PENALTIES {
            let now = loss(&fitted(&train, penalty, MOST_ROWS / 3)?);
            if now.is_nan() || now >= least {
                break;
            }
            (best, least) = (penalty, now);
        }
        fitted(&all, best, MOST_ROWS)
    }

    /// Fits on the encoded rows of one slice with a penalty that was chosen elsewhere.
    ///
    /// # Errors
    /// As [`LinearPath::fit`].
    pub(crate) fn fit_with(
        link: Link,
        (x, samples): (&Matrix, &Samples),
        scores: usize,
        penalty: f64,
    ) -> Result<Self, ModelError> {
        let nothing = (Matrix::with_columns(x.columns()), samples.none());
        let rows = Both { x: [x, &nothing.0], samples: [samples, &nothing.1] };
        let all: Vec<Row> = rows.all().collect();
        match link {
            Link::Value { .. } => Self::ridge(&rows, &all),
            Link::Classes => Self::multinomial(&rows, &all, scores, penalty),
            Link::LogOdds => Self::logistic(&rows, &all, scores, (penalty, MOST_ROWS)),
        }
    }

    fn ridge(rows: &Both<'_>, of: &[Row]) -> Result<Self, ModelError> {
        let mut gram = Gram::new(rows.x[0].columns(), 1);
        for &row in of {
            let (y, weight) = (rows.y(row)[0], rows.weight(row));
            if y.is_finite() && weight > 0.0 {
                gram.add(rows.x(row), &[y], weight);
            }
        }
        let ridge = gram.ridge()?;
        Ok(Self { weights: ridge.weights, intercepts: ridge.intercepts, penalty: ridge.penalty })
    }

    fn logistic(
        rows: &Both<'_>,
        of: &[Row],
        scores: usize,
        (penalty, most): (f64, usize),
    ) -> Result<Self, ModelError> {
        let mut path = Self::empty(rows.x[0].columns(), penalty);
        for score in 0..scores {
            let (seen, labels, weights) = rows.observed(of, score);
            let (kept, kept_weights) = thin_negatives(&labels, &weights, most);
            let mut x = Matrix::with_columns(rows.x[0].columns());
            kept.iter().for_each(|&k| x.push(rows.x(seen[k])));
            let kept_labels: Vec<f64> = kept.iter().map(|&k| labels[k]).collect();
            let options = LogisticOptions { penalty, max_steps: 8 };
            let fitted = Logistic::fit(&x, &kept_labels, &kept_weights, options)?;
            path.weights.push(&fitted.weights);
            path.intercepts.push(fitted.intercept);
        }
        Ok(path)
    }

    fn multinomial(
        rows: &Both<'_>,
        of: &[Row],
        classes: usize,
        penalty: f64,
    ) -> Result<Self, ModelError> {
        let columns = rows.x[0].columns();
        let (seen, labels, weights) = rows.observed(of, 0);
        let labels: Vec<usize> = labels.iter().map(|&label| label as usize).collect();
        let mut x = Matrix::with_columns(columns);
        seen.iter().for_each(|&row| x.push(rows.x(row)));
        let fitted = Softmax::fit(&x, &labels, &weights, classes, penalty)?;
        let mut path = Self::empty(columns, penalty);
        for row in fitted.weights.iter() {
            path.weights.push(&row[..columns]);
            path.intercepts.push(row[columns]);
        }
        Ok(path)
    }

    fn empty(columns: usize, penalty: f64) -> Self {
        Self { weights: Matrix::with_columns(columns), intercepts: Vec::new(), penalty }
    }

    /// Scores of one encoded row.
    pub fn scores(&self, x: &[f64]) -> Vec<f64> {
        let mut scores = self.weights.times(x);
        add(&mut scores, &self.intercepts);
        scores
    }

    /// Scores of encoded rows, `[rows, inputs]` → `[rows, scores]`.
    pub(super) fn scores_of_all(&self, x: &Matrix) -> Matrix {
        let mut scores = self.weights.times_rows(x);
        for row in 0..scores.rows() {
            add(scores.row_mut(row), &self.intercepts);
        }
        scores
    }
}

fn add(scores: &mut [f64], intercepts: &[f64]) {
    for (score, intercept) in scores.iter_mut().zip(intercepts) {
        *score += intercept;
    }
}

/// A row of the fit (0) or select (1) slice.
type Row = (usize, usize);

/// The rows of both slices.
struct Both<'a> {
    x: [&'a Matrix; 2],
    samples: [&'a Samples; 2],
}

impl<'a> Both<'a> {
    fn all(&self) -> impl Iterator<Item = Row> + use<> {
        let counts = self.samples.map(Samples::rows);
        (0..2).flat_map(move |slice| (0..counts[slice]).map(move |row| (slice, row)))
    }

    fn x(&self, (slice, row): Row) -> &'a [f64] {
        self.x[slice].row(row)
    }

    fn y(&self, (slice, row): Row) -> &'a [f64] {
        self.samples[slice].y.row(row)
    }

    fn weight(&self, (slice, row): Row) -> f64 {
        self.samples[slice].weight[row]
    }

    /// The entity that a block belongs to: its upper half.
    fn entity(&self, (slice, row): Row) -> u64 {
        self.samples[slice].block[row] >> 32
    }

    /// Rows to try a penalty on, and rows of other entities to judge it by.
    fn divide(&self) -> (Vec<Row>, Vec<Row>) {
        let entities: BTreeSet<u64> = self.all().map(|row| self.entity(row)).collect();
        if entities.len() < LEAST_ENTITIES {
            return self.all().partition(|row| row.0 == 0);
        }
        let left_out: BTreeSet<u64> = entities.into_iter().step_by(3).collect();
        self.all().partition(|row| !left_out.contains(&self.entity(*row)))
    }

    /// Rows whose label `k` is observed, with that label and their weight.
    fn observed(&self, of: &[Row], k: usize) -> (Vec<Row>, Vec<f64>, Vec<f64>) {
        let seen: Vec<Row> = of
            .iter()
            .copied()
            .filter(|&row| self.y(row)[k].is_finite() && self.weight(row) > 0.0)
            .collect();
        let labels = seen.iter().map(|&row| self.y(row)[k]).collect();
        let weights = seen.iter().map(|&row| self.weight(row)).collect();
        (seen, labels, weights)
    }
}

fn mean_loss(rows: &Both<'_>, of: &[Row], loss: impl Fn(&[f64], &[f64]) -> f64) -> f64 {
    let (sum, total) = of.iter().fold((0.0, 0.0), |(sum, total), &row| {
        let one = loss(rows.x(row), rows.y(row));
        let weight = if one.is_finite() { rows.weight(row) } else { 0.0 };
        (sum + weight * if weight > 0.0 { one } else { 0.0 }, total + weight)
    });
    if total > 0.0 { sum / total } else { f64::NAN }
}

/// BCE of a score in log-odds.
pub(super) fn bce(score: f64, label: f64) -> f64 {
    softplus(score) - label * score
}
