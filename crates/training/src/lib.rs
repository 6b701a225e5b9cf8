//! Trains networks on libtorch.
//!
//! `foresite-models` says what is to be learned (a [`Lesson`]) and applies what was learned in plain
//! Rust; what stands between, and alone names the library, is here. Only the stage train depends on
//! it, so nothing that merely scores loads libtorch (`docs/adr/0019-training-crate.md`).
//!
//! [`Lesson`]: foresite_models::network::Lesson

mod device;
mod error;
mod leave;
mod rows;
mod stack;
mod threads;
mod torch;
mod torchscript;

pub use device::{Device, DeviceChoice, has_cuda_library};
pub use leave::leave;
pub use torch::Torch;
pub use torchscript::torchscript;

#[cfg(test)]
mod tests;
