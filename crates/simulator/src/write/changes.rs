//! Every state that inventory, topology and the object list ever show, with its time of recording.
//!
//! A state that ends is written twice: when it begins, open, and when it is replaced, with its end.

use std::collections::BTreeSet;

use super::counters::{NEW_RELEASE, OLD_RELEASE, VENDOR};
use super::csv::{optional_stamp, stamp};
use super::states::Row;
pub(super) use super::states::Table;
use crate::calendar::{HOUR, Micros};
use crate::faults::Unit;
use crate::layout::{Cell, Sector, Site, SiteKind};
use crate::network::Network;

/// One row of one file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    /// The file.
    pub(super) table: Table,
    /// When it was recorded.
    pub(super) recorded_at: Micros,
    /// All fields but `recorded_at`.
    pub(super) fields: Vec<String>,
}

/// What the clerk needs after a change until it stands in the inventory.
const CLERK: Micros = 2 * HOUR;

/// All rows, by time of recording.
pub(super) fn changes(network: &Network) -> Vec<Change> {
    let mut book = Book { network, changes: Vec::new() };
    for region in &network.layout.regions {
        let mut row = Row::new("region", &region.id, "");
        row.name = region.id.clone();
        row.position = Some(region.centre);
        row.zone = [region.time_zone.clone(), region.holidays.clone()];
        book.inventory(row, network.config.start.0, None);
    }
    book.feeds();
    for site in &network.layout.sites {
        book.site(site);
    }
    for cell in 0..network.layout.cells.len() {
        book.neighbours(cell);
    }
    let mut changes = book.changes;
    changes.sort_by(|a, b| {
        (a.recorded_at, a.table, &a.fields).cmp(&(b.recorded_at, b.table, &b.fields))
    });
    changes
}

struct Book<'a> {
    network: &'a Network,
    changes: Vec<Change>,
}

