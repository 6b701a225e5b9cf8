//! The training loop on libtorch.
//!
//! Rows lie in memory as tensors; batches are gathered by index. Initial weights, the order of rows
//! and dropout masks come from one seeded generator of our own, because libtorch's is global to the
//! process. One thread: more would spin on batches this small.

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use tch::nn::{self, OptimizerConfig as _};
use tch::{Device, Kind, Reduction, Tensor};

use super::stack::Stack;
use super::{Layer, Mlp};
use crate::ModelError;
use crate::linear::Matrix;
use crate::tabular::{LinearPath, Link, Samples, Sliced, Tabular};

/// The named architectures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Architecture {
    /// Two hidden layers, zero-initialised head, added to the linear path, stopped on the select
    /// slice.
    #[serde(rename = "residual")]
    Residual,
    /// Ten hidden units: ReLU, then a sigmoid under BCE; Adam, 10 epochs of batches of 32.
    #[serde(rename = "10-1")]
    TenOne,
    /// Twice 64 hidden units, each with ReLU and dropout 0.2; MSE; Adam, 50 epochs of batches of 32.
    #[serde(rename = "64-64-1")]
    SixtyFourTwice,
}

/// How to train one architecture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkOptions {
    /// Which layers.
    pub architecture: Architecture,
    /// Step size of Adam.
    #[serde(default = "default_rate")]
    pub learning_rate: f64,
}

fn default_rate() -> f64 {
    1e-3
}

impl Default for NetworkOptions {
    fn default() -> Self {
        Self { architecture: Architecture::Residual, learning_rate: default_rate() }
    }
}

/// What an architecture fixes.
struct Recipe {
    name: &'static str,
    hidden: &'static [usize],
    dropout: f64,
    epochs: usize,
    batch: usize,
    weight_decay: f64,
    /// Epochs without a better select loss before training stops; `None` = all epochs.
    patience: Option<usize>,
}

impl Architecture {
    fn recipe(self) -> Recipe {
        match self {
            Self::Residual => Recipe {
                name: "residual 64-32",
                hidden: &[64, 32],
                dropout: 0.1,
                epochs: 60,
                batch: 256,
                weight_decay: 1e-4,
                patience: Some(6),
            },
            Self::TenOne => Recipe {
                name: "10-1",
                hidden: &[10],
                dropout: 0.0,
                epochs: 10,
                batch: 32,
                weight_decay: 0.0,
                patience: None,
            },
            Self::SixtyFourTwice => Recipe {
                name: "64-64-1",
                hidden: &[64, 64],
                dropout: 0.2,
                epochs: 50,
                batch: 32,
                weight_decay: 0.0,
                patience: None,
            },
        }
    }
}

/// What is added to the linear path of a head that works on series.
const SERIES: Recipe = Recipe {
    name: "residual 64",
    hidden: &[64],
    dropout: 0.1,
    epochs: 60,
    batch: 256,
    weight_decay: 1e-4,
    patience: Some(6),
};

/// Rows as tensors.
struct Rows {
    /// `[rows, inputs]`
    x: Tensor,
    /// `[rows, labels]`, 0 where not observed
    y: Tensor,
    /// `[rows, labels]`: weight, 0 where not observed
    mask: Tensor,
    /// `[rows, scores]`: what the linear path says; zeros beside a network that stands alone
    base: Tensor,
    count: usize,
}

