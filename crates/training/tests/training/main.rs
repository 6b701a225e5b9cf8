//! Networks beside the linear paths of all heads, trained.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod anomaly;
mod forecast;
mod tabular;

use foresite_training::{Device, Torch};

/// What trains wherever a test does not choose.
static CPU: Torch = Torch::on(Device::Cpu);
