//! The training loop on libtorch.
//!
//! Rows lie in memory as tensors; batches are gathered by index. Initial weights, the order of rows
//! and dropout masks come from one seeded generator of our own, because libtorch's is global to the
//! process. One thread: more would spin on batches this small.

use std::time::Instant;

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use tch::nn::{self, OptimizerConfig as _};
use tch::{Kind, Reduction, Tensor};

use super::recipe::{Recipe, SERIES};
use super::stack::Stack;
use super::{Architecture, Device, Layer, Mlp, NetworkOptions};
use crate::ModelError;
use crate::linear::Matrix;
use crate::tabular::{LinearPath, Link, Samples, Sliced, Tabular};

/// How and where one network is trained.
#[derive(Debug, Clone, Copy)]
pub struct Training<'a> {
    /// Which layers, and the step size.
    pub options: &'a NetworkOptions,
    /// Seed of initial weights, the order of rows and dropout.
    pub seed: u64,
    /// Where. Another device rounds otherwise, so it gives other bits; the same one the same.
    pub device: Device,
}

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
    training: Training<'_>,
) -> Result<(Mlp, LinearPath), ModelError> {
    super::use_one_thread();
    let recipe = training.options.architecture.recipe();
    let residual = training.options.architecture == Architecture::Residual;
    let scores = base.linear.intercepts.len();
    let penalty = base.linear.penalty;
    let linear = LinearPath::fit_with(base.link, (inputs.0, &slices.fit), scores, penalty)?;
    let beside = residual.then_some(&linear);
    let (scale, offset) = label_scale(base.link, inputs.0, &slices.fit, beside);
    let frame = Frame { link: base.link, beside, scores, scale, offset, device: training.device };
    let fit = frame.rows(inputs.0, &slices.fit)?;
    let select = frame.rows(inputs.1, &slices.select)?;
    if fit.count == 0 {
        return Err(ModelError::TooFewRows { needed: 1, found: 0 });
    }
    let layers = layers(&recipe, &frame, (&fit, &select), residual, training)?;
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
    training: Training<'_>,
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
        device: training.device,
    };
    let rows = (frame.rows(&fit.x, fit)?, frame.rows(&select.x, select)?);
    let layers = layers(&SERIES, &frame, (&rows.0, &rows.1), true, training)?;
    Ok(Mlp::new(SERIES.name.into(), true, (1.0, 0.0), layers))
}

/// The trained layers of a recipe; those of a zero-initialised head start at nothing.
fn layers(
    recipe: &Recipe,
    frame: &Frame<'_>,
    (fit, select): (&Rows, &Rows),
    zero_head: bool,
    training: Training<'_>,
) -> Result<Vec<Layer>, ModelError> {
    let mut rng = ChaCha8Rng::seed_from_u64(training.seed);
    let store = nn::VarStore::new(frame.device.torch());
    let inputs = usize::try_from(fit.x.size()[1]).unwrap_or(0);
    let widths: Vec<usize> = [&[inputs], recipe.hidden, &[frame.scores]].concat();
    let stack = Stack::new(&store, &widths, recipe.dropout, zero_head, &mut rng);
    let adam = nn::Adam { wd: recipe.weight_decay, ..nn::Adam::default() };
    let mut optimizer = adam.build(&store, training.options.learning_rate)?;
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
    let started = Instant::now();
    let mut order: Vec<i64> = (0..fit.count as i64).collect();
    let mut best: Option<(f64, Vec<Layer>)> = None;
    let (mut epochs, mut since_best) = (0, 0);
    while epochs < recipe.epochs {
        run_epoch(recipe, (frame, stack), fit, &mut order, optimizer, rng);
        epochs += 1;
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
    let layers = match best {
        Some((_, layers)) => layers,
        None => stack.export()?,
    };
    let (network, device) = (recipe.name, frame.device.name());
    let seconds = started.elapsed().as_secs_f64();
    let inputs = fit.x.size()[1];
    tracing::info!(network, device, inputs, rows = fit.count, epochs, seconds, "trained");
    Ok(layers)
}

/// All rows once, in a new order.
fn run_epoch(
    recipe: &Recipe,
    (frame, stack): (&Frame<'_>, &Stack),
    fit: &Rows,
    order: &mut [i64],
    optimizer: &mut nn::Optimizer,
    rng: &mut ChaCha8Rng,
) {
    order.shuffle(rng);
    // One copy to the device per epoch; batches are views of it.
    let picks = Tensor::from_slice(order).to_device(frame.device.torch());
    let mut first = 0;
    for batch in order.chunks(recipe.batch) {
        let count = batch.len() as i64;
        let pick = picks.narrow(0, first, count);
        first += count;
        optimizer.backward_step(&frame.loss(stack, fit, Some(&pick), Some(rng)));
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
                .and_then(|tensor| tensor.f_to_device(self.device.torch()))
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
