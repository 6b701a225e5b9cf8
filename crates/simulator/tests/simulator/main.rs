//! The simulated network from outside: what it writes, and whether it is what it claims.

#![allow(clippy::unwrap_used, reason = "a test panics on whatever goes wrong")]

mod changes;
mod delivery;
mod disk;
mod files;
mod history;
mod oracle;
mod side_by_side;
mod story;
mod traffic;

use foresite_simulator::Config;
use foresite_simulator::config::Moment;

/// A region of five sites over forty days, with files for the last two.
fn small() -> Config {
    let mut config = Config {
        seed: 11,
        start: at("2025-12-01T00:00:00Z"),
        end: at("2026-01-10T00:00:00Z"),
        hourly_days: 6,
        xml_days: 2,
        truth_days: 10,
        ..Config::default()
    };
    config.regions.truncate(1);
    config.regions[0].sites = 5;
    config.work.upgrade_days_before_end = 1;
    config.work.rehomed = 0.2;
    config
}

fn at(text: &str) -> Moment {
    Moment::try_from(text.to_owned()).unwrap()
}
