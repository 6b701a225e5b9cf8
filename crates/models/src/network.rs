//! Small networks, applied in plain Rust; what trains them lies behind [`Trainer`].
//!
//! Trained weights are arrays, so scoring needs no library, starts at once and gives the same bits
//! for one row and for many. A contract test of `foresite-training` holds both forwards together.

mod lesson;
mod mlp;
mod recipe;
#[cfg(test)]
mod refusing;
mod residual;
mod training;

pub use lesson::{Lesson, Trainer};
pub use mlp::{Activation, Layer, Mlp};
pub use recipe::{Architecture, NetworkOptions, Recipe};
#[cfg(test)]
pub(crate) use refusing::Refusing;
pub use residual::Residual;
pub(crate) use residual::{CLIP, Gate, evenly, residuals_of};
use training::train_residual;
pub(crate) use training::{Training, train};
