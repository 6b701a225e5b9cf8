//! The network as it stands: regions, sites, sectors, cells, equipment, transport and power.

use std::ops::Range;

use jiff::tz::TimeZone;

use crate::calendar::{Clock, DAY, Holidays, Micros};
use crate::config::Config;
use crate::random::{Key, Stream};

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

impl Layout {
    /// Draws the network of a configuration.
    pub fn draw(config: &Config) -> Self {
        let mut layout = Self::default();
        for region in &config.regions {
            let key = Key::root(config.seed).named(&region.name);
            let zone = TimeZone::get(&region.time_zone).unwrap_or(TimeZone::UTC);
            let holidays = Holidays::named(&region.holidays).unwrap_or(Holidays::None);
            let first = layout.sites.len();
            layout.regions.push(Region {
                id: region.name.clone(),
                clock: Clock::new(zone, holidays),
                time_zone: region.time_zone.clone(),
                holidays: region.holidays.clone(),
                centre: [region.latitude, region.longitude],
                key,
                sites: first..first + region.sites,
            });
            for number in 0..region.sites {
                let id = format!("{}/{}{:03}", region.name, region.prefix, number + 1);
                layout.add_site(config, id, number);
            }
            layout.feeds += region.sites.div_ceil(SITES_PER_FEED);
        }
        layout
    }

    fn add_site(&mut self, config: &Config, id: String, number: usize) {
        let region_index = self.regions.len() - 1;
        let region = &self.regions[region_index];
        let key = region.key.at(number as u64);
        let mut draw = key.named("site").stream();
        let hub = (!number.is_multiple_of(SITES_PER_HUB))
            .then(|| region.sites.start + number / SITES_PER_HUB * SITES_PER_HUB);
        let kind = match number % 5 {
            0 => SiteKind::Business,
            1 | 3 => SiteKind::Residential,
            2 => SiteKind::Transit,
            _ => SiteKind::Leisure,
        };
        let name = id.rsplit('/').next().unwrap_or(&id).to_owned();
        let first_sector = self.sectors.len();
        self.sites.push(Site {
            elements: vec![(Micros::MIN, name)],
            hubs: vec![(Micros::MIN, hub)],
            upgraded_at: None,
            region: region_index,
            feed: self.feeds + number / SITES_PER_FEED,
            kind,
            position: spiral(region.centre, number, &mut draw),
            commissioned_at: config.start.0 - DAY * (200 + draw.below(1800) as i64),
            autonomy_hours: draw.between(3.0, 7.0),
            frailty: draw.frailty(),
            rx_power_dbm: draw.between(-13.0, -6.0),
            key,
            sectors: first_sector..first_sector + 3,
            id,
        });
        let turn = draw.between(0.0, 360.0);
        let layer = draw.uniform();
        for sector in 1..=3 {
            self.add_sector(config, sector, turn, layer);
        }
    }

    fn add_sector(&mut self, config: &Config, number: usize, turn: f64, layer: f64) {
        let site = self.sites.len() - 1;
        let key = self.sites[site].key.named("sector").at(number as u64);
        let mut draw = key.stream();
        let bands: &[&Band] = match layer {
            _ if layer < 0.45 => &[&N1],
            _ if layer < 0.65 => &[&N38],
            _ => &[&N1, &N78],
        };
        let id = format!("{}/{number}", self.sites[site].id);
        let commissioned_at = self.sites[site].commissioned_at;
        let demand = &config.demand;
        let growth = demand.growth_per_year + demand.growth_spread * draw.normal();
        let later = growth * draw.between(0.5, 1.5);
        let span = (config.end.0 - config.start.0) as f64;
        let mut sector = Sector {
            site,
            number,
            azimuth: (turn + 120.0 * (number as f64 - 1.0)).rem_euclid(360.0).round(),
            peak_mbps: demand.busy_hour_load * draw.log_normal(1.0, demand.load_spread),
            growth: [growth.max(-0.2), later.max(-0.2)],
            growth_turn: config.start.0 + (draw.between(0.2, 0.9) * span) as i64,
            key,
            cells: Vec::new(),
            id,
        };
        let cells: Vec<Cell> = bands
            .iter()
            .enumerate()
            .map(|(carrier, band)| {
                carrier_of(&sector, self.sectors.len(), band, carrier, commissioned_at)
            })
            .collect();
        // A load was drawn; it becomes traffic once the capacity is known.
        sector.peak_mbps *= cells.iter().map(|cell| cell.capacity_mbps).sum::<f64>();
        sector.cells = (self.cells.len()..self.cells.len() + cells.len()).collect();
        self.cells.extend(cells);
        self.sectors.push(sector);
    }

    /// Adds a carrier to a sector that has one.
    pub fn add_carrier(&mut self, sector_index: usize, at: Micros) {
        let sector = &self.sectors[sector_index];
        let has = |band: &Band| sector.cells.iter().any(|&cell| self.cells[cell].band == band);
        let band = if has(&N1) { &N78 } else { &N1 };
        let cell = carrier_of(sector, sector_index, band, sector.cells.len(), at);
        self.sectors[sector_index].cells.push(self.cells.len());
        self.cells.push(cell);
    }
}

const SITES_PER_HUB: usize = 5;
const SITES_PER_FEED: usize = 2;

fn carrier_of(
    sector: &Sector,
    sector_index: usize,
    band: &'static Band,
    carrier: usize,
    commissioned_at: Micros,
) -> Cell {
    let key = sector.key.named(band.name);
    let mut draw = key.named("cell").stream();
    let hertz = band.prb * 12_000.0 * band.spacing_khz * band.downlink_share;
    Cell {
        id: format!("{}/{}", sector.id, band.name),
        sector: sector_index,
        number: sector.number * 10 + carrier + 1,
        band,
        commissioned_at,
        capacity_mbps: hertz * band.efficiency * draw.between(0.85, 1.15) / 1e6,
        preference: draw.between(0.9, 1.1),
        key,
    }
}

/// Places sites on a sunflower spiral, about 1.5 km apart, with some jitter.
fn spiral(centre: [f64; 2], number: usize, draw: &mut Stream) -> [f64; 2] {
    const GOLDEN_ANGLE: f64 = 2.399_963_229_728_653;
    let radius_km = 0.9 * (number as f64 + 0.5).sqrt() + draw.between(-0.15, 0.15);
    let angle = GOLDEN_ANGLE * number as f64 + draw.between(-0.1, 0.1);
    let latitude = centre[0] + radius_km * angle.sin() / 111.2;
    let longitude = centre[1] + radius_km * angle.cos() / (111.2 * centre[0].to_radians().cos());
    [(latitude * 1e5).round() / 1e5, (longitude * 1e5).round() / 1e5]
}
