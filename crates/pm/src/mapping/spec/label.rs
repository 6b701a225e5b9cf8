//! What a data set says about itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Clock, Role};
use crate::mapping::leaf::{Name, Value};

/// Stretches of rows that belong together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segments {
    /// Starts a new segment of the entity whenever it changes.
    #[serde(default)]
    pub by: Option<Value>,
    /// Whether one segment goes on where the one before ended; `false` keeps windows inside.
    pub continuous: bool,
    /// What the end of a segment means, by role; `all` for any.
    #[serde(default)]
    pub end: BTreeMap<SegmentRole, SegmentEnd>,
}

/// Whose end is spoken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SegmentRole {
    /// Any source.
    All,
    /// Sources with the role `train`.
    Train,
    /// Sources with the role `test`.
    Test,
}

/// What the end of a segment means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SegmentEnd {
    /// The event happened: a failure, a churn.
    Event,
    /// Observation stopped.
    Censored,
}

/// What the set says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// Name of the label.
    pub name: Name,
    /// Where it is.
    pub from: LabelFrom,
    /// Only for files of this role.
    #[serde(default)]
    pub role: Option<Role>,
}

/// Where a label is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LabelFrom {
    /// A mark per row; rows that follow each other with the same mark become one interval, zero
    /// and null are no mark.
    Points(Value),
    /// One interval per row.
    Interval {
        /// Start.
        start: Box<Clock>,
        /// End, exclusive.
        end: Box<Clock>,
        /// Its number; 1 without it.
        #[serde(default)]
        value: Option<Value>,
    },
    /// A number that holds at the last row of the entity.
    LastRow(Value),
    /// A number per row.
    EachRow(Value),
    /// A class per row.
    Class(Value),
}
