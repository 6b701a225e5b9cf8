//! Gradient-boosted trees on histograms: the baseline that tables deserve, and a candidate to ship.
//!
//! Features become at most 64 bins by the quantiles of the fit rows; trees grow level by level to a
//! fixed depth; a split that gains less than the penalty is not made; missing values go to the side
//! that gains more. Second-order boosting as in Friedman 2001 and Chen & Guestrin 2016. Row samples
//! come from a seed, sums run in row order: the same rows give the same trees.

mod bins;
mod grow;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::ModelError;
use crate::linear::Matrix;
use crate::linear::{logit, sigmoid};

use bins::Bins;
use grow::Grower;
pub use grow::Tree;

/// What the sum of trees is a prediction of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Squared error of a real value.
    Squared,
    /// Log loss; the sum is a log-odds.
    Logistic,
}

/// How to boost.
#[derive(Debug, Clone, Copy)]
pub struct BoostOptions {
    /// Trees at most; fewer where the select rows stop getting better.
    pub trees: usize,
    /// Levels of a tree.
    pub depth: usize,
    /// Share of each tree's step that is taken.
    pub rate: f64,
    /// Share of rows that each tree sees.
    pub subsample: f64,
    /// Penalty on leaf values.
    pub ridge: f64,
    /// Trees without a better select loss before boosting stops.
    pub patience: usize,
    /// Seed of the row samples.
    pub seed: u64,
}

impl Default for BoostOptions {
    fn default() -> Self {
        Self { trees: 300, depth: 4, rate: 0.06, subsample: 0.7, ridge: 5.0, patience: 15, seed: 0 }
    }
}

/// A fitted sum of trees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Boosted {
    loss: Loss,
    start: f64,
    trees: Vec<Tree>,
}

/// Rows with labels and weights.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// Inputs; NaN = missing.
    pub x: &'a Matrix,
    /// One label per row.
    pub y: &'a [f64],
    /// One weight per row.
    pub weight: &'a [f64],
}

impl Boosted {
    /// Boosts on `fit`, stops on `select`.
    ///
    /// # Errors
    /// [`ModelError::TooFewRows`] where `fit` has no row of positive weight.
    pub fn fit(
        fit: Rows<'_>,
        select: Rows<'_>,
        loss: Loss,
        options: BoostOptions,
    ) -> Result<Self, ModelError> {
        let total: f64 = fit.weight.iter().sum();
        if fit.x.rows() == 0 || total <= 0.0 {
            return Err(ModelError::TooFewRows { needed: 1, found: 0 });
        }
        let mean = fit.y.iter().zip(fit.weight).map(|(y, w)| y * w).sum::<f64>() / total;
        let start = match loss {
            Loss::Squared => mean,
            Loss::Logistic => logit((mean * total + 0.5) / (total + 1.0)),
        };
        let mut model = Self { loss, start, trees: Vec::new() };
        model.boost(fit, select, options);
        Ok(model)
    }

    /// How much work a row is, in multiplications: the steps down a tree have to wait for memory.
    pub(crate) fn operations(&self) -> usize {
        const TREE: usize = 32;
        TREE * self.trees.len()
    }

    fn boost(&mut self, fit: Rows<'_>, select: Rows<'_>, options: BoostOptions) {
        let bins = Bins::new(fit.x);
        let grower = Grower::new(&bins, fit.x, options);
        let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
        let mut at_fit = vec![self.start; fit.x.rows()];
        let mut at_select = vec![self.start; select.x.rows()];
        let mut best = (self.mean_loss(&at_select, select), 0);
        for count in 1..=options.trees {
            let drawn: Vec<usize> = (0..fit.x.rows())
                .filter(|&row| fit.weight[row] > 0.0 && rng.random::<f64>() < options.subsample)
                .collect();
            let slopes = self.slopes(&at_fit, fit);
            let tree = grower.grow(drawn, &slopes);
            for (value, row) in at_fit.iter_mut().zip(fit.x.iter()) {
                *value += tree.value(row);
            }
            for (value, row) in at_select.iter_mut().zip(select.x.iter()) {
                *value += tree.value(row);
            }
            self.trees.push(tree);
            let loss = self.mean_loss(&at_select, select);
            if loss < best.0 {
                best = (loss, count);
            } else if count - best.1 >= options.patience {
                break;
            }
        }
        // Without select rows there is nothing to stop on: a quarter of the trees is the cautious end.
        let keep = if select.x.rows() == 0 { options.trees / 4 } else { best.1 };
        self.trees.truncate(keep);
    }

