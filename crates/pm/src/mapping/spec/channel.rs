//! Measured values.

use serde::{Deserialize, Serialize};

use super::yes;
use crate::mapping::leaf::{Name, Value};

/// One measured value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Column of `kpis`.
    pub name: Name,
    /// Where the number is; without it a column (long: a channel) of that name.
    #[serde(default)]
    pub value: Option<Value>,
    /// Divides the value: a ratio from its parts; a zero gives null.
    #[serde(default)]
    pub over: Option<Value>,
    /// How the value behaves.
    #[serde(default)]
    pub kind: ChannelKind,
    /// Unit after scaling.
    #[serde(default)]
    pub unit: String,
    /// Factor.
    #[serde(default = "one")]
    pub scale: f64,
    /// Added after the factor.
    #[serde(default)]
    pub offset: f64,
    /// Numbers of the file that mean "no value".
    #[serde(default)]
    pub sentinels: Vec<f64>,
    /// Whether zero is a value; `false` makes it null.
    #[serde(default = "yes")]
    pub zero_allowed: bool,
    /// Whether `1.234,5` is written for 1234.5.
    #[serde(default)]
    pub decimal_comma: bool,
}

fn one() -> f64 {
    1.0
}

/// How a measured value behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// A level: periods average.
    #[default]
    Gauge,
    /// An amount within the period: periods add up.
    Delta,
    /// A share: periods average by weight.
    Ratio,
    /// A counter that only grows: differenced per entity into a delta; null at the first row and
    /// after a reset.
    Cumulative,
}
