//! How full a sector is: load sharing, saturation, and the noise-free truth about its busy hour.

use crate::calendar::{DAY, HOUR, Micros, next_midnight};
use crate::demand::expected_mbps;
use crate::layout::Layout;

/// Share of the resource blocks that is taken without any traffic: broadcast, paging, reference.
pub const OVERHEAD: f64 = 0.03;
/// Limit of the busy hour in per cent of the resource blocks.
pub const LIMIT: f64 = 70.0;

/// Load that is served when `load` is wanted, both as shares of the capacity: nearly all while
/// there is room, towards 1 as demand passes it.
pub fn served(load: f64) -> f64 {
    load / (1.0 + load.powi(6)).powf(1.0 / 6.0)
}

/// Share of the resource blocks in use at a served load.
pub fn utilisation(served: f64) -> f64 {
    OVERHEAD + (1.0 - OVERHEAD) * served
}

/// Splits the demand of a sector over its carriers in service: (cell, Mbit/s).
pub fn share_load(
    layout: &Layout,
    sector: usize,
    at: Micros,
    mbps: f64,
) -> impl Iterator<Item = (usize, f64)> {
    let in_service = move |cell: &usize| layout.cells[*cell].commissioned_at <= at;
    let weight =
        move |cell: usize| layout.cells[cell].capacity_mbps * layout.cells[cell].preference;
    let cells = &layout.sectors[sector].cells;
    let sum: f64 = cells.iter().copied().filter(in_service).map(weight).sum();
    let shares = cells.iter().copied().filter(in_service);
    shares.map(move |cell| (cell, mbps * weight(cell) / sum))
}

/// Noise-free utilisation of a sector in per cent: all its carriers together.
pub fn expected_utilisation(layout: &Layout, sector: usize, start: Micros, at: Micros) -> f64 {
    let entity = &layout.sectors[sector];
    let site = &layout.sites[entity.site];
    let local = layout.regions[site.region].clock.local(at);
    let mbps = expected_mbps(site, entity, start, at, local);
    let (used, available) =
        share_load(layout, sector, at, mbps).fold((0.0, 0.0), |sum, (cell, mbps)| {
            let cell = &layout.cells[cell];
            let used = cell.band.prb * utilisation(served(mbps / cell.capacity_mbps));
            (sum.0 + used, sum.1 + cell.band.prb)
        });
    100.0 * used / available
}

/// Noise-free utilisation in the busiest hour of the UTC day that begins at `day`.
pub fn expected_busy_hour(layout: &Layout, sector: usize, start: Micros, day: Micros) -> f64 {
    (0..24)
        .map(|hour| expected_utilisation(layout, sector, start, day + hour * HOUR + HOUR / 2))
        .fold(0.0, f64::max)
}

/// The first day from `from` on which the noise-free busy hour passes `limit` per cent.
pub fn first_day_over(
    layout: &Layout,
    sector: usize,
    start: Micros,
    [from, until]: [Micros; 2],
    limit: f64,
) -> Option<Micros> {
    let first = next_midnight(from);
    let days = (until - first).div_euclid(DAY).max(0);
    (0..days)
        .map(|day| first + day * DAY)
        .find(|day| expected_busy_hour(layout, sector, start, *day) > limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_saturates() {
        assert!((served(0.3) - 0.3).abs() < 1e-3);
        assert!(served(0.7) > 0.68);
        assert!(served(1.5) > 0.97 && served(1.5) < 1.0);
        assert!(utilisation(served(3.0)) > 0.999);
    }
}
