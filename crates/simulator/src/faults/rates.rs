//! How often the units of a site begin to deteriorate or fail, in its present surroundings.

use crate::calendar::{DAY, HOUR, LocalTime, Micros};
use crate::config::{Config, UnitRates};
use crate::faults::{Law, Unit};
use crate::layout::Site;

/// Hours of a year.
pub(super) const YEAR_HOURS: f64 = 365.25 * 24.0;
/// How much more often fibres are cut in a storm.
pub const STORM_BACKHAUL: f64 = 5.0;

/// Repair time of a unit: median hours and standard deviation of the logarithm.
#[derive(Debug, Clone, Copy)]
pub struct Repair {
    /// Median in hours.
    pub hours: f64,
    /// Standard deviation of the logarithm.
    pub sigma: f64,
}

/// Repair times in the order of [`Unit::ALL`].
const REPAIR: [Repair; 8] = [
    Repair { hours: 24.0, sigma: 0.5 },
    Repair { hours: 6.0, sigma: 0.7 },
    Repair { hours: 5.0, sigma: 0.6 },
    Repair { hours: 1.5, sigma: 0.8 },
    Repair { hours: 9.0, sigma: 0.7 },
    Repair { hours: 9.0, sigma: 0.7 },
    Repair { hours: 9.0, sigma: 0.7 },
    Repair { hours: 5.0, sigma: 0.7 },
];

/// Base rates and laws of all units.
#[derive(Debug, Clone)]
pub struct Rates {
    /// Per hour, in the order of [`Unit::ALL`].
    base: [UnitRates; 8],
    /// Deterioration, in the order of [`Unit::ALL`].
    pub laws: [Law; 8],
    /// Mains outages per feed and hour outside storms.
    pub mains: f64,
    /// Storms per region and hour.
    pub storms: f64,
}

impl Rates {
    /// The rates of a configuration, per hour.
    pub fn new(config: &Config) -> Self {
        let faults = &config.faults;
        let hourly = faults.scale / YEAR_HOURS;
        let unit = |rates: UnitRates| UnitRates {
            sudden_per_year: rates.sudden_per_year * hourly,
            onset_per_year: rates.onset_per_year * hourly,
        };
        let battery =
            UnitRates { sudden_per_year: 0.0, onset_per_year: faults.battery_onset_per_year };
        let radio = unit(faults.radio);
        let radio_law = Law::new(9.0, 0.45, 0.35);
        Self {
            base: [
                unit(battery),
                unit(faults.rectifier),
                unit(faults.fan),
                unit(faults.baseband),
                radio,
                radio,
                radio,
                unit(faults.backhaul),
            ],
            laws: [
                Law::new(40.0, 0.3, 0.6),
                Law::new(10.0, 0.4, 0.35),
                Law::new(5.0, 0.5, 0.5),
                Law::new(4.0, 0.5, 0.3),
                radio_law.clone(),
                radio_law.clone(),
                radio_law,
                Law::new(12.0, 0.4, 0.25),
            ],
            mains: faults.mains_per_year * hourly,
            storms: faults.storms_per_year / YEAR_HOURS,
        }
    }

    /// Failures out of the blue per hour, outside storms.
    pub fn sudden(&self, site: &Site, unit: Unit, at: Micros, local: LocalTime) -> f64 {
        self.base[unit.index()].sudden_per_year * surroundings(site, unit, at, local)
    }

    /// Deteriorations begun per hour.
    pub fn onset(&self, site: &Site, unit: Unit, at: Micros, local: LocalTime) -> f64 {
        self.base[unit.index()].onset_per_year * surroundings(site, unit, at, local)
    }

    /// Repair time of a unit.
    pub fn repair(unit: Unit) -> Repair {
        REPAIR[unit.index()]
    }

    /// Greatest rates of sudden failures and onsets in surroundings up to `factor`.
    pub(super) fn limits(&self, unit: Unit, factor: f64) -> [f64; 2] {
        let base = self.base[unit.index()];
        [factor * base.sudden_per_year, factor * base.onset_per_year]
    }

    /// The law of a unit.
    pub fn law(&self, unit: Unit) -> &Law {
        &self.laws[unit.index()]
    }
}

/// Weak sites, old equipment and summer heat fail more often.
fn surroundings(site: &Site, unit: Unit, at: Micros, local: LocalTime) -> f64 {
    let heat = match unit {
        Unit::Fan => 0.6,
        Unit::Radio(_) | Unit::Rectifier | Unit::Battery => 0.2,
        Unit::Baseband | Unit::Backhaul => 0.0,
    };
    let summer = 1.0 + heat * (std::f64::consts::TAU * (local.year_phase - 0.56)).cos();
    let years = (at - site.commissioned_at) as f64 / (365 * DAY) as f64;
    site.frailty * summer * (0.7 + 0.08 * years.clamp(0.0, 10.0))
}

/// The greatest factor of [`surroundings`], for thinning.
pub(super) fn surroundings_limit(site: &Site) -> f64 {
    site.frailty * 1.6 * 1.5
}

/// Hours between two times.
pub(super) fn hours_between(from: Micros, to: Micros) -> f64 {
    (to - from) as f64 / HOUR as f64
}