/// Trains one architecture; `inputs` are the encoded fit and select rows. Returns it with the linear
/// path that it was trained beside: one of the fit slice alone.
///
/// # Errors
/// [`ModelError::Torch`] when libtorch refuses, [`ModelError::TooFewRows`] without fit rows.
pub fn train(
    base: &Tabular,
    inputs: (&Matrix, &Matrix),
    slices: &Sliced,
    options: &NetworkOptions,
    seed: u64,
) -> Result<(Mlp, LinearPath), ModelError> {
    super::use_one_thread();
    let device = Device::cuda_if_available();
    let recipe = options.architecture.recipe();
    let residual = options.architecture == Architecture::Residual;
    let scores = base.linear.intercepts.len();
    let penalty = base.linear.penalty;
    let linear = LinearPath::fit_with(base.link, (inputs.0, &slices.fit), scores, penalty)?;
    let beside = residual.then_some(&linear);
    let (scale, offset) = label_scale(base.link, inputs.0, &slices.fit, beside);
    let frame = Frame { link: base.link, beside, scores, scale, offset, device };
    let fit = frame.rows(inputs.0, &slices.fit)?;
    let select = frame.rows(inputs.1, &slices.select)?;
    if fit.count == 0 {
        return Err(ModelError::TooFewRows { needed: 1, found: 0 });
    }
    let layers = layers(&recipe, &frame, (&fit, &select), residual, (options, seed))?;
    Ok((Mlp::new(recipe.name.into(), residual, (scale, offset), layers), linear))
}

/// Trains what is added to a linear path of series: `[rows, outputs]` errors of that path in scales,
/// from encoded inputs.
///
/// # Errors
/// [`ModelError::Torch`] when libtorch refuses, [`ModelError::TooFewRows`] without fit or select rows.
pub(super) fn train_residual(
    fit: &Samples,
    select: &Samples,
    options: &NetworkOptions,
    seed: u64,
) -> Result<Mlp, ModelError> {
    super::use_one_thread();
    if fit.rows() == 0 || select.rows() == 0 {
        return Err(ModelError::TooFewRows { needed: 1, found: 0 });
    }
    let frame = Frame {
        link: Link::Value { cap: None },
        beside: None,
        scores: fit.y.columns(),
        scale: 1.0,
        offset: 0.0,
        device: Device::cuda_if_available(),
    };
    let rows = (frame.rows(&fit.x, fit)?, frame.rows(&select.x, select)?);
    let layers = layers(&SERIES, &frame, (&rows.0, &rows.1), true, (options, seed))?;
    Ok(Mlp::new(SERIES.name.into(), true, (1.0, 0.0), layers))
}

/// The trained layers of a recipe; those of a zero-initialised head start at nothing.
fn layers(
    recipe: &Recipe,
    frame: &Frame<'_>,
    (fit, select): (&Rows, &Rows),
    zero_head: bool,
    (options, seed): (&NetworkOptions, u64),
) -> Result<Vec<Layer>, ModelError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let store = nn::VarStore::new(frame.device);
    let inputs = usize::try_from(fit.x.size()[1]).unwrap_or(0);
    let widths: Vec<usize> = [&[inputs], recipe.hidden, &[frame.scores]].concat();
    let stack = Stack::new(&store, &widths, recipe.dropout, zero_head, &mut rng);
    let adam = nn::Adam { wd: recipe.weight_decay, ..nn::Adam::default() };
    let mut optimizer = adam.build(&store, options.learning_rate)?;
    run_epochs(recipe, (frame, &stack), (fit, select), &mut optimizer, &mut rng)
}

