//! What a configuration must satisfy beyond its types.

use super::{Config, RegionConfig};
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

type Checked = Result<(), ConfigError>;

fn require(holds: bool, field: &str, problem: impl FnOnce() -> String) -> Checked {
    if holds {
        return Ok(());
    }
    Err(ConfigError { field: field.into(), problem: problem() })
}

impl Config {
    /// Checks what the types cannot.
    ///
    /// # Errors
    /// The first field that cannot be simulated.
    pub fn check(&self) -> Checked {
        for (field, at) in [("start", self.start.0), ("end", self.end.0)] {
            require(at % HOUR == 0, field, || "expected a full hour".into())?;
        }
        require(self.end > self.start, "end", || "expected a time after `start`".into())?;
        require(!self.regions.is_empty(), "regions", || "expected at least one".into())?;
        for (index, region) in self.regions.iter().enumerate() {
            let names = self.regions[..index].iter().map(|other| &other.name);
            let is_new = !names.clone().any(|name| *name == region.name);
            let path = format!("regions[{index}]");
            require(is_new, &format!("{path}.name"), || "expected a name used once".into())?;
            region.check(&path)?;
        }
        self.check_shares()?;
        self.check_rates()
    }

    fn check_shares(&self) -> Checked {
        let files = &self.files;
        for (field, share) in [
            ("sleeping.degraded", self.sleeping.degraded),
            ("sleeping.crippled", self.sleeping.crippled),
            ("sleeping.degraded + crippled", self.sleeping.degraded + self.sleeping.crippled),
            ("sleeping.absorbed", self.sleeping.absorbed),
            ("demand.announced", self.demand.announced),
            ("work.announced", self.work.announced),
            ("work.rehomed", self.work.rehomed),
            ("work.expanded", self.work.expanded),
            ("tickets.missing", self.tickets.missing),
            ("tickets.late", self.tickets.late),
            ("tickets.missing + late", self.tickets.missing + self.tickets.late),
            ("tickets.miscoded", self.tickets.miscoded),
            ("files.late", files.late),
            ("files.missing", files.missing),
            ("files.duplicate", files.duplicate),
            ("files.truncated", files.truncated),
            ("files.suspect", files.suspect),
            (
                "files.late + missing + duplicate + truncated",
                files.late + files.missing + files.duplicate + files.truncated,
            ),
        ] {
            let is_share = (0.0..=1.0).contains(&share);
            require(is_share, field, || format!("expected a share from 0 to 1, got {share}"))?;
        }
        Ok(())
    }

    fn check_rates(&self) -> Checked {
        let (demand, faults) = (&self.demand, &self.faults);
        let load = demand.busy_hour_load;
        let problem = || format!("expected a positive factor, got {load}");
        require(load > 0.0 && load.is_finite(), "demand.busy_hour_load", problem)?;
        for (field, rate) in [
            ("demand.load_spread", demand.load_spread),
            ("demand.growth_spread", demand.growth_spread),
            ("demand.events_per_year", demand.events_per_year),
            ("demand.noise", demand.noise),
            ("faults.scale", faults.scale),
            ("faults.mains_per_year", faults.mains_per_year),
            ("faults.storms_per_year", faults.storms_per_year),
            ("faults.battery_onset_per_year", faults.battery_onset_per_year),
            ("faults.rectifier", faults.rectifier.least()),
            ("faults.fan", faults.fan.least()),
            ("faults.baseband", faults.baseband.least()),
            ("faults.radio", faults.radio.least()),
            ("faults.backhaul", faults.backhaul.least()),
            ("faults.idle_alarms_per_year", faults.idle_alarms_per_year),
            ("faults.alarm_storms_per_year", faults.alarm_storms_per_year),
            ("sleeping.per_cell_year", self.sleeping.per_cell_year),
            ("work.per_site_year", self.work.per_site_year),
        ] {
            let is_rate = (0.0..=10_000.0).contains(&rate);
            require(is_rate, field, || format!("expected 0 to 10000, got {rate}"))?;
        }
        Ok(())
    }
}

impl RegionConfig {
    fn check(&self, path: &str) -> Checked {
        let is_word = |text: &str| {
            let letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
            !text.is_empty() && text.chars().all(letter)
        };
        // Names become folders, identifiers and parts of distinguished names.
        let word = || "expected letters, digits and `-`".to_owned();
        require(is_word(&self.name), &format!("{path}.name"), word)?;
        require(is_word(&self.prefix), &format!("{path}.prefix"), word)?;
        require(self.sites > 0, &format!("{path}.sites"), || "expected at least one".into())?;
        let is_zone = jiff::tz::TimeZone::get(&self.time_zone).is_ok();
        require(is_zone, &format!("{path}.time_zone"), || "expected an IANA time zone".into())?;
        let has_holidays = Holidays::named(&self.holidays).is_some();
        let calendars = || "expected DE, PT, GB or none".into();
        require(has_holidays, &format!("{path}.holidays"), calendars)?;
        let is_place = self.latitude.abs() < 85.0 && self.longitude.abs() <= 180.0;
        require(is_place, &format!("{path}.latitude"), || "expected a place within ±85°".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Moment;

    #[test]
    fn the_default_can_be_simulated() {
        assert_eq!(Config::default().check(), Ok(()));
    }

    #[test]
    fn what_cannot_be_simulated_is_named() {
        type Spoil = fn(&mut Config);
        let cases: [(&str, Spoil); 8] = [
            ("end", |config| config.end = config.start),
            ("start", |config| config.start = Moment(config.start.0 + 1)),
            ("regions", |config| config.regions.clear()),
            ("regions[1].name", |config| config.regions[1].name = "north".into()),
            ("regions[0].prefix", |config| config.regions[0].prefix = "N,1".into()),
            ("regions[1].holidays", |config| config.regions[1].holidays = "XX".into()),
            ("files.late", |config| config.files.late = -0.1),
            ("faults.fan", |config| config.faults.fan.onset_per_year = -1.0),
        ];
        for (field, spoil) in cases {
            let mut config = Config::default();
            spoil(&mut config);
            assert_eq!(config.check().map_err(|error| error.field), Err(field.to_owned()));
        }
    }
}
