//! Fitting every candidate and choosing the one that ships.

use foresite_metrics::{PairedTest, paired_blocks};
use serde::{Deserialize, Serialize};

use super::linear_path::bce;
use super::{Encoder, LinearPath, Link, Path, Samples, Sliced, Tabular};
use crate::linear::{Matrix, logit, softmax};
use crate::network::{self, NetworkOptions, Trainer, Training};
use crate::trees::{BoostOptions, Boosted, Loss, Rows};
use crate::{Calibrator, ModelError, Reference};

/// Share of the linear loss that a candidate must save on the gate slice.
const LEAST_GAIN: f64 = 0.01;
/// Greatest p-value of "the candidate is not better".
const GREATEST_P: f64 = 0.05;
/// Blocks with an event that a comparison of rare events needs: fewer decide by luck.
const LEAST_EVENT_BLOCKS: usize = 20;
/// Rows per score that boosting sees; beyond that negatives are thinned.
const MOST_ROWS: usize = 20_000;

/// What may stand beside the linear path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Candidate {
    /// Boosted trees.
    Trees,
    /// A network of a named architecture.
    Network {
        /// The architecture.
        options: NetworkOptions,
    },
}

/// What to fit.
#[derive(Debug, Clone)]
pub struct FitOptions<'a> {
    /// Candidates beside the linear path, in the order in which ties are resolved.
    pub candidates: Vec<Candidate>,
    /// Seed of row samples, initial weights and the bootstrap.
    pub seed: u64,
    /// Bootstrap replicates of the gate.
    pub replicates: usize,
    /// What trains the networks among the candidates.
    pub trainer: &'a dyn Trainer,
}

impl<'a> FitOptions<'a> {
    /// How and by whom a network among the candidates is trained.
    pub(crate) fn training(&self, options: &'a NetworkOptions) -> Training<'a> {
        Training { options, seed: self.seed, trainer: self.trainer }
    }
}

/// How one candidate did on the gate slice against what ships without it: the linear path, or the
/// chosen base of a forecast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateResult {
    /// The candidate.
    pub name: String,
    /// Mean gate loss without the candidate.
    pub reference_loss: Option<f64>,
    /// Mean gate loss of the candidate.
    pub loss: Option<f64>,
    /// The paired comparison, where the slice allows one.
    pub test: Option<PairedTest>,
    /// Whether it earned its place.
    pub earned: bool,
}

impl Tabular {
    /// Fits the linear path and every candidate, calibrates each, and ships the best that earned its
    /// place.
    ///
    /// # Errors
    /// [`ModelError`] where even the linear path cannot be fitted.
    pub fn fit(
        link: Link,
        scores: usize,
        slices: &Sliced,
        options: &FitOptions<'_>,
    ) -> Result<(Self, Vec<GateResult>), ModelError> {
        let encoder = Encoder::fit(&slices.fit.x);
        let fit_x = encoder.encode_all(&slices.fit.x);
        let select_x = encoder.encode_all(&slices.select.x);
        let linear =
            LinearPath::fit(link, (&fit_x, &slices.fit), (&select_x, &slices.select), scores)?;
        let mut base = Self {
            link,
            encoder,
            linear,
            path: Path::Linear,
            calibrators: vec![Calibrator::Identity; scores],
            errors: Reference::default(),
        };
        base.calibrate(&slices.calibrate);
        let reference = base.losses(&slices.gate);
        let (mut best, mut least) = (base.clone(), f64::INFINITY);
        let mut results = Vec::new();
        for candidate in &options.candidates {
            let path = base.trained(candidate, (&fit_x, &select_x), slices, options)?;
            let mut model = Self { path, ..base.clone() };
            model.calibrate(&slices.calibrate);
            let losses = model.losses(&slices.gate);
            let tells = link != Link::LogOdds || event_blocks(&slices.gate) >= LEAST_EVENT_BLOCKS;
            let losses = (losses.as_slice(), reference.as_slice());
            let result = judge((model.path_name(), tells), losses, &slices.gate.block, options);
            let loss = result.loss.unwrap_or(f64::INFINITY);
            if result.earned && loss < least {
                (best, least) = (model, loss);
            }
            results.push(result);
        }
        Ok((best, results))
    }

    /// What one candidate puts beside this linear path, or in its place.
    fn trained(
        &self,
        candidate: &Candidate,
        encoded: (&Matrix, &Matrix),
        slices: &Sliced,
        choice: &FitOptions<'_>,
    ) -> Result<Path, ModelError> {
        match candidate {
            Candidate::Trees => boosted(self.link, self.calibrators.len(), slices, choice.seed),
            Candidate::Network { options } => {
                let training = choice.training(options);
                let (mlp, base) = network::train(self, encoded, slices, training)?;
                Ok(Path::Network { mlp, base })
            }
        }
    }

    /// The linear path as it would ship: with a calibration of its own.
    #[must_use]
    pub fn linear_alone(&self, calibrate: &Samples) -> Self {
        let mut linear = Self { path: Path::Linear, ..self.clone() };
        linear.calibrate(calibrate);
        linear
    }

