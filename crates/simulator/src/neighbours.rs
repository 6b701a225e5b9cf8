//! Which cells border each other, and how the traffic of a lost cell spreads over them.

use crate::layout::Layout;

/// A bordering cell with its weight in taking over traffic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// Index of the cell.
    pub cell: usize,
    /// Relative weight; weights of a cell's neighbours are normalised over those in service.
    pub weight: f64,
}

/// Sectors that a sector borders, beyond the other two of its site.
const SECTORS: usize = 6;
/// Kilometres from the mast to the middle of a sector.
const REACH_KM: f64 = 0.45;
/// Kilometres over which a neighbour's share falls to a third.
const DECAY_KM: f64 = 0.8;

/// The neighbours of every cell. Bordering is mutual.
pub fn neighbours(layout: &Layout) -> Vec<Vec<Neighbour>> {
    let middles: Vec<[f64; 2]> =
        layout.sectors.iter().map(|sector| middle(layout, sector)).collect();
    let mut all = vec![Vec::new(); layout.cells.len()];
    for (index, sector) in layout.sectors.iter().enumerate() {
        for (&cell, rank) in sector.cells.iter().zip(0..) {
            for &other in sector.cells.iter().skip(rank + 1) {
                link(&mut all, cell, other, 1.5);
            }
        }
        let region = layout.sites[sector.site].region;
        let mut distances: Vec<(f64, usize)> = (0..layout.sectors.len())
            .filter(|&other| other != index)
            .filter(|&other| layout.sites[layout.sectors[other].site].region == region)
            .map(|other| (distance_km(middles[index], middles[other]), other))
            .collect();
        distances.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for &(distance, other) in distances.iter().take(SECTORS) {
            border(layout, &mut all, [index, other], (-distance / DECAY_KM).exp());
        }
    }
    for list in &mut all {
        list.sort_by_key(|neighbour| neighbour.cell);
    }
    all
}

/// Joins the cells of two sectors: same band first, others with less weight.
fn border(layout: &Layout, all: &mut [Vec<Neighbour>], sectors: [usize; 2], weight: f64) {
    for &a in &layout.sectors[sectors[0]].cells {
        for &b in &layout.sectors[sectors[1]].cells {
            let same = layout.cells[a].band == layout.cells[b].band;
            link(all, a, b, if same { weight } else { 0.4 * weight });
        }
    }
}

fn link(all: &mut [Vec<Neighbour>], a: usize, b: usize, weight: f64) {
    if all[a].iter().any(|neighbour| neighbour.cell == b) {
        return;
    }
    all[a].push(Neighbour { cell: b, weight });
    all[b].push(Neighbour { cell: a, weight });
}

fn middle(layout: &Layout, sector: &crate::layout::Sector) -> [f64; 2] {
    let [latitude, longitude] = layout.sites[sector.site].position;
    let (sin, cos) = sector.azimuth.to_radians().sin_cos();
    [
        latitude + REACH_KM * cos / 111.2,
        longitude + REACH_KM * sin / (111.2 * latitude.to_radians().cos()),
    ]
}

fn distance_km(a: [f64; 2], b: [f64; 2]) -> f64 {
    let north = (a[0] - b[0]) * 111.2;
    let east = (a[1] - b[1]) * 111.2 * a[0].to_radians().cos();
    north.hypot(east)
}
