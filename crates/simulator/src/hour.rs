//! One hour of the whole network: a pure function of the configuration and the hour.

use crate::calendar::{HOUR, Micros};
use crate::capacity::share_load;
use crate::demand::{RegionMoment, offered_mbps};
use crate::equipment::{SiteCounters, simulate_site};
use crate::faults::Unit;
use crate::network::Network;
use crate::radio::{CellCounters, Conditions, simulate_cell};
use crate::state::{QUARTER, SiteState};

/// Granularity periods in an hour.
pub const PERIODS: usize = 4;

/// One granularity period of the network.
#[derive(Debug, Clone)]
pub struct Period {
    /// Start.
    pub start: Micros,
    /// Condition of each site.
    pub states: Vec<SiteState>,
    /// Counters of each site.
    pub sites: Vec<SiteCounters>,
    /// Counters of each cell; none before it is commissioned.
    pub cells: Vec<Option<CellCounters>>,
}

/// Computes the four periods of the hour that begins at `hour`.
pub fn simulate_hour(network: &Network, hour: Micros) -> [Period; PERIODS] {
    let hour = hour - hour.rem_euclid(HOUR);
    std::array::from_fn(|number| simulate_period(network, hour + number as i64 * QUARTER))
}

/// Computes the period that begins at `at`.
pub fn simulate_period(network: &Network, at: Micros) -> Period {
    let layout = &network.layout;
    let moments: Vec<RegionMoment> = layout
        .regions
        .iter()
        .map(|region| RegionMoment::new(region, at, &network.config.demand))
        .collect();
    let states: Vec<SiteState> =
        (0..layout.sites.len()).map(|site| SiteState::new(network, site, at)).collect();
    let traffic = traffic(network, &moments, &states, at);
    let cells: Vec<Option<CellCounters>> = (0..layout.cells.len())
        .map(|cell| {
            let offered = traffic[cell]?;
            let conditions = conditions(network, &states, cell, offered, at);
            let key = layout.cells[cell].key.named("counters").at_time(at / QUARTER);
            Some(simulate_cell(&layout.cells[cell], &conditions, key.stream()))
        })
        .collect();
    let sites = (0..layout.sites.len())
        .map(|index| {
            let site = &layout.sites[index];
            let key = site.key.named("counters").at_time(at / QUARTER);
            let load = site_load(network, &cells, index);
            let local = moments[site.region].local;
            simulate_site(site, &states[index], load, local, at, key.stream())
        })
        .collect();
    Period { start: at, states, sites, cells }
}

/// Offered traffic of every cell in service after losses and what neighbours take over, Mbit/s.
fn traffic(
    network: &Network,
    moments: &[RegionMoment],
    states: &[SiteState],
    at: Micros,
) -> Vec<Option<f64>> {
    let layout = &network.layout;
    let mut wanted = vec![None; layout.cells.len()];
    for (index, sector) in layout.sectors.iter().enumerate() {
        let site = &layout.sites[sector.site];
        let moment = &moments[site.region];
        let mbps =
            offered_mbps(site, sector, network.config.start.0, moment, &network.config.demand);
        for (cell, mbps) in share_load(layout, index, at, mbps) {
            wanted[cell] = Some(mbps);
        }
    }
    let losses: Vec<f64> = (0..wanted.len()).map(|cell| loss(network, states, cell, at)).collect();
    let mut offered = wanted.clone();
    for cell in 0..wanted.len() {
        let Some(mbps) = wanted[cell].filter(|_| losses[cell] > 0.0) else {
            continue;
        };
        // An outage takes available time, a sleeping cell takes traffic.
        let asleep = network.asleep(cell, at).map_or(0.0, |time| time.level.loss());
        offered[cell] = Some(mbps * (1.0 - asleep));
        let moved = mbps * losses[cell] * network.config.sleeping.absorbed;
        hand_over(network, cell, moved, &losses, &mut offered);
    }
    offered
}

/// Share of the traffic that a cell cannot take: asleep or off the air.
fn loss(network: &Network, states: &[SiteState], cell: usize, at: Micros) -> f64 {
    let sector = &network.layout.sectors[network.layout.cells[cell].sector];
    let [fault, manual] = states[sector.site].unavailable_s(sector.number);
    let asleep = network.asleep(cell, at).map_or(0.0, |time| time.level.loss());
    1.0 - (1.0 - (fault + manual) / 900.0) * (1.0 - asleep)
}

/// Spreads traffic over the neighbours in service that are not lost themselves.
fn hand_over(
    network: &Network,
    cell: usize,
    mbps: f64,
    losses: &[f64],
    offered: &mut [Option<f64>],
) {
    let neighbours = &network.neighbours[cell];
    let room = |cell: usize| 1.0 - losses[cell];
    let able = |cell: usize, offered: &[Option<f64>]| offered[cell].is_some() && room(cell) > 0.0;
    let weights = neighbours.iter().filter(|neighbour| able(neighbour.cell, offered));
    let sum: f64 = weights.map(|neighbour| neighbour.weight * room(neighbour.cell)).sum();
    for neighbour in neighbours {
        if let (Some(own), true) = (offered[neighbour.cell], able(neighbour.cell, offered)) {
            let share = neighbour.weight * room(neighbour.cell) / sum;
            offered[neighbour.cell] = Some(own + mbps * share);
        }
    }
}

fn conditions(
    network: &Network,
    states: &[SiteState],
    cell: usize,
    offered_mbps: f64,
    at: Micros,
) -> Conditions {
    let sector = &network.layout.sectors[network.layout.cells[cell].sector];
    let state = &states[sector.site];
    Conditions {
        offered_mbps,
        asleep: network.asleep(cell, at).map_or(0.0, |time| time.level.loss()),
        unavailable_s: state.unavailable_s(sector.number),
        radio: state.severity_of(Unit::Radio(sector.number)),
        backhaul: state.severity_of(Unit::Backhaul),
        baseband: state.severity_of(Unit::Baseband),
    }
}

/// Mean utilisation of the cells of a site, for its power.
fn site_load(network: &Network, cells: &[Option<CellCounters>], site: usize) -> f64 {
    let sectors = &network.layout.sectors[network.layout.sites[site].sectors.clone()];
    let counters =
        sectors.iter().flat_map(|sector| &sector.cells).filter_map(|&cell| cells[cell].as_ref());
    let (used, available) = counters
        .fold((0.0, 0.0), |sum, counters| (sum.0 + counters.prb_dl[0], sum.1 + counters.prb_dl[1]));
    if available > 0.0 { used / available } else { 0.0 }
}
