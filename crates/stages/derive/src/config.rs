//! The configuration of derive.

use std::num::NonZeroU32;

use foresite_kpi::{HOUR, Micros, Settings};
use serde::{Deserialize, Serialize};

/// What derive can be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// An hour without data counts as missing this long after its end. Give it the lateness of the
    /// data pipeline: shorter, and hours that came in time were gaps first; longer, and the hourly
    /// run ends before it can say that an hour is missing.
    pub gap_after_minutes: u32,
    /// Whether rows of the native granularity are written beside the hours.
    pub native_rows: bool,
    /// Hours that are held in memory and committed together.
    pub hours_per_step: NonZeroU32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            gap_after_minutes: 30,
            native_rows: true,
            hours_per_step: NonZeroU32::MIN.saturating_add(23),
        }
    }
}

impl Config {
    /// What the kernel needs of it.
    pub fn settings(&self) -> Settings {
        Settings {
            gap_after: Micros::from(self.gap_after_minutes) * HOUR / 60,
            native_rows: self.native_rows,
        }
    }

    /// Length of a step.
    pub fn step(&self) -> Micros {
        Micros::from(self.hours_per_step.get()) * HOUR
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_no_hours_is_refused() {
        let parsed = foresite_stage::parse_config::<Config>(r#"{"hours_per_step": 0}"#, "c");
        let message = parsed.unwrap_err().to_string();
        assert!(message.contains("hours_per_step"), "{message}");
    }
}
