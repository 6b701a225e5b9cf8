//! What a network is trained on, and what trains it.

use super::{Layer, Recipe};
use crate::ModelError;
use crate::linear::Matrix;
use crate::tabular::{LinearPath, Link, Samples};

/// What trains networks. Behind a trait, so that whoever only scores does not load the library that
/// trains.
pub trait Trainer: std::fmt::Debug {
    /// The layers that a lesson ends with, first to last. The same lesson gives the same bits.
    ///
    /// # Errors
    /// [`ModelError::Torch`] or [`ModelError::Gpu`] where the library or the device refuses.
    fn train(&self, lesson: &Lesson<'_>) -> Result<Vec<Layer>, ModelError>;
}

/// What one network is trained on, and for. Its scores are `scale * output + offset`, to which a
/// linear path beside it is added.
#[derive(Debug, Clone, Copy)]
pub struct Lesson<'a> {
    /// Which hidden layers, and how they are trained.
    pub recipe: Recipe,
    /// Step size of Adam.
    pub learning_rate: f64,
    /// Seed of initial weights, the order of rows and dropout.
    pub seed: u64,
    /// Whether the last layer starts at zero, as that of a residual does.
    pub zero_head: bool,
    /// What scores mean, and so what the loss is.
    pub link: Link,
    /// The linear path of a residual.
    pub beside: Option<&'a LinearPath>,
    /// Number of scores.
    pub scores: usize,
    /// What outputs are multiplied by.
    pub scale: f64,
    /// What is added to that.
    pub offset: f64,
    /// What weights are learned from: encoded inputs `[rows, inputs]`, and the labels and weights of
    /// their samples; at least one row.
    pub fit: (&'a Matrix, &'a Samples),
    /// What training stops by where the recipe says so, in the same form; it may be empty.
    pub select: (&'a Matrix, &'a Samples),
}
