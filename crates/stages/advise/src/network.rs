//! The network as advise sees it: who is part of whom, who depends on whom, who borders whom.
//!
//! Containment comes from `inventory` (parent ids), dependence and neighbourhood from
//! `topology_edges`. Everything is kept in ordered maps, so that equal inputs give equal reports.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use crate::clock;

/// One entity of the inventory, as it stands at the cutoff.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Entity {
    /// `region`, `site`, `sector`, `cell`, `unit` or `link`.
    pub entity_type: String,
    /// Identifier.
    pub id: String,
    /// The entity above.
    pub parent_id: Option<String>,
    /// Name for people.
    pub name: Option<String>,
    /// WGS 84 latitude.
    pub latitude: Option<f64>,
    /// WGS 84 longitude.
    pub longitude: Option<f64>,
    /// Operating band, of a cell.
    pub band: Option<String>,
    /// Channel bandwidth, of a cell.
    pub bandwidth_mhz: Option<f64>,
    /// Hardware model.
    pub hardware: Option<String>,
    /// IANA time zone.
    pub time_zone: Option<String>,
}

/// What a topology edge means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EdgeKind {
    /// The first needs the second for transport.
    Backhaul,
    /// The first needs the second for power.
    Power,
    /// Both border each other.
    Neighbour,
}

impl EdgeKind {
    /// The kind that `topology_edges.kind` names; `None` for a word of another release.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "backhaul" => Some(Self::Backhaul),
            "power" => Some(Self::Power),
            "neighbour" => Some(Self::Neighbour),
            _ => None,
        }
    }
}

/// One edge of `topology_edges`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The depending entity, or one neighbour.
    pub a_id: String,
    /// The entity depended on, or the other neighbour.
    pub b_id: String,
    /// What it means.
    pub kind: EdgeKind,
}

/// Inventory and topology at the cutoff.
#[derive(Debug, Clone, Default)]
pub struct Network {
    entities: BTreeMap<String, Entity>,
    children: BTreeMap<String, BTreeSet<String>>,
    needs: BTreeMap<String, BTreeSet<String>>,
    needed_by: BTreeMap<String, BTreeSet<String>>,
    neighbours: BTreeMap<String, BTreeSet<String>>,
}

impl Network {
    /// Builds the maps from rows.
    pub fn new(
        entities: impl IntoIterator<Item = Entity>,
        edges: impl IntoIterator<Item = Edge>,
    ) -> Self {
        let mut network = Self::default();
        for entity in entities {
            if let Some(parent) = &entity.parent_id {
                link(&mut network.children, parent, &entity.id);
            }
            network.entities.insert(entity.id.clone(), entity);
        }
        for Edge { a_id, b_id, kind } in edges {
            if kind == EdgeKind::Neighbour {
                link(&mut network.neighbours, &a_id, &b_id);
                link(&mut network.neighbours, &b_id, &a_id);
            } else {
                link(&mut network.needs, &a_id, &b_id);
                link(&mut network.needed_by, &b_id, &a_id);
            }
        }
        network
    }

    /// The entity of that id.
    pub fn entity(&self, id: &str) -> Option<&Entity> {
        self.entities.get(id)
    }

    /// Whether the inventory has the entity, or says that something is inside it.
    pub fn knows(&self, id: &str) -> bool {
        self.entities.contains_key(id) || self.children.contains_key(id)
    }

    /// All entities of a type, ordered by id.
    pub fn of_type<'a>(&'a self, entity_type: &'a str) -> impl Iterator<Item = &'a Entity> {
        self.entities.values().filter(move |entity| entity.entity_type == entity_type)
    }

    /// The entity and everything above it, nearest first.
    pub fn path_up<'a>(&'a self, id: &'a str) -> Vec<&'a str> {
        let mut path = vec![id];
        let mut at = id;
        while let Some(parent) = self.parent(at) {
            if path.contains(&parent) {
                break;
            }
            path.push(parent);
            at = parent;
        }
        path
    }

    /// The site that an entity stands on; the id itself where it stands on none.
    pub fn site_of<'a>(&'a self, id: &'a str) -> &'a str {
        self.path_up(id)
            .into_iter()
            .find(|above| self.type_of(above) == Some("site"))
            .unwrap_or_else(|| foresite_schema::site_of(id))
    }

    /// The entity itself and everything inside it.
    pub fn inside(&self, id: &str) -> BTreeSet<String> {
        spread(id, |at| self.children.get(at))
    }

    /// The cells inside an entity; the entity itself where the inventory knows none.
    pub fn cells_inside(&self, id: &str) -> BTreeSet<String> {
        self.cells_among(id, self.inside(id))
    }

