//! The feature kernel: one definition of a task's features for batch, training and serving.
//!
//! [`features`] says which raw features a task has; they are the columns of `features_<task>`.
//! [`Extractor`] computes them for an entity and its cutoffs. [`FeatureKernel`] holds the task and
//! what was fitted on the fit slice; it turns a raw row into what a model takes and travels in the
//! model bundle, so that a service needs nothing else.

mod catalogue;
mod extract;
mod rolling;

use foresite_schema::{Column, DataKind};
use serde::{Deserialize, Serialize};

pub use catalogue::{Feature, features};
pub use extract::{Extractor, Sources};

use crate::encode::{Encoder, Encoding};
use crate::task::Task;

/// The columns that a task adds to `features_<task>`.
pub fn columns(task: &Task) -> Vec<Column> {
    let column = |feature: Feature| {
        Column::nullable(&feature.name, DataKind::Double, &feature.unit, &feature.meaning)
    };
    features(task).into_iter().map(column).collect()
}

/// A task with the fitted state of its features. Serialisable into a model bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureKernel {
    /// The task.
    pub task: Task,
    /// Encodings fitted on the fit slice.
    pub encoder: Encoder,
}

impl FeatureKernel {
    /// Fits the state on the raw rows of the fit slice, `[rows, features]`.
    pub fn fit(task: Task, rows: &[f64]) -> Self {
        let features: Vec<(String, Encoding)> =
            features(&task).into_iter().map(|feature| (feature.name, feature.encoding)).collect();
        Self { encoder: Encoder::fit(&features, rows), task }
    }

    /// Names of the raw features: columns of `features_<task>`, order of `samples_<task>.features`.
    pub fn raw_names(&self) -> &[String] {
        self.encoder.raw_names()
    }

    /// Names of what the model takes.
    pub fn names(&self) -> Vec<String> {
        self.encoder.names()
    }

    /// Encodes raw rows, `[rows, raw]` → `[rows, encoded]`.
    pub fn encode(&self, rows: &[f64]) -> Vec<f32> {
        let width = self.raw_names().len().max(1);
        let mut encoded = Vec::with_capacity(rows.len() * 2);
        for row in rows.chunks_exact(width) {
            self.encoder.encode(row, &mut encoded);
        }
        encoded
    }

    /// Values by name in the order of the raw features; absent ones are missing. For callers that
    /// hold a map instead of a row.
    pub fn row_of(&self, value_of: impl Fn(&str) -> Option<f64>) -> Vec<f64> {
        let names = self.raw_names().iter();
        names.map(|name| value_of(name).unwrap_or(f64::NAN)).collect()
    }
}

#[cfg(test)]
mod tests;
