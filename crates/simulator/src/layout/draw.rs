//! Draws the entities: sites on a spiral around the centre of their region, every fifth a hub, two
//! on one power feed, three sectors with one or two carriers each.

use jiff::tz::TimeZone;

use super::{Band, Cell, Layout, N1, N38, N78, Region, Sector, Site, SiteKind};
use crate::calendar::{self, Clock, DAY, HOUR, Holidays, Micros};
use crate::config::Config;
use crate::random::{Key, Stream};

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
            _ if layer < 0.40 => &[&N1],
            _ if layer < 0.55 => &[&N38],
            _ => &[&N1, &N78],
        };
        let id = format!("{}/{number}", self.sites[site].id);
        let commissioned_at = self.sites[site].commissioned_at;
        let demand = &config.demand;
        let growth = demand.growth_per_year + demand.growth_spread * draw.normal();
        let later = growth * draw.between(0.5, 1.5);
        let span_hours = (config.end.0 - config.start.0) as f64 / HOUR as f64;
        let mut sector = Sector {
            site,
            number,
            azimuth: (turn + 120.0 * (number as f64 - 1.0)).rem_euclid(360.0).round(),
            peak_mbps: demand.busy_hour_load * draw.log_normal(1.0, demand.load_spread),
            growth: [growth.max(-0.2), later.max(-0.2)],
            growth_turn: config.start.0 + calendar::hours(draw.between(0.2, 0.9) * span_hours),
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
