//! Models: closed-form linear paths, boosted trees and networks, and what turns their scores into
//! calibrated statements with exact drivers.
//!
//! Everything works on plain arrays in memory; tables, files and clocks belong to the stages. A
//! fitted model is a serde value (the registry puts its long arrays beside the JSON), so that a bundle
//! is written and read the same way for all of them.

pub mod anomaly;
mod calibration;
mod conformal;
mod error;
pub mod forecast;
pub mod linear;
pub mod network;
pub mod tabular;
mod trees;

pub use calibration::{Calibrator, Isotonic};
pub use conformal::Reference;
pub use error::ModelError;
pub use trees::{BoostOptions, Boosted, Loss, Rows, Tree};