    /// First and second derivative of the loss per row.
    fn slopes(&self, scores: &[f64], rows: Rows<'_>) -> Vec<(f64, f64)> {
        scores
            .iter()
            .zip(rows.y.iter().zip(rows.weight))
            .map(|(&score, (&y, &w))| match self.loss {
                Loss::Squared => (w * (score - y), w),
                Loss::Logistic => {
                    let p = sigmoid(score);
                    (w * (p - y), w * (p * (1.0 - p)).max(1e-6))
                }
            })
            .collect()
    }

    fn mean_loss(&self, scores: &[f64], rows: Rows<'_>) -> f64 {
        let (sum, weight) = scores.iter().zip(rows.y.iter().zip(rows.weight)).fold(
            (0.0, 0.0),
            |(sum, weight), (&score, (&y, &w))| {
                let loss = match self.loss {
                    Loss::Squared => (score - y) * (score - y),
                    Loss::Logistic => crate::linear::softplus(score) - y * score,
                };
                (sum + w * loss, weight + w)
            },
        );
        if weight > 0.0 { sum / weight } else { f64::INFINITY }
    }

    /// The sum of trees for one row: a value, or a log-odds.
    pub fn score(&self, row: &[f64]) -> f64 {
        self.start + self.trees.iter().map(|tree| tree.value(row)).sum::<f64>()
    }

    /// Trees that early stopping kept.
    pub fn size(&self) -> usize {
        self.trees.len()
    }

    /// Shares of the score per input along the decision paths (Saabas 2014): exact in sum, the
    /// start value left out.
    pub fn shares(&self, row: &[f64]) -> Vec<f64> {
        let mut shares = vec![0.0; row.len()];
        for tree in &self.trees {
            tree.add_shares(row, &mut shares);
        }
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// y = 1 where a > .5 and b is missing or above .3: not linear, with gaps.
    fn table(rows: u32, shift: u32) -> (Matrix, Vec<f64>) {
        let mut x = Matrix::with_columns(3);
        let mut y = Vec::new();
        for i in 0..rows {
            let draw = |k: u32| f64::from(((i + shift) * 97 + k * 7919 + i * i) % 1009) / 1009.0;
            let (a, b) = (draw(1), draw(2));
            let b = if i % 5 == 0 { f64::NAN } else { b };
            x.push(&[a, b, draw(3)]);
            y.push(f64::from(u8::from(a > 0.5 && (b.is_nan() || b > 0.3))));
        }
        (x, y)
    }

    fn fitted(loss: Loss) -> Boosted {
        let ((x, y), (xs, ys)) = (table(800, 0), table(200, 31));
        let (w, ws) = (vec![1.0; 800], vec![1.0; 200]);
        let rows = |x, y, weight| Rows { x, y, weight };
        Boosted::fit(rows(&x, &y, &w), rows(&xs, &ys, &ws), loss, BoostOptions::default()).unwrap()
    }

    #[test]
    fn learns_an_interaction_with_gaps() {
        for loss in [Loss::Logistic, Loss::Squared] {
            let model = fitted(loss);
            let (x, y) = table(300, 77);
            let cut = if loss == Loss::Logistic { 0.0 } else { 0.5 };
            let right = x
                .iter()
                .zip(&y)
                .filter(|(row, label)| (model.score(row) > cut) == (**label > 0.5))
                .count();
            assert!(right > 285, "{loss:?}: {right} of 300");
        }
    }

    #[test]
    fn shares_add_up_to_the_score() {
        let model = fitted(Loss::Logistic);
        let row = [0.9, f64::NAN, 0.2];
        let sum: f64 = model.shares(&row).iter().sum();
        assert!((model.start + sum - model.score(&row)).abs() < 1e-9);
    }

    #[test]
    fn the_same_seed_gives_the_same_trees() {
        assert_eq!(fitted(Loss::Logistic), fitted(Loss::Logistic));
    }

    #[test]
    fn noise_keeps_few_trees() {
        let (x, _) = table(400, 0);
        let y: Vec<f64> = (0..400_u32).map(|i| f64::from((i * 7907 % 1013) % 2)).collect();
        let w = vec![1.0; 400];
        let rows = Rows { x: &x, y: &y, weight: &w };
        let (xs, _) = table(400, 500);
        let select = Rows { x: &xs, y: &y, weight: &w };
        let model = Boosted::fit(rows, select, Loss::Logistic, BoostOptions::default()).unwrap();
        assert!(model.size() < 60, "{}", model.size());
    }
}
