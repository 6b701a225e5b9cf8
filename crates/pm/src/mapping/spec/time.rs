//! When a row happened, and since when it could be known.

use serde::{Deserialize, Serialize};

use crate::mapping::leaf::{Instant, Value, Zone};

/// When a row happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Time {
    /// How the moment is written.
    pub from: Clock,
    /// Length of a period; needed for `kpis`.
    #[serde(default)]
    pub cadence_seconds: Option<u32>,
    /// Whether the moment names the start or the end of the period.
    #[serde(default)]
    pub marks: Marks,
    /// Whether hours and weekdays mean anything; `false` switches calendar features off.
    #[serde(default = "yes")]
    pub wall_clock: bool,
}

/// The default of keys that are on unless switched off.
pub(super) fn yes() -> bool {
    true
}

/// Which end of the period a moment names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Marks {
    /// The start.
    #[default]
    Start,
    /// The end.
    End,
}

/// How a moment is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Clock {
    /// Date and time in one value.
    Stamp {
        /// The text, or a timestamp column.
        value: Value,
        /// strftime format; without it ISO 8601 and its usual variants.
        #[serde(default)]
        format: Option<String>,
        /// Zone of stamps without an offset.
        #[serde(default)]
        zone: Zone,
        /// The hour that the clock repeats in autumn.
        #[serde(default)]
        repeat: Repeat,
    },
    /// Date and time of day in two values.
    #[serde(rename = "date_and_clock")]
    Split {
        /// The date.
        date: Value,
        /// The time of day; `24:00` is the next midnight.
        clock: Value,
        /// strftime format of the date.
        #[serde(default)]
        date_format: Option<String>,
        /// strftime format of the time of day.
        #[serde(default)]
        clock_format: Option<String>,
        /// Zone of the clock.
        #[serde(default)]
        zone: Zone,
        /// The hour that the clock repeats in autumn.
        #[serde(default)]
        repeat: Repeat,
    },
    /// A number of units since an origin.
    Epoch {
        /// The number.
        value: Value,
        /// The unit.
        #[serde(default)]
        unit: Unit,
        /// Zero of the count; 1970 without it.
        #[serde(default)]
        origin: Instant,
    },
    /// A number of steps since an origin.
    Step {
        /// The number.
        value: Value,
        /// Length of a step.
        seconds: u32,
        /// The moment of step 0.
        origin: Instant,
    },
    /// The order of an entity's rows in the file.
    RowOrder {
        /// Length of a step.
        seconds: u32,
        /// The moment of the first row.
        origin: Instant,
    },
    /// No time: one moment for all rows.
    None {
        /// The moment.
        at: Instant,
    },
}

/// Unit of an epoch or an age.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Microseconds.
    Microseconds,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    #[default]
    Seconds,
    /// Minutes.
    Minutes,
    /// Hours.
    Hours,
    /// Days of 24 hours.
    Days,
    /// Years of 365.25 days.
    Years,
}

impl Unit {
    /// Length in microseconds.
    pub(crate) fn micros(self) -> f64 {
        match self {
            Self::Microseconds => 1.0,
            Self::Milliseconds => 1e3,
            Self::Seconds => 1e6,
            Self::Minutes => 60e6,
            Self::Hours => 3600e6,
            Self::Days => 86_400e6,
            Self::Years => 365.25 * 86_400e6,
        }
    }
}

/// Which of two equal local times is meant when clocks go back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    /// The first time an entity shows it the earlier one, then the later one.
    #[default]
    Order,
    /// The earlier one.
    Earlier,
    /// The later one.
    Later,
}

/// When past rows could be known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// The release: a column, or a capture of the path; without it the end of the row's period.
    #[serde(default)]
    pub released: Option<Clock>,
    /// Added to it.
    #[serde(default)]
    pub delay_seconds: u32,
}
