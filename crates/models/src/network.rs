//! Small networks: trained with libtorch, applied in plain Rust.
//!
//! Trained weights are exported to arrays, so scoring needs no library, starts at once and gives the
//! same bits for one row and for many. A contract test holds both forwards together.

mod device;
mod mlp;
mod recipe;
mod residual;
mod stack;
mod threads;
mod torchscript;
mod training;

pub use device::{Device, DeviceChoice, has_cuda_library};
pub use mlp::{Activation, Layer, Mlp};
pub use recipe::{Architecture, NetworkOptions};
pub use residual::Residual;
pub(crate) use residual::{CLIP, Gate, evenly, residuals_of};
use threads::use_one_thread;
pub(crate) use torchscript::torchscript;
use training::train_residual;
pub use training::{Training, train};

#[cfg(test)]
mod tests;
