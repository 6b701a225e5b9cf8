//! What a row of an event log says.

use serde::{Deserialize, Serialize};

use super::Clock;
use crate::mapping::leaf::Value;

/// One fact of an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// The word in the table.
    pub fact: Value,
    /// When it happened; without it the row's time. No moment, no fact.
    #[serde(default)]
    pub at: Option<Clock>,
    /// Whether the entity starts anew here: a further fact `reset`.
    #[serde(default)]
    pub resets: bool,
}

/// Hides repairs that answer a failure of the same moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repairs {
    /// Facts that are repairs.
    pub repair: Vec<String>,
    /// Facts that are failures.
    #[serde(default)]
    pub failure: Vec<String>,
    /// Has a value where a failure in another file, joined in, falls on this repair.
    #[serde(default)]
    pub answers: Option<Value>,
    /// How much later the repair is known.
    pub hidden_seconds: u32,
}
