//! The training loop on libtorch.
//!
//! Rows lie in memory as tensors; batches are gathered by index. Initial weights, the order of rows
//! and dropout masks come from one seeded generator of our own, because libtorch's is global to the
//! process. One thread: more would spin on batches this small.

use std::time::Instant;

use foresite_models::ModelError;
use foresite_models::network::{Layer, Lesson, Trainer};
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use tch::nn::{self, OptimizerConfig as _};
use tch::{COptimizer, TchError, Tensor};

use crate::Device;
use crate::error::model_error;
use crate::rows::Rows;
use crate::stack::Stack;
use crate::threads::use_one_thread;

/// Networks are trained by libtorch, on one device.
#[derive(Debug, Clone, Copy)]
pub struct Torch {
    device: Device,
}

impl Torch {
    /// Trains there. Another device rounds otherwise, so it gives other bits; the same one the same.
    pub const fn on(device: Device) -> Self {
        Self { device }
    }

    /// Where it trains.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The rows of both slices, and all epochs over them.
    fn layers(&self, lesson: &Lesson<'_>) -> Result<Vec<Layer>, TchError> {
        let device = self.device.torch();
        let fit = Rows::of(lesson, lesson.fit, device)?;
        let select = Rows::of(lesson, lesson.select, device)?;
        let recipe = &lesson.recipe;
        let mut rng = ChaCha8Rng::seed_from_u64(lesson.seed);
        let store = nn::VarStore::new(device);
        let inputs = lesson.fit.0.columns();
        let widths: Vec<usize> = [&[inputs], recipe.hidden, &[lesson.scores]].concat();
        let stack = Stack::new(&store, &widths, recipe.dropout, lesson.zero_head, &mut rng)?;
        let adam = nn::Adam { wd: recipe.weight_decay, ..nn::Adam::default() };
        // Not `nn::Optimizer`: it panics where the device has no memory for a step.
        let mut optimizer = adam.build_copt(lesson.learning_rate)?;
        for variable in store.trainable_variables() {
            optimizer.add_parameters(&variable, 0)?;
        }
        self.run_epochs((lesson, &stack), (&fit, &select), &optimizer, &mut rng)
    }

    /// All epochs, or as many as the select slice gets better by; returns the layers to keep.
    fn run_epochs(
        &self,
        (lesson, stack): (&Lesson<'_>, &Stack),
        (fit, select): (&Rows, &Rows),
        optimizer: &COptimizer,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<Layer>, TchError> {
        let started = Instant::now();
        let recipe = &lesson.recipe;
        let mut order: Vec<i64> = (0..fit.count as i64).collect();
        let mut best: Option<(f64, Vec<Layer>)> = None;
        let (mut epochs, mut since_best) = (0, 0);
        while epochs < recipe.epochs {
            self.run_epoch((lesson, stack), fit, &mut order, optimizer, rng)?;
            epochs += 1;
            let Some(patience) = recipe.patience else {
                continue;
            };
            let loss =
                tch::no_grad(|| select.loss(lesson, stack, None, None)?.f_double_value(&[]))?;
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
        let (network, device) = (recipe.name, self.device.name());
        let seconds = started.elapsed().as_secs_f64();
        let inputs = lesson.fit.0.columns();
        tracing::info!(network, device, inputs, rows = fit.count, epochs, seconds, "trained");
        Ok(layers)
    }

    /// All rows once, in a new order.
    fn run_epoch(
        &self,
        (lesson, stack): (&Lesson<'_>, &Stack),
        fit: &Rows,
        order: &mut [i64],
        optimizer: &COptimizer,
        rng: &mut ChaCha8Rng,
    ) -> Result<(), TchError> {
        order.shuffle(rng);
        // One copy to the device per epoch; batches are views of it.
        let picks = Tensor::f_from_slice(order)?.f_to_device(self.device.torch())?;
        let mut first = 0;
        for batch in order.chunks(lesson.recipe.batch) {
            let count = batch.len() as i64;
            let pick = picks.f_narrow(0, first, count)?;
            first += count;
            let loss = fit.loss(lesson, stack, Some(&pick), Some(rng))?;
            optimizer.zero_grad()?;
            loss.f_backward()?;
            optimizer.step()?;
        }
        Ok(())
    }

    /// What libtorch refused; of a GPU with what its memory was to hold.
    pub(crate) fn refusal(&self, lesson: &Lesson<'_>, error: TchError) -> ModelError {
        match model_error(error) {
            ModelError::Gpu(text) => {
                let (device, network) = (self.device.name(), lesson.recipe.name);
                let rows = lesson.fit.0.rows() + lesson.select.0.rows();
                let (inputs, batch) = (lesson.fit.0.columns(), lesson.recipe.batch);
                ModelError::Gpu(format!(
                    "network {network} on {device}, {rows} rows of {inputs} inputs in batches of \
                     {batch}: {text}"
                ))
            }
            other => other,
        }
    }
}

impl Trainer for Torch {
    fn train(&self, lesson: &Lesson<'_>) -> Result<Vec<Layer>, ModelError> {
        use_one_thread();
        self.layers(lesson).map_err(|error| self.refusal(lesson, error))
    }
}
