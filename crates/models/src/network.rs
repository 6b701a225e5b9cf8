//! Small networks: trained with libtorch, applied in plain Rust.
//!
//! Trained weights are exported to arrays, so scoring needs no library, starts at once and gives the
//! same bits for one row and for many. A contract test holds both forwards together.

mod mlp;
mod residual;
mod stack;
mod threads;
mod torchscript;
mod training;

pub use mlp::{Activation, Layer, Mlp};
pub use residual::Residual;
pub(crate) use residual::{CLIP, Gate, evenly, residuals_of};
use threads::use_one_thread;
pub(crate) use torchscript::torchscript;
use training::train_residual;
pub use training::{Architecture, NetworkOptions, train};

#[cfg(test)]
mod tests;