    fn calibrate(&mut self, samples: &Samples) {
        self.calibrators.fill(Calibrator::Identity);
        let raw: Vec<Vec<f64>> = samples.x.iter().map(|row| self.scores(row)).collect();
        match self.link {
            Link::LogOdds => {
                for (score, calibrator) in self.calibrators.iter_mut().enumerate() {
                    let (rows, labels, weights) = samples.observed(score);
                    let p: Vec<f64> =
                        rows.iter().map(|&row| crate::linear::sigmoid(raw[row][score])).collect();
                    let blocks: Vec<u64> = rows.iter().map(|&row| samples.block[row]).collect();
                    *calibrator = Calibrator::fit(&p, &labels, &weights, &blocks);
                }
            }
            Link::Value { .. } => {
                let errors = raw.into_iter().zip(samples.y.iter()).map(|(scores, y)| {
                    let value = self.linked(scores)[0];
                    (value - y[0]).abs()
                });
                self.errors = Reference::new(errors.collect::<Vec<_>>());
            }
            Link::Classes => {}
        }
    }

    /// Loss of every row after calibration; NaN where nothing is observed.
    fn losses(&self, samples: &Samples) -> Vec<f64> {
        samples
            .x
            .iter()
            .zip(samples.y.iter())
            .map(|(row, y)| {
                let scores = self.scores(row);
                match self.link {
                    Link::Value { .. } => (self.linked(scores)[0] - y[0]).powi(2),
                    Link::Classes => class_loss(scores, y[0]),
                    Link::LogOdds if y.iter().all(|label| label.is_nan()) => f64::NAN,
                    Link::LogOdds => {
                        let calibrated: Vec<f64> =
                            self.linked(scores).into_iter().map(logit).collect();
                        log_odds_loss(&calibrated, y)
                    }
                }
            })
            .collect()
    }
}

/// BCE summed over the observed scores of a row.
pub(super) fn log_odds_loss(scores: &[f64], y: &[f64]) -> f64 {
    scores
        .iter()
        .zip(y)
        .filter(|(_, label)| label.is_finite())
        .map(|(&score, &label)| bce(score, label))
        .sum()
}

/// -ln of the probability of the observed class; NaN where none is observed.
pub(super) fn class_loss(scores: Vec<f64>, label: f64) -> f64 {
    if label.is_nan() {
        return f64::NAN;
    }
    let p = softmax(scores);
    -p.get(label as usize).copied().unwrap_or(0.0).max(1e-15).ln()
}

/// One sum of trees per score, or per class against all others.
fn boosted(link: Link, scores: usize, slices: &Sliced, seed: u64) -> Result<Path, ModelError> {
    let trees = |score: usize| {
        let label = |label: f64| match link {
            Link::Classes => f64::from(u8::from(label as usize == score)),
            _ => label,
        };
        let column = if link == Link::Classes { 0 } else { score };
        let side = |samples: &Samples| {
            let (rows, labels, weights) = samples.observed(column);
            let labels: Vec<f64> = labels.into_iter().map(label).collect();
            (rows, labels, weights)
        };
        let (rows, labels, weights) = side(&slices.fit);
        let (rows, labels, weights) = if matches!(link, Link::Value { .. }) {
            (rows, labels, weights)
        } else {
            let (kept, weights) = super::samples::thin_negatives(&labels, &weights, MOST_ROWS);
            let pick = |values: &[f64]| kept.iter().map(|&k| values[k]).collect::<Vec<_>>();
            (kept.iter().map(|&k| rows[k]).collect(), pick(&labels), weights)
        };
        let (select_rows, select_labels, select_weights) = side(&slices.select);
        let (fit_x, select_x) = (slices.fit.x.select(&rows), slices.select.x.select(&select_rows));
        Boosted::fit(
            Rows { x: &fit_x, y: &labels, weight: &weights },
            Rows { x: &select_x, y: &select_labels, weight: &select_weights },
            if matches!(link, Link::Value { .. }) { Loss::Squared } else { Loss::Logistic },
            BoostOptions { seed: seed.wrapping_add(score as u64), ..BoostOptions::default() },
        )
    };
    Ok(Path::Trees { boosted: (0..scores).map(trees).collect::<Result<_, _>>()? })
}

/// Blocks that hold a yes.
fn event_blocks(samples: &Samples) -> usize {
    let rows = samples.y.iter().zip(&samples.block);
    let with_event = rows.filter(|(y, _)| y.iter().any(|label| *label > 0.5));
    with_event.map(|(_, block)| *block).collect::<std::collections::BTreeSet<u64>>().len()
}

/// The comparison that a candidate must win; it `tells` nothing where events are too few.
pub(crate) fn judge(
    (name, tells): (String, bool),
    (losses, reference): (&[f64], &[f64]),
    block: &[u64],
    options: &FitOptions<'_>,
) -> GateResult {
    let rows: Vec<usize> = (0..losses.len())
        .filter(|&row| losses[row].is_finite() && reference[row].is_finite())
        .collect();
    let pick = |values: &[f64]| rows.iter().map(|&row| values[row]).collect::<Vec<_>>();
    let (own, without) = (pick(losses), pick(reference));
    let blocks: Vec<u64> = rows.iter().map(|&row| block[row]).collect();
    let mean = |values: &[f64]| {
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let test = paired_blocks(&own, &without, &blocks, options.replicates, options.seed);
    let (loss, reference_loss) = (mean(&own), mean(&without));
    let earned = test.is_some_and(|test| {
        let wanted = -LEAST_GAIN * reference_loss.unwrap_or(f64::INFINITY);
        tells && test.difference < wanted && test.p_value < GREATEST_P
    });
    GateResult { name, reference_loss, loss, test, earned }
}
