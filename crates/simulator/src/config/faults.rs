//! How often things break.

use serde::{Deserialize, Serialize};

/// How often things break, per site (mains: per feed) and year.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultConfig {
    /// Factor on every rate below.
    pub scale: f64,
    /// Mains outages per feed.
    pub mains_per_year: f64,
    /// Storms per region; mains and fibres fail more often in one.
    pub storms_per_year: f64,
    /// Batteries that begin to lose capacity.
    pub battery_onset_per_year: f64,
    /// Rectifiers.
    pub rectifier: UnitRates,
    /// Fans and cabinets: thermal shutdown.
    pub fan: UnitRates,
    /// Baseband units.
    pub baseband: UnitRates,
    /// Radios, each of the three.
    pub radio: UnitRates,
    /// Backhaul links.
    pub backhaul: UnitRates,
    /// Minor alarms per site that mean nothing.
    pub idle_alarms_per_year: f64,
    /// Storms of alarms per site without a failure behind them: a flapping link.
    pub alarm_storms_per_year: f64,
}

impl Default for FaultConfig {
    fn default() -> Self {
        let rates = |sudden, onset| UnitRates { sudden_per_year: sudden, onset_per_year: onset };
        Self {
            scale: 1.0,
            mains_per_year: 4.0,
            storms_per_year: 10.0,
            battery_onset_per_year: 0.25,
            rectifier: rates(0.06, 0.18),
            fan: rates(0.03, 0.25),
            baseband: rates(0.15, 0.15),
            radio: rates(0.06, 0.16),
            backhaul: rates(0.15, 0.25),
            idle_alarms_per_year: 20.0,
            alarm_storms_per_year: 0.7,
        }
    }
}

/// The two ways in which a unit fails.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitRates {
    /// Failures out of the blue.
    pub sudden_per_year: f64,
    /// Beginnings of a deterioration, which ends in a failure or heals.
    pub onset_per_year: f64,
}

impl UnitRates {
    pub(super) fn least(self) -> f64 {
        self.sudden_per_year.min(self.onset_per_year)
    }
}
