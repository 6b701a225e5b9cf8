//! What the named architectures are made of, and how each is trained.

use serde::{Deserialize, Serialize};

/// The named architectures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Architecture {
    /// Two hidden layers, zero-initialised head, added to the linear path, stopped on the select
    /// slice.
    #[serde(rename = "residual")]
    Residual,
    /// Ten hidden units: ReLU, then a sigmoid under BCE; Adam, 10 epochs of batches of 32.
    #[serde(rename = "10-1")]
    TenOne,
    /// Twice 64 hidden units, each with ReLU and dropout 0.2; MSE; Adam, 50 epochs of batches of 32.
    #[serde(rename = "64-64-1")]
    SixtyFourTwice,
}

/// How to train one architecture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkOptions {
    /// Which layers.
    pub architecture: Architecture,
    /// Step size of Adam.
    #[serde(default = "default_rate")]
    pub learning_rate: f64,
}

fn default_rate() -> f64 {
    1e-3
}

impl Default for NetworkOptions {
    fn default() -> Self {
        Self { architecture: Architecture::Residual, learning_rate: default_rate() }
    }
}

/// What an architecture fixes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recipe {
    /// Name of the architecture, for logs and the card.
    pub name: &'static str,
    /// Units of the hidden layers, each followed by ReLU and dropout.
    pub hidden: &'static [usize],
    /// Share of hidden units that a training step leaves out.
    pub dropout: f64,
    /// Times that all rows are seen, at most.
    pub epochs: usize,
    /// Rows of a step.
    pub batch: usize,
    /// Weight decay of Adam.
    pub weight_decay: f64,
    /// Epochs without a better select loss before training stops; `None` = all epochs.
    pub patience: Option<usize>,
}

impl Architecture {
    pub(super) fn recipe(self) -> Recipe {
        match self {
            Self::Residual => Recipe {
                name: "residual 64-32",
                hidden: &[64, 32],
                dropout: 0.1,
                epochs: 60,
                batch: 256,
                weight_decay: 1e-4,
                patience: Some(6),
            },
            Self::TenOne => Recipe {
                name: "10-1",
                hidden: &[10],
                dropout: 0.0,
                epochs: 10,
                batch: 32,
                weight_decay: 0.0,
                patience: None,
            },
            Self::SixtyFourTwice => Recipe {
                name: "64-64-1",
                hidden: &[64, 64],
                dropout: 0.2,
                epochs: 50,
                batch: 32,
                weight_decay: 0.0,
                patience: None,
            },
        }
    }
}

/// What is added to the linear path of a head that works on series.
pub(super) const SERIES: Recipe = Recipe {
    name: "residual 64",
    hidden: &[64],
    dropout: 0.1,
    epochs: 60,
    batch: 256,
    weight_decay: 1e-4,
    patience: Some(6),
};