impl Book<'_> {
    /// Records a state: now, and again when it ends.
    fn record(
        &mut self,
        table: Table,
        [from, to]: [Option<Micros>; 2],
        fields: impl Fn(Micros, Option<Micros>) -> Vec<String>,
    ) {
        let start = self.network.config.start.0;
        let from = from.unwrap_or(start);
        let known = |at: Micros| if at <= start { start } else { at + CLERK };
        let recorded_at = known(from);
        self.changes.push(Change { table, recorded_at, fields: fields(from, None) });
        if let Some(end) = to {
            let recorded_at = known(end);
            self.changes.push(Change { table, recorded_at, fields: fields(from, to) });
        }
    }

    fn inventory(&mut self, row: Row, from: Micros, to: Option<Micros>) {
        self.record(Table::Inventory, [Some(from), to], |from, to| row.clone().fields(from, to));
    }

    fn edge(&mut self, a: &str, b: &str, kind: &str, [from, to]: [Option<Micros>; 2]) {
        self.record(Table::Topology, [from, to], |from, to| {
            vec![a.into(), b.into(), kind.into(), stamp(from), optional_stamp(to)]
        });
    }

    fn feeds(&mut self) {
        let mut seen = BTreeSet::new();
        for site in &self.network.layout.sites {
            if seen.insert(site.feed) {
                let region = self.region(site).to_owned();
                let mut row = Row::new("unit", &self.feed(site), &region);
                row.product[1] = "medium-voltage feed".into();
                self.inventory(row, self.network.config.start.0, None);
            }
        }
    }

    fn region(&self, site: &Site) -> &str {
        &self.network.layout.regions[site.region].id
    }

    fn feed(&self, site: &Site) -> String {
        format!("{}/feed-{:02}", self.region(site), site.feed + 1)
    }

    fn site(&mut self, site: &Site) {
        let network = self.network;
        let region = &network.layout.regions[site.region];
        let mut row = Row::new("site", &site.id, &region.id);
        row.position = Some(site.position);
        row.product = [VENDOR.into(), hardware(site).into(), OLD_RELEASE.into()];
        row.commissioned_at = Some(site.commissioned_at);
        row.zone = [region.time_zone.clone(), region.holidays.clone()];
        self.inventory(row.clone(), site.commissioned_at, site.upgraded_at);
        if let Some(at) = site.upgraded_at {
            row.product[2] = NEW_RELEASE.into();
            self.inventory(row, at, None);
        }
        self.equipment(site);
        self.edge(&site.id, &self.feed(site), "power", [Some(site.commissioned_at), None]);
        self.backhaul(site);
        self.objects(site, "", "ManagedElement", ["site", &site.id], site.commissioned_at);
        for sector in &network.layout.sectors[site.sectors.clone()] {
            self.sector(site, sector);
        }
    }

    fn equipment(&mut self, site: &Site) {
        for unit in Unit::ALL {
            let id = format!("{}/{}", site.id, unit.name());
            let mut row = Row::new(unit.entity_type(), &id, &site.id);
            row.product = [VENDOR.into(), model(unit).into(), String::new()];
            row.commissioned_at = Some(site.commissioned_at);
            self.inventory(row, site.commissioned_at, None);
            if matches!(unit, Unit::Battery | Unit::Rectifier) {
                self.edge(&site.id, &id, "power", [Some(site.commissioned_at), None]);
            }
        }
    }

    /// Site → its link → the hub, or the region's core.
    fn backhaul(&mut self, site: &Site) {
        let link = format!("{}/{}", site.id, Unit::Backhaul.name());
        self.edge(&site.id, &link, "backhaul", [Some(site.commissioned_at), None]);
        for (index, (from, hub)) in site.hubs.iter().enumerate() {
            let to = site.hubs.get(index + 1).map(|(next, _)| *next);
            let target = hub.map_or(self.region(site), |hub| &self.network.layout.sites[hub].id);
            let target = target.to_owned();
            let from = (*from).max(site.commissioned_at);
            self.edge(&link, &target, "backhaul", [Some(from), to]);
        }
    }

    fn sector(&mut self, site: &Site, sector: &Sector) {
        let mut row = Row::new("sector", &sector.id, &site.id);
        row.azimuth = sector.azimuth.to_string();
        row.position = Some(site.position);
        row.commissioned_at = Some(site.commissioned_at);
        self.inventory(row, site.commissioned_at, None);
        for &cell in &sector.cells {
            let cell = &self.network.layout.cells[cell];
            self.cell(site, sector, cell);
        }
    }

    fn cell(&mut self, site: &Site, sector: &Sector, cell: &Cell) {
        if cell.commissioned_at >= self.network.until {
            return;
        }
        let mut row = Row::new("cell", &cell.id, &sector.id);
        row.azimuth = sector.azimuth.to_string();
        row.position = Some(site.position);
        let band = cell.band;
        row.radio =
            ["NR".into(), band.name.into(), band.bandwidth_mhz.to_string(), band.prb.to_string()];
        row.product[0] = VENDOR.into();
        row.commissioned_at = Some(cell.commissioned_at);
        self.inventory(row, cell.commissioned_at, None);
        let entity = ["cell", cell.id.as_str()];
        for class in ["NRCellDU", "NRCellCU"] {
            let function = if class == "NRCellDU" { "GNBDUFunction" } else { "GNBCUCPFunction" };
            let ldn = format!("{function}=1,{class}={}", cell.number);
            self.objects(site, &ldn, class, entity, cell.commissioned_at);
        }
    }

    /// An object under every element name that the site ever had.
    fn objects(&mut self, site: &Site, ldn: &str, class: &str, entity: [&str; 2], since: Micros) {
        let region = self.region(site).to_owned();
        for (index, (from, element)) in site.elements.iter().enumerate() {
            let to = site.elements.get(index + 1).map(|(next, _)| *next);
            if to.is_some_and(|to| to <= since) {
                continue;
            }
            let dn = format!("SubNetwork={region},ManagedElement={element}");
            self.record(Table::Objects, [Some((*from).max(since)), to], |from, to| {
                let fields = [&dn, ldn, class, entity[0], entity[1]].map(String::from);
                fields.into_iter().chain([stamp(from), optional_stamp(to)]).collect()
            });
        }
    }

    fn neighbours(&mut self, cell: usize) {
        let network = self.network;
        let own = &network.layout.cells[cell];
        for neighbour in network.neighbours[cell].iter().filter(|other| other.cell > cell) {
            let other = &network.layout.cells[neighbour.cell];
            let [a, b] = if own.id < other.id { [own, other] } else { [other, own] };
            let since = own.commissioned_at.max(other.commissioned_at);
            self.edge(&a.id, &b.id, "neighbour", [Some(since), None]);
        }
    }
}

fn hardware(site: &Site) -> &'static str {
    match site.kind {
        SiteKind::Business | SiteKind::Transit => "FM-31 macro",
        SiteKind::Residential | SiteKind::Leisure => "FM-21 macro",
    }
}

fn model(unit: Unit) -> &'static str {
    match unit {
        Unit::Battery => "VRLA 48V 190Ah",
        Unit::Rectifier => "R48-3000",
        Unit::Fan => "FT-4",
        Unit::Baseband => "FB-60",
        Unit::Radio(_) => "FR-48",
        Unit::Backhaul => "SFP+ 10GBASE-LR",
    }
}
