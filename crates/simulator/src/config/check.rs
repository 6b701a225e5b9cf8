//! What a configuration must satisfy beyond its types.

use super::Config;
use crate::calendar::{HOUR, Holidays};

/// A configuration that cannot be simulated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {problem}")]
pub struct ConfigError {
    /// JSON path of the field.
    pub field: String,
    /// What is wrong, and what was expected.
    pub problem: String,
}

impl Config {
    /// Checks what the types cannot.
    ///
    /// # Errors
    /// The first field that cannot be simulated.
    pub fn check(&self) -> Result<(), ConfigError> {
        let wrong = |field: &str, problem: &str| {
            Err(ConfigError { field: field.into(), problem: problem.into() })
        };
        if self.start.0 % HOUR != 0 || self.end.0 % HOUR != 0 {
            return wrong("start", "expected `start` and `end` on the hour");
        }
        if self.end <= self.start {
            return wrong("end", "expected a time after `start`");
        }
        if self.regions.is_empty() || self.regions.iter().any(|region| region.sites == 0) {
            return wrong("regions", "expected at least one region, each with at least one site");
        }
        for (index, region) in self.regions.iter().enumerate() {
            if jiff::tz::TimeZone::get(&region.time_zone).is_err() {
                return wrong(&format!("regions[{index}].time_zone"), "expected an IANA time zone");
            }
            if Holidays::named(&region.holidays).is_none() {
                return wrong(&format!("regions[{index}].holidays"), "expected DE, PT, GB or none");
            }
            if self.regions[..index].iter().any(|other| other.name == region.name) {
                return wrong(&format!("regions[{index}].name"), "expected a name used once");
            }
        }
        self.check_numbers()
    }

    fn check_numbers(&self) -> Result<(), ConfigError> {
        let shares = [
            ("sleeping.absorbed", self.sleeping.absorbed),
            ("sleeping.degraded", self.sleeping.degraded + self.sleeping.crippled),
            ("work.announced", self.work.announced),
            ("work.rehomed", self.work.rehomed),
            ("work.expanded", self.work.expanded),
            ("tickets.missing", self.tickets.missing + self.tickets.late),
            ("tickets.miscoded", self.tickets.miscoded),
            ("files", self.files.total()),
        ];
        let positive = [
            ("demand.busy_hour_load", self.demand.busy_hour_load),
            ("faults.scale", self.faults.scale + 1e-9),
        ];
        let share = shares.iter().find(|(_, value)| !(0.0..=1.0).contains(value));
        let load = positive.iter().find(|(_, value)| !(*value > 0.0 && value.is_finite()));
        match share.or(load) {
            None => Ok(()),
            Some((field, value)) => Err(ConfigError {
                field: (*field).into(),
                problem: format!("expected a share from 0 to 1 or a positive factor, got {value}"),
            }),
        }
    }
}
