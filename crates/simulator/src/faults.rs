//! What breaks, why and when: the process behind every unit and the failures drawn from it.
//!
//! A unit is healthy, deteriorating or under repair. From healthy it fails out of the blue or
//! begins to deteriorate; deterioration shows in telemetry and minor alarms and ends in a failure
//! or heals. Mains and rectifiers fail onto the battery, and the site goes dark only when the
//! battery is empty. A dark hub or a cut link takes the sites behind it along.

mod draw;
mod law;
mod power;
mod rates;

pub use draw::draw_faults;
pub use law::Law;
pub use power::{MAINS_HOURS, MAINS_SIGMA, STORM_MAINS, STORM_MEAN_HOURS, Weather, autonomy_hours};
pub use rates::{Rates, Repair, STORM_BACKHAUL};

use crate::calendar::{HOUR, Micros};

/// A piece of equipment of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// Backup battery.
    Battery,
    /// Rectifier: mains to −48 V.
    Rectifier,
    /// Cooling.
    Fan,
    /// Baseband unit.
    Baseband,
    /// Radio of sector 1, 2 or 3.
    Radio(usize),
    /// Optical link towards the hub or the core.
    Backhaul,
}

impl Unit {
    /// The equipment of every site.
    pub const ALL: [Self; 8] = [
        Self::Battery,
        Self::Rectifier,
        Self::Fan,
        Self::Baseband,
        Self::Radio(1),
        Self::Radio(2),
        Self::Radio(3),
        Self::Backhaul,
    ];

    /// Last part of its identifier.
    pub fn name(self) -> &'static str {
        match self {
            Self::Battery => "battery",
            Self::Rectifier => "rectifier",
            Self::Fan => "fan",
            Self::Baseband => "baseband",
            Self::Radio(1) => "radio-1",
            Self::Radio(2) => "radio-2",
            Self::Radio(_) => "radio-3",
            Self::Backhaul => "backhaul",
        }
    }

    /// Type of the entity in the inventory.
    pub fn entity_type(self) -> &'static str {
        if self == Self::Backhaul { "link" } else { "unit" }
    }

    /// Place in [`Unit::ALL`].
    pub fn index(self) -> usize {
        Self::ALL.iter().position(|unit| *unit == self).unwrap_or(0)
    }
}

/// Why a site or sector lost service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// Mains gone and the battery empty.
    Power,
    /// Rectifier broken and the battery empty.
    Rectifier,
    /// Thermal shutdown after the cooling failed.
    Cooling,
    /// Baseband unit down.
    Baseband,
    /// Radio down.
    Radio,
    /// Own link down.
    Transport,
    /// A link or the power of the hub is down.
    Upstream,
}

impl Cause {
    /// The code that people write into tickets.
    pub fn code(self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::Rectifier => "rectifier",
            Self::Cooling => "cooling",
            Self::Baseband => "baseband",
            Self::Radio => "radio",
            Self::Transport => "transport",
            Self::Upstream => "upstream",
        }
    }
}

/// How a deterioration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// In a failure of the unit.
    Failed,
    /// By itself, or because somebody replaced the part in passing.
    Healed,
}

/// One deterioration of a unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Episode {
    /// Index of the site.
    pub site: usize,
    /// The unit.
    pub unit: Unit,
    /// Beginning.
    pub start: Micros,
    /// Failure, healing or replacement.
    pub end: Micros,
    /// Hours from the beginning to severity 1.
    pub pace_hours: f64,
    /// How it ended.
    pub outcome: Outcome,
}

impl Episode {
    /// Severity at `at`: 0 outside, 1 where failure becomes likely.
    pub fn severity(&self, at: Micros) -> f64 {
        if at < self.start || at >= self.end {
            return 0.0;
        }
        (at - self.start) as f64 / HOUR as f64 / self.pace_hours
    }
}

/// One loss of service.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Failure {
    /// Index of the site.
    pub site: usize,
    /// The unit that people will find broken.
    pub unit: Unit,
    /// Why.
    pub cause: Cause,
    /// Service lost from here …
    pub start: Micros,
    /// … to here.
    pub end: Micros,
    /// Beginning of the deterioration, if there was one.
    pub precursor: Option<Micros>,
    /// The failure at another site that this one follows from: (site, start).
    pub root: Option<(usize, Micros)>,
}

/// A time without mains or rectifier: the site lives on its battery.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spell {
    /// Index of the site.
    pub site: usize,
    /// [`Cause::Power`] or [`Cause::Rectifier`].
    pub cause: Cause,
    /// Supply gone.
    pub start: Micros,
    /// Supply back.
    pub end: Micros,
    /// When the battery is or would be empty.
    pub empty_at: Micros,
    /// Beginning of the deterioration of the rectifier, if there was one.
    pub precursor: Option<Micros>,
}

/// Everything that breaks.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Losses of service, by start.
    pub failures: Vec<Failure>,
    /// Deteriorations, by site and start.
    pub episodes: Vec<Vec<Episode>>,
    /// Times on battery, by site and start.
    pub spells: Vec<Vec<Spell>>,
    /// Storms of each region, by start.
    pub storms: Vec<Vec<(Micros, Micros)>>,
}
