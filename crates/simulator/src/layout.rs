//! The network as it stands: regions, sites, sectors, cells, equipment, transport and power.

use std::ops::Range;

use crate::calendar::{Clock, Micros};
use crate::random::Key;

mod draw;

/// A radio carrier type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// 3GPP operating band.
    pub name: &'static str,
    /// Channel bandwidth in MHz.
    pub bandwidth_mhz: f64,
    /// Resource blocks.
    pub prb: f64,
    /// Subcarrier spacing in kHz.
    pub spacing_khz: f64,
    /// Share of the time that is downlink (1 = FDD).
    pub downlink_share: f64,
    /// Mean downlink spectral efficiency of a loaded cell, bit/s/Hz.
    pub efficiency: f64,
}

/// 2.1 GHz FDD, 20 MHz.
pub const N1: Band = Band {
    name: "n1",
    bandwidth_mhz: 20.0,
    prb: 106.0,
    spacing_khz: 15.0,
    downlink_share: 1.0,
    efficiency: 2.4,
};
/// 2.6 GHz TDD, 20 MHz.
pub const N38: Band = Band {
    name: "n38",
    bandwidth_mhz: 20.0,
    prb: 51.0,
    spacing_khz: 30.0,
    downlink_share: 0.74,
    efficiency: 2.7,
};
/// 3.5 GHz TDD, 100 MHz.
pub const N78: Band = Band {
    name: "n78",
    bandwidth_mhz: 100.0,
    prb: 273.0,
    spacing_khz: 30.0,
    downlink_share: 0.74,
    efficiency: 3.6,
};

/// What people do around a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiteKind {
    /// Offices and shops.
    Business,
    /// Homes.
    Residential,
    /// Stations and roads.
    Transit,
    /// Stadiums, parks, beaches.
    Leisure,
}

/// A region.
#[derive(Debug, Clone)]
pub struct Region {
    /// Identifier.
    pub id: String,
    /// Its clock and holidays.
    pub clock: Clock,
    /// IANA time zone.
    pub time_zone: String,
    /// Name of the holiday calendar.
    pub holidays: String,
    /// Centre: latitude, longitude.
    pub centre: [f64; 2],
    /// Randomness of the region.
    pub key: Key,
    /// Its sites.
    pub sites: Range<usize>,
}

/// A site: one gNB with three sectors, its equipment and its backhaul link.
#[derive(Debug, Clone)]
pub struct Site {
    /// Identifier, `north/N001`.
    pub id: String,
    /// Name of the network element over time, the first from the beginning.
    pub elements: Vec<(Micros, String)>,
    /// Transport hub over time; none = connected to the core directly.
    pub hubs: Vec<(Micros, Option<usize>)>,
    /// Start of the new software release; none = no upgrade.
    pub upgraded_at: Option<Micros>,
    /// Index of the region.
    pub region: usize,
    /// Power feed that the site shares with its neighbours.
    pub feed: usize,
    /// Surroundings.
    pub kind: SiteKind,
    /// Latitude and longitude.
    pub position: [f64; 2],
    /// Start of service.
    pub commissioned_at: Micros,
    /// Hours that a healthy battery carries the site.
    pub autonomy_hours: f64,
    /// How much more often its units fail than the average.
    pub frailty: f64,
    /// Optical receive power of a healthy link in dBm.
    pub rx_power_dbm: f64,
    /// Randomness of the site.
    pub key: Key,
    /// Its sectors.
    pub sectors: Range<usize>,
}

/// A sector: one radio, one or two carriers.
#[derive(Debug, Clone)]
pub struct Sector {
    /// Identifier, `north/N001/1`.
    pub id: String,
    /// Index of the site.
    pub site: usize,
    /// 1, 2 or 3.
    pub number: usize,
    /// Direction in degrees.
    pub azimuth: f64,
    /// Noise-free demand in the busiest hour of the week at the start, Mbit/s.
    pub peak_mbps: f64,
    /// Growth per year before and after `growth_turn`.
    pub growth: [f64; 2],
    /// When the growth changes.
    pub growth_turn: Micros,
    /// Randomness of the sector.
    pub key: Key,
    /// Its cells, later carriers included.
    pub cells: Vec<usize>,
}

/// A cell: one carrier of a sector.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Identifier, `north/N001/1/n78`.
    pub id: String,
    /// Index of the sector.
    pub sector: usize,
    /// Number in the distinguished name, sector × 10 + carrier.
    pub number: usize,
    /// Its carrier.
    pub band: &'static Band,
    /// Start of service; before it the cell does not exist.
    pub commissioned_at: Micros,
    /// Downlink traffic that fills all resource blocks, Mbit/s.
    pub capacity_mbps: f64,
    /// Preference in load sharing, about 1.
    pub preference: f64,
    /// Randomness of the cell.
    pub key: Key,
}

impl Site {
    /// Name of the network element at `at`.
    pub fn element(&self, at: Micros) -> &str {
        valid(&self.elements, at).map_or("", |name| name.as_str())
    }

    /// The transport hub at `at`.
    pub fn hub(&self, at: Micros) -> Option<usize> {
        valid(&self.hubs, at).copied().flatten()
    }

    /// Name below the region, `N001`.
    pub fn name(&self) -> &str {
        self.id.rsplit('/').next().unwrap_or(&self.id)
    }
}

/// The last value that begins at or before `at`, or the first one.
fn valid<T>(values: &[(Micros, T)], at: Micros) -> Option<&T> {
    let after = values.partition_point(|(from, _)| *from <= at);
    values.get(after.saturating_sub(1)).map(|(_, value)| value)
}

/// All entities of a network before anything happens to them.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    /// Regions.
    pub regions: Vec<Region>,
    /// Sites of all regions.
    pub sites: Vec<Site>,
    /// Sectors of all sites.
    pub sectors: Vec<Sector>,
    /// Cells of all sectors.
    pub cells: Vec<Cell>,
    /// Number of power feeds.
    pub feeds: usize,
}
