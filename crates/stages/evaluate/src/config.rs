//! The configuration of evaluate.

use foresite_datasets::measure::Judging;
use serde::{Deserialize, Serialize};

/// What evaluate can be told.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of the simulator's truth, relative to the data root: nobody else may read it. Without
    /// it, labels come from the sample set alone.
    pub truth: Option<String>,
    /// How to judge.
    pub judging: Judging,
}
