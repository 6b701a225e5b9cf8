//! `inventory` and `topology_edges` as they stand at the cutoff.

use std::collections::BTreeMap;

use foresite_schema::catalog::raw;
use foresite_stage::Result;
use foresite_tables::Read;

use super::{Reader, Rows};
use crate::clock::Micros;
use crate::network::{Edge, EdgeKind, Entity, Network};

impl Reader<'_> {
    /// The network at the cutoff.
    pub(crate) fn network(&mut self) -> Result<Network> {
        let entities = match self.resolved(raw::inventory(), Read::all())? {
            Some(rows) => entities(&Rows::of(&rows), self.cutoff)?,
            None => Vec::new(),
        };
        let edges = match self.resolved(raw::topology_edges(), Read::all())? {
            Some(rows) => edges(&Rows::of(&rows), self.cutoff)?,
            None => Vec::new(),
        };
        Ok(Network::new(entities, edges))
    }
}

/// The state of each entity that holds at the cutoff; of several the one that began last.
fn entities(rows: &Rows<'_>, cutoff: Micros) -> Result<Vec<Entity>> {
    let [id, kind, parent, name] = [
        rows.text("entity_id")?,
        rows.text("entity_type")?,
        rows.text("parent_id")?,
        rows.text("name")?,
    ];
    let [band, hardware, zone] =
        [rows.text("band")?, rows.text("hardware")?, rows.text("time_zone")?];
    let [latitude, longitude, bandwidth] =
        [rows.doubles("latitude")?, rows.doubles("longitude")?, rows.doubles("bandwidth_mhz")?];
    let mut newest: BTreeMap<String, (Micros, Entity)> = BTreeMap::new();
    for (row, from) in valid_rows(rows, cutoff)? {
        let entity = Entity {
            entity_type: kind.owned(row),
            id: id.owned(row),
            parent_id: parent.filled(row),
            name: name.filled(row),
            latitude: latitude.at(row),
            longitude: longitude.at(row),
            band: band.filled(row),
            bandwidth_mhz: bandwidth.at(row),
            hardware: hardware.filled(row),
            time_zone: zone.filled(row),
        };
        match newest.get(&entity.id) {
            Some((have, _)) if *have > from => {}
            _ => {
                newest.insert(entity.id.clone(), (from, entity));
            }
        }
    }
    Ok(newest.into_values().map(|(_, entity)| entity).collect())
}

fn edges(rows: &Rows<'_>, cutoff: Micros) -> Result<Vec<Edge>> {
    let [a, b, kind] = [rows.text("a_id")?, rows.text("b_id")?, rows.text("kind")?];
    let edges = valid_rows(rows, cutoff)?.into_iter().filter_map(|(row, _)| {
        let kind = EdgeKind::from_word(kind.at(row)?)?;
        Some(Edge { a_id: a.owned(row), b_id: b.owned(row), kind })
    });
    Ok(edges.collect())
}

/// Rows whose validity covers the cutoff, with its start.
fn valid_rows(rows: &Rows<'_>, cutoff: Micros) -> Result<Vec<(usize, Micros)>> {
    let (from, to) = (rows.times("valid_from")?, rows.times("valid_to")?);
    Ok((0..rows.len())
        .map(|row| (row, from.required(row)))
        .filter(|(row, from)| *from <= cutoff && to.at(*row).is_none_or(|to| cutoff < to))
        .collect())
}
