//! What a row is about.

use serde::{Deserialize, Serialize};

use super::{Clock, Unit};
use crate::mapping::leaf::{Name, Value};

/// What a row is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entity {
    /// Type of the entity.
    #[serde(rename = "type")]
    pub kind: Value,
    /// Identifier; a template makes a composite key, a constant one entity.
    pub id: Value,
    /// The entity above.
    #[serde(default)]
    pub parent: Option<Value>,
    /// When the entity was under observation.
    #[serde(default)]
    pub exposure: Option<Exposure>,
    /// Entities that exist although no row names them.
    #[serde(default)]
    pub also: Vec<String>,
}

/// When an entity was under observation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exposure {
    /// Start.
    pub start: Clock,
    /// End, exclusive; without it the exposure goes on.
    #[serde(default)]
    pub end: Option<Clock>,
}

/// What does not change, or changes with age only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Static {
    /// Column of `inventory`.
    pub name: Name,
    /// Where it is.
    pub from: StaticFrom,
}

/// Where a static value is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum StaticFrom {
    /// A word.
    Text(Value),
    /// A number.
    Number(Value),
    /// The date from which age counts.
    Since(Clock),
    /// An age at a date, kept as the date from which it counts.
    Age {
        /// The age.
        value: Value,
        /// Its unit.
        unit: Unit,
        /// When the age was taken.
        as_of: Clock,
    },
}
