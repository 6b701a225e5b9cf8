//! What networks are to learn: their lessons, for whoever trains them.

use super::recipe::SERIES;
use super::{Architecture, Lesson, Mlp, NetworkOptions, Trainer};
use crate::ModelError;
use crate::linear::Matrix;
use crate::tabular::{LinearPath, Link, Samples, Sliced, Tabular};

/// How and by whom one network is trained.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Training<'a> {
    /// Which layers, and the step size.
    pub(crate) options: &'a NetworkOptions,
    /// Seed of initial weights, the order of rows and dropout.
    pub(crate) seed: u64,
    /// What trains it.
    pub(crate) trainer: &'a dyn Trainer,
}

/// Trains one architecture; `inputs` are the encoded fit and select rows. Returns it with the linear
/// path that it was trained beside: one of the fit slice alone.
///
/// # Errors
/// Those of the trainer, [`ModelError::TooFewRows`] without fit rows.
pub(crate) fn train(
    base: &Tabular,
    inputs: (&Matrix, &Matrix),
    slices: &Sliced,
    training: Training<'_>,
) -> Result<(Mlp, LinearPath), ModelError> {
    let recipe = training.options.architecture.recipe();
    let residual = training.options.architecture == Architecture::Residual;
    let scores = base.linear.intercepts.len();
    let penalty = base.linear.penalty;
    let linear = LinearPath::fit_with(base.link, (inputs.0, &slices.fit), scores, penalty)?;
    let beside = residual.then_some(&linear);
    let (scale, offset) = label_scale(base.link, inputs.0, &slices.fit, beside);
    if inputs.0.rows() == 0 {
        return Err(ModelError::TooFewRows { needed: 1, found: 0 });
    }
    let layers = training.trainer.train(&Lesson {
        recipe,
        learning_rate: training.options.learning_rate,
        seed: training.seed,
        zero_head: residual,
        link: base.link,
        beside,
        scores,
        scale,
        offset,
        fit: (inputs.0, &slices.fit),
        select: (inputs.1, &slices.select),
    })?;
    Ok((Mlp::new(recipe.name.into(), residual, (scale, offset), layers), linear))
}

/// Trains what is added to a linear path of series: `[rows, outputs]` errors of that path in scales,
/// from encoded inputs.
///
/// # Errors
/// Those of the trainer, [`ModelError::TooFewRows`] without fit or select rows.
pub(super) fn train_residual(
    fit: &Samples,
    select: &Samples,
    training: Training<'_>,
) -> Result<Mlp, ModelError> {
    if fit.rows() == 0 || select.rows() == 0 {
        return Err(ModelError::TooFewRows { needed: 1, found: 0 });
    }
    let layers = training.trainer.train(&Lesson {
        recipe: SERIES,
        learning_rate: training.options.learning_rate,
        seed: training.seed,
        zero_head: true,
        link: Link::Value { cap: None },
        beside: None,
        scores: fit.y.columns(),
        scale: 1.0,
        offset: 0.0,
        fit: (&fit.x, fit),
        select: (&select.x, select),
    })?;
    Ok(Mlp::new(SERIES.name.into(), true, (1.0, 0.0), layers))
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