    /// The cells that fall with an entity: those inside it and inside whatever depends on it.
    pub fn cells_behind(&self, id: &str) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        for part in spread(id, |at| self.needed_by.get(at)) {
            reached.extend(self.inside(&part));
        }
        self.cells_among(id, reached)
    }

    /// Sites that fall with a shared entity.
    pub fn sites_behind(&self, shared: &str) -> BTreeSet<&str> {
        spread(shared, |at| self.needed_by.get(at))
            .iter()
            .filter_map(|id| self.entities.get_key_value(id.as_str()))
            .map(|(id, _)| self.site_of(id))
            .filter(|site| self.type_of(site) == Some("site"))
            .collect()
    }

    /// Everything that a site or its parts depend on for power and transport, however far.
    pub fn needs_of(&self, site: &str) -> BTreeSet<String> {
        let parts = self.inside(site);
        let mut needed = BTreeSet::new();
        for part in &parts {
            needed.extend(spread(part, |at| self.needs.get(at)));
        }
        needed.retain(|id| !parts.contains(id));
        needed
    }

    /// The neighbours of a cell or site.
    pub fn neighbours(&self, id: &str) -> impl Iterator<Item = &str> {
        self.neighbours.get(id).into_iter().flatten().map(String::as_str)
    }

    /// Whether two cells or sites border each other.
    pub fn are_neighbours(&self, a: &str, b: &str) -> bool {
        self.neighbours.get(a).is_some_and(|of_a| of_a.contains(b))
    }

    /// The time zone of the entity's site; UTC where the inventory names none.
    pub fn time_zone(&self, id: &str) -> TimeZone {
        let name = self
            .path_up(id)
            .into_iter()
            .chain([foresite_schema::site_of(id)])
            .find_map(|above| self.entity(above)?.time_zone.as_deref());
        clock::zone(name)
    }

    /// The name for people, with the site's name where it has one: `Harbour · sector 2 · n78`; of
    /// what stands on no site with the region's: `North · feed-03`.
    pub fn label(&self, id: &str) -> String {
        let site = self.site_of(id);
        // Of what stands on no site, the id itself counts as one.
        if id == site && self.type_of(id) != Some("site") {
            return self.label_off_site(id);
        }
        let site_name = self
            .entity(site)
            .and_then(|entity| entity.name.clone())
            .unwrap_or_else(|| site.to_owned());
        if id == site {
            return site_name;
        }
        let Some(inside) = id.strip_prefix(site).and_then(|rest| rest.strip_prefix('/')) else {
            return self.label_off_site(id);
        };
        format!("{site_name} · {}", self.part_label(site, inside))
    }

    fn label_off_site(&self, id: &str) -> String {
        let name = |id: &str| self.entity(id).and_then(|entity| entity.name.clone());
        let region = self.region_of(id).filter(|region| *region != id);
        match (name(id), region) {
            (Some(own), Some(region)) => {
                format!("{} · {own}", name(region).unwrap_or_else(|| region.to_owned()))
            }
            (Some(own), None) => own,
            // An id of its own tells the region already.
            (None, _) => id.to_owned(),
        }
    }

    /// The name of a part within its site: `sector 2 · n78`.
    pub fn part_label(&self, site: &str, inside: &str) -> String {
        let mut path = site.to_owned();
        let parts: Vec<String> = inside
            .split('/')
            .map(|part| {
                path = format!("{path}/{part}");
                match self.type_of(&path) {
                    Some("sector") => format!("sector {part}"),
                    _ => part.to_owned(),
                }
            })
            .collect();
        parts.join(" · ")
    }

    /// The type of an entity.
    pub fn type_of(&self, id: &str) -> Option<&str> {
        self.entity(id).map(|entity| entity.entity_type.as_str())
    }

    /// The region of an entity, for headings.
    pub fn region_of<'a>(&'a self, id: &'a str) -> Option<&'a str> {
        self.path_up(id).into_iter().find(|above| self.type_of(above) == Some("region"))
    }

    fn parent<'a>(&'a self, id: &str) -> Option<&'a str> {
        self.entity(id)?.parent_id.as_deref()
    }

    fn cells_among(&self, id: &str, reached: BTreeSet<String>) -> BTreeSet<String> {
        let cells: BTreeSet<_> =
            reached.into_iter().filter(|part| self.type_of(part) == Some("cell")).collect();
        if cells.is_empty() { BTreeSet::from([id.to_owned()]) } else { cells }
    }
}

fn link(map: &mut BTreeMap<String, BTreeSet<String>>, from: &str, to: &str) {
    map.entry(from.to_owned()).or_default().insert(to.to_owned());
}

/// `start` and all that `next` leads to; loops in the data end the walk.
fn spread<'a>(
    start: &str,
    next: impl Fn(&str) -> Option<&'a BTreeSet<String>>,
) -> BTreeSet<String> {
    let mut seen = BTreeSet::from([start.to_owned()]);
    let mut open = vec![start.to_owned()];
    while let Some(at) = open.pop() {
        for found in next(&at).into_iter().flatten() {
            if seen.insert(found.clone()) {
                open.push(found.clone());
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests;