/// All epochs, or as many as the select slice gets better by; returns the layers to keep.
fn run_epochs(
    recipe: &Recipe,
    (frame, stack): (&Frame<'_>, &Stack),
    (fit, select): (&Rows, &Rows),
    optimizer: &mut nn::Optimizer,
    rng: &mut ChaCha8Rng,
) -> Result<Vec<Layer>, ModelError> {
    let mut order: Vec<i64> = (0..fit.count as i64).collect();
    let mut best: Option<(f64, Vec<Layer>)> = None;
    let mut since_best = 0;
    for _ in 0..recipe.epochs {
        order.shuffle(rng);
        for batch in order.chunks(recipe.batch) {
            let pick = Tensor::from_slice(batch).to_device(frame.device);
            optimizer.backward_step(&frame.loss(stack, fit, Some(&pick), Some(rng)));
        }
        let Some(patience) = recipe.patience else {
            continue;
        };
        let loss = tch::no_grad(|| frame.loss(stack, select, None, None).double_value(&[]));
        if best.as_ref().is_none_or(|(least, _)| loss < *least) {
            best = Some((loss, stack.export()?));
            since_best = 0;
        } else {
            since_best += 1;
            if since_best >= patience {
                break;
            }
        }
    }
    match best {
        Some((_, layers)) => Ok(layers),
        None => stack.export(),
    }
}

/// Scale and offset between the network's output and a score: the label's own deviation and mean for
/// values, nothing for log-odds and classes.
fn label_scale(
    link: Link,
    inputs: &Matrix,
    fit: &Samples,
    beside: Option<&LinearPath>,
) -> (f64, f64) {
    if !matches!(link, Link::Value { .. }) {
        return (1.0, 0.0);
    }
    let targets: Vec<f64> = inputs
        .iter()
        .zip(fit.y.iter())
        .map(|(x, y)| y[0] - beside.map_or(0.0, |linear| linear.scores(x)[0]))
        .filter(|target| target.is_finite())
        .collect();
    let count = targets.len().max(1) as f64;
    let mean = targets.iter().sum::<f64>() / count;
    let variance = targets.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / count;
    let offset = if beside.is_some() { 0.0 } else { mean };
    (variance.sqrt().max(1e-9), offset)
}

/// What turns outputs into a loss.
struct Frame<'a> {
    link: Link,
    /// The linear path of a residual.
    beside: Option<&'a LinearPath>,
    scores: usize,
    scale: f64,
    offset: f64,
    device: Device,
}

impl Frame<'_> {
    fn rows(&self, inputs: &Matrix, samples: &Samples) -> Result<Rows, ModelError> {
        let (mut y, mut mask, mut base) = (Vec::new(), Vec::new(), Vec::new());
        for ((x, labels), weight) in inputs.iter().zip(samples.y.iter()).zip(&samples.weight) {
            for &label in labels {
                let seen = label.is_finite();
                y.push(if seen { label as f32 } else { 0.0 });
                mask.push(if seen { *weight as f32 } else { 0.0 });
            }
            match self.beside {
                Some(linear) => base.extend(linear.scores(x).into_iter().map(|s| s as f32)),
                None => base.extend(std::iter::repeat_n(0.0_f32, self.scores)),
            }
        }
        let count = inputs.rows();
        let shaped = |values: &[f32], columns: usize| {
            Tensor::from_slice(values)
                .f_reshape([count as i64, columns as i64])
                .map(|tensor| tensor.to_device(self.device))
        };
        let x: Vec<f32> = inputs.values().iter().map(|&value| value as f32).collect();
        Ok(Rows {
            x: shaped(&x, inputs.columns())?,
            y: shaped(&y, samples.y.columns())?,
            mask: shaped(&mask, samples.y.columns())?,
            base: shaped(&base, self.scores)?,
            count,
        })
    }

    /// Weighted mean loss of the picked rows, or of all; dropout where a generator is given.
    fn loss(
        &self,
        stack: &Stack,
        rows: &Rows,
        pick: Option<&Tensor>,
        rng: Option<&mut ChaCha8Rng>,
    ) -> Tensor {
        let of = |tensor: &Tensor| match pick {
            Some(index) => tensor.index_select(0, index),
            None => tensor.shallow_clone(),
        };
        let (y, mask) = (of(&rows.y), of(&rows.mask));
        let output = stack.forward(&of(&rows.x), rng);
        let scores = output * self.scale + self.offset + of(&rows.base);
        let total = mask.sum(Kind::Float).clamp_min(1e-6);
        let sum = match self.link {
            Link::LogOdds => scores.binary_cross_entropy_with_logits(
                &y,
                Some(&mask),
                None::<&Tensor>,
                Reduction::Sum,
            ),
            // In units of the label's deviation, so that one step size fits every label.
            Link::Value { .. } => {
                let error = (scores - y) / self.scale;
                (error.square() * mask).sum(Kind::Float)
            }
            Link::Classes => {
                let class = y.to_kind(Kind::Int64);
                let chosen = scores.log_softmax(-1, Kind::Float).gather(1, &class, false);
                -(chosen * mask).sum(Kind::Float)
            }
        };
        sum / total
    }
}
