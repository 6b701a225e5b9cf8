//! The configuration of validate.

use std::num::NonZeroU32;

use foresite_kpi::{HOUR, Micros};
use foresite_stage::Share;
use serde::{Deserialize, Serialize};

/// What validate can be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// An hour without data counts as missing this long after its end; the same as in derive.
    pub gap_after_minutes: u32,
    /// Hours that are held in memory and committed together.
    pub hours_per_step: NonZeroU32,
    /// What to do about values that the element itself marked as suspect.
    pub suspect: Treatment,
    /// What to do about a period in which a cumulative counter ran backwards: the element
    /// restarted.
    pub reset: Treatment,
    /// A region of which a smaller share of elements reported is warned about.
    pub coverage_warn_below: Share,
    /// A vendor's rows in a region are halted when a greater share of them is suspect, restarted
    /// or out of range.
    pub halt_unfit_above: Share,
    /// Elements that a vendor must have in a region before it is halted as a whole.
    pub halt_elements: NonZeroU32,
    /// Relative difference up to which a derived and an imported KPI agree.
    pub overlap_tolerance: Share,
    /// Share of disagreeing values of a channel from which on its overlap fails.
    pub overlap_fail_above: Share,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            gap_after_minutes: 30,
            hours_per_step: NonZeroU32::MIN.saturating_add(23),
            suspect: Treatment::NullRows,
            reset: Treatment::NullRows,
            coverage_warn_below: Share::new(0.9),
            halt_unfit_above: Share::new(0.5),
            halt_elements: NonZeroU32::MIN.saturating_add(2),
            overlap_tolerance: Share::new(0.02),
            overlap_fail_above: Share::new(0.05),
        }
    }
}

impl Config {
    /// Time after its end at which a silent hour is missing.
    pub fn gap_after(&self) -> Micros {
        Micros::from(self.gap_after_minutes) * HOUR / 60
    }

    /// Length of a step.
    pub fn step(&self) -> Micros {
        Micros::from(self.hours_per_step.get()) * HOUR
    }
}

/// What follows from a broken rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Treatment {
    /// The values are used; people are told.
    Warn,
    /// Derive leaves the values out.
    NullRows,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_checked_where_it_stands() {
        let text = r#"{"halt_unfit_above": 50}"#;
        let error = foresite_stage::parse_config::<Config>(text, "c").unwrap_err();
        let message = error.to_string();
        assert!(
            message.starts_with("c at `halt_unfit_above`: expected a share from 0 to 1, got 50"),
            "{message}"
        );
    }
}
