//! The rows of a lesson as tensors, and the loss over them.

use foresite_models::linear::Matrix;
use foresite_models::network::Lesson;
use foresite_models::tabular::{Link, Samples};
use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind, Reduction, TchError, Tensor};

use crate::stack::Stack;

/// Rows of a slice as tensors.
pub(crate) struct Rows {
    /// `[rows, inputs]`
    x: Tensor,
    /// `[rows, labels]`, 0 where not observed
    y: Tensor,
    /// `[rows, labels]`: weight, 0 where not observed
    mask: Tensor,
    /// `[rows, scores]`: what the linear path says; zeros beside a network that stands alone
    base: Tensor,
    pub(crate) count: usize,
}

impl Rows {
    /// Encoded inputs and their samples on a device.
    pub(crate) fn of(
        lesson: &Lesson<'_>,
        (inputs, samples): (&Matrix, &Samples),
        device: Device,
    ) -> Result<Self, TchError> {
        let (mut y, mut mask, mut base) = (Vec::new(), Vec::new(), Vec::new());
        for ((x, labels), weight) in inputs.iter().zip(samples.y.iter()).zip(&samples.weight) {
            for &label in labels {
                let seen = label.is_finite();
                y.push(if seen { label as f32 } else { 0.0 });
                mask.push(if seen { *weight as f32 } else { 0.0 });
            }
            match lesson.beside {
                Some(linear) => base.extend(linear.scores(x).into_iter().map(|s| s as f32)),
                None => base.extend(std::iter::repeat_n(0.0_f32, lesson.scores)),
            }
        }
        let count = inputs.rows();
        let shaped = |values: &[f32], columns: usize| {
            Tensor::from_slice(values)
                .f_reshape([count as i64, columns as i64])
                .and_then(|tensor| tensor.f_to_device(device))
        };
        let x: Vec<f32> = inputs.values().iter().map(|&value| value as f32).collect();
        Ok(Self {
            x: shaped(&x, inputs.columns())?,
            y: shaped(&y, samples.y.columns())?,
            mask: shaped(&mask, samples.y.columns())?,
            base: shaped(&base, lesson.scores)?,
            count,
        })
    }

    /// Weighted mean loss of the picked rows, or of all; dropout where a generator is given.
    ///
    /// Every call may ask the device for memory, so none is one that panics where it refuses.
    pub(crate) fn loss(
        &self,
        lesson: &Lesson<'_>,
        stack: &Stack,
        pick: Option<&Tensor>,
        rng: Option<&mut ChaCha8Rng>,
    ) -> Result<Tensor, TchError> {
        let of = |tensor: &Tensor| match pick {
            Some(index) => tensor.f_index_select(0, index),
            None => Ok(tensor.shallow_clone()),
        };
        let (y, mask) = (of(&self.y)?, of(&self.mask)?);
        let output = stack.forward(&of(&self.x)?, rng)?;
        let own = output.f_mul_scalar(lesson.scale)?.f_add_scalar(lesson.offset)?;
        let scores = own.f_add(&of(&self.base)?)?;
        let total = mask.f_sum(Kind::Float)?.f_clamp_min(1e-6)?;
        let sum = match lesson.link {
            Link::LogOdds => scores.f_binary_cross_entropy_with_logits(
                &y,
                Some(&mask),
                None::<&Tensor>,
                Reduction::Sum,
            )?,
            // In units of the label's deviation, so that one step size fits every label.
            Link::Value { .. } => {
                let error = scores.f_sub(&y)?.f_div_scalar(lesson.scale)?;
                error.f_square()?.f_mul(&mask)?.f_sum(Kind::Float)?
            }
            Link::Classes => {
                let class = y.f_to_kind(Kind::Int64)?;
                let chosen = scores.f_log_softmax(-1, Kind::Float)?.f_gather(1, &class, false)?;
                chosen.f_mul(&mask)?.f_sum(Kind::Float)?.f_neg()?
            }
        };
        sum.f_div(&total)
    }
}
