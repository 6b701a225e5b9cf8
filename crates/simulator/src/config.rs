//! What can be set about the simulated network.
//!
//! Every field has a default, so a configuration names only what differs. Rates are per year of
//! 365.25 days; times are RFC 3339.

use serde::{Deserialize, Serialize};

use crate::calendar::{Micros, timestamp};

mod check;
mod faults;

pub use check::ConfigError;
pub use faults::{FaultConfig, UnitRates};

/// A time in a configuration file, written as RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Moment(pub Micros);

impl TryFrom<String> for Moment {
    type Error = jiff::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let stamp: jiff::Timestamp = text.parse()?;
        Ok(Self(stamp.as_microsecond()))
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        timestamp(moment.0).to_string()
    }
}

/// The simulated network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Everything random follows from this number.
    pub seed: u64,
    /// First hour of the history.
    pub start: Moment,
    /// End of the history, exclusive; live hours continue from here.
    pub end: Moment,
    /// Days before `end` for which the history has hourly rows; daily rows before.
    pub hourly_days: u32,
    /// Days before `end` for which performance files exist beside the history.
    pub xml_days: u32,
    /// Days after `end` that the truth covers, so that predictions made at `end` can be judged.
    pub truth_days: u32,
    /// The regions with their sites.
    pub regions: Vec<RegionConfig>,
    /// Traffic.
    pub demand: DemandConfig,
    /// Failures.
    pub faults: FaultConfig,
    /// Sleeping cells.
    pub sleeping: SleepingConfig,
    /// Planned work and changes of the network.
    pub work: WorkConfig,
    /// How well people keep tickets.
    pub tickets: TicketConfig,
    /// How well files arrive.
    pub files: FileConfig,
}

impl Default for Config {
    fn default() -> Self {
        // 2023-12-01 to 2026-03-01: 27 months.
        Self {
            seed: 1,
            start: Moment(1_701_388_800_000_000),
            end: Moment(1_772_323_200_000_000),
            hourly_days: 183,
            xml_days: 28,
            truth_days: 120,
            regions: vec![
                RegionConfig::new("north", "N", "Europe/Berlin", "DE", [53.55, 10.0]),
                RegionConfig::new("south", "S", "Europe/Lisbon", "PT", [38.72, -9.14]),
            ],
            demand: DemandConfig::default(),
            faults: FaultConfig::default(),
            sleeping: SleepingConfig::default(),
            work: WorkConfig::default(),
            tickets: TicketConfig::default(),
            files: FileConfig::default(),
        }
    }
}

/// One region: a clock, a calendar and a number of sites around a centre.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionConfig {
    /// Identifier; also the folder of its files.
    pub name: String,
    /// First letters of its site names.
    pub prefix: String,
    /// IANA time zone.
    pub time_zone: String,
    /// DE, PT, GB or none.
    pub holidays: String,
    /// Centre, WGS 84.
    pub latitude: f64,
    /// Centre, WGS 84.
    pub longitude: f64,
    /// Number of sites, each with three sectors.
    pub sites: usize,
}

impl RegionConfig {
    fn new(name: &str, prefix: &str, zone: &str, holidays: &str, centre: [f64; 2]) -> Self {
        Self {
            name: name.into(),
            prefix: prefix.into(),
            time_zone: zone.into(),
            holidays: holidays.into(),
            latitude: centre[0],
            longitude: centre[1],
            sites: 10,
        }
    }
}

/// Traffic of the sectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DemandConfig {
    /// Median busy-hour load at `start`, as a share of what the carriers can bear.
    pub busy_hour_load: f64,
    /// Spread of that load between sectors: standard deviation of its logarithm.
    pub load_spread: f64,
    /// Growth of the traffic per year; 0.25 = a quarter more each year.
    pub growth_per_year: f64,
    /// Standard deviation of the growth between sectors.
    pub growth_spread: f64,
    /// Crowds (matches, concerts, markets) at a site per year.
    pub events_per_year: f64,
    /// Share of the crowds that are known beforehand and stand in the calendar of events.
    pub announced: f64,
    /// Factor on the noise; 0 = none.
    pub noise: f64,
}

impl Default for DemandConfig {
    fn default() -> Self {
        Self {
            busy_hour_load: 0.30,
            load_spread: 0.38,
            growth_per_year: 0.26,
            growth_spread: 0.12,
            events_per_year: 8.0,
            announced: 0.8,
            noise: 1.0,
        }
    }
}

/// Cells that lose traffic and raise no alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SleepingConfig {
    /// Occurrences per cell and year.
    pub per_cell_year: f64,
    /// Share of degraded cells (25 % of the traffic lost).
    pub degraded: f64,
    /// Share of crippled cells (60 % lost); the rest is catatonic (all lost).
    pub crippled: f64,
    /// Share of the lost traffic that neighbours take.
    pub absorbed: f64,
}

impl Default for SleepingConfig {
    fn default() -> Self {
        Self { per_cell_year: 0.4, degraded: 0.45, crippled: 0.35, absorbed: 0.6 }
    }
}

/// Planned work and changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkConfig {
    /// Visits with an outage, per site.
    pub per_site_year: f64,
    /// Share that is announced; the rest is logged afterwards.
    pub announced: f64,
    /// Days before `end` at which the software roll-out begins; it takes a week, renames and
    /// rescales vendor counters. 0 = none.
    pub upgrade_days_before_end: u32,
    /// Share of the sites whose element or backhaul is re-homed during the history.
    pub rehomed: f64,
    /// Share of the overloaded sectors that get a new carrier.
    pub expanded: f64,
}

impl Default for WorkConfig {
    fn default() -> Self {
        Self {
            per_site_year: 2.5,
            announced: 0.8,
            upgrade_days_before_end: 16,
            rehomed: 0.15,
            expanded: 0.6,
        }
    }
}

/// How well people keep tickets: shares of all tickets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TicketConfig {
    /// Failures without a ticket.
    pub missing: f64,
    /// Tickets recorded days later.
    pub late: f64,
    /// Tickets closed with a wrong cause.
    pub miscoded: f64,
}

impl Default for TicketConfig {
    fn default() -> Self {
        Self { missing: 0.08, late: 0.10, miscoded: 0.10 }
    }
}

/// How well files arrive: shares of all performance files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FileConfig {
    /// Files that arrive hours later.
    pub late: f64,
    /// Files that never arrive.
    pub missing: f64,
    /// Files with a period marked suspect.
    pub suspect: f64,
    /// Files that arrive twice.
    pub duplicate: f64,
    /// Files cut off in transfer; half of them are sent again.
    pub truncated: f64,
}

impl Default for FileConfig {
    fn default() -> Self {
        Self { late: 0.006, missing: 0.002, suspect: 0.003, duplicate: 0.002, truncated: 0.001 }
    }
}
