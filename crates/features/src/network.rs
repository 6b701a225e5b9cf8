//! The network as it was known at a moment: what stands where, belongs to whom, borders and feeds
//! whom.

mod read;

use std::collections::{BTreeMap, BTreeSet};

use foresite_schema::site_of;

use crate::clock::LocalClock;
use crate::task::Micros;

/// When a row of inventory or topology holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Validity {
    /// Start of validity.
    pub from: Micros,
    /// When the row could be known.
    pub known_at: Micros,
    /// End of validity, exclusive.
    pub to: Option<Micros>,
}

impl Validity {
    /// Whether it holds at `at` for someone who knows what was known then.
    pub fn holds(&self, at: Micros) -> bool {
        self.held(at, at)
    }

    /// Whether it holds at `at` for someone who knows what was known at `known`.
    pub fn held(&self, at: Micros, known: Micros) -> bool {
        self.from <= at && self.known_at <= known && self.to.is_none_or(|to| at < to)
    }
}

/// One state of an entity.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// When the state holds.
    pub validity: Validity,
    /// region, site, sector, cell, unit or link; or what a mapping calls it.
    pub entity_type: String,
    /// The entity above.
    pub parent_id: Option<String>,
    /// Start of service.
    pub commissioned_at: Option<Micros>,
    /// IANA time zone.
    pub time_zone: Option<String>,
    /// Name of the holiday calendar.
    pub holiday_calendar: Option<String>,
    /// Downlink resource blocks: the weight of a carrier in its sector.
    pub prb_count: Option<i32>,
    /// Software release; a change is a change-point of the counters.
    pub software: Option<String>,
}

/// What an edge of the topology means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EdgeKind {
    /// `a` is fed through `b`.
    Backhaul,
    /// `a` draws power from `b`.
    Power,
    /// Cells that hand over to each other.
    Neighbour,
}

/// The entities and edges of a network with their history.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// By entity, in the order of validity.
    states: BTreeMap<String, Vec<State>>,
    /// By the id of either end: the kind, the other end, and when the edge holds.
    edges: BTreeMap<String, Vec<(EdgeKind, String, Validity)>>,
    /// Ids by the parent of any of their states.
    below: BTreeMap<String, BTreeSet<String>>,
}

impl Network {
    /// The state of an entity that holds at `at`; the one that began last wins.
    pub fn state(&self, id: &str, at: Micros) -> Option<&State> {
        self.state_as_known(id, at, at)
    }

    /// The state that held at `at`, as known at `known`.
    pub fn state_as_known(&self, id: &str, at: Micros, known: Micros) -> Option<&State> {
        let states = self.states.get(id)?;
        states.iter().rev().find(|state| state.validity.held(at, known))
    }

    /// Ids of the entities of a type in service at `at`, in order.
    pub fn entities<'a>(
        &'a self,
        entity_type: &'a str,
        at: Micros,
    ) -> impl Iterator<Item = &'a str> {
        self.states
            .keys()
            .filter(move |id| {
                let state = self.state(id, at);
                state.is_some_and(|state| state.entity_type == entity_type)
            })
            .map(String::as_str)
    }

    /// Ids of the entities of a type that ever stood in the inventory, in order.
    pub fn ever<'a>(&'a self, entity_type: &'a str) -> impl Iterator<Item = &'a str> {
        self.states
            .iter()
            .filter(move |(_, states)| states.iter().any(|s| s.entity_type == entity_type))
            .map(|(id, _)| id.as_str())
    }

    /// Whether the inventory ever spoke of the entity.
    pub fn is_listed(&self, id: &str) -> bool {
        self.states.contains_key(id)
    }

    /// Whether the inventory ever spoke of the entity, or of one that belongs to it, by parent or
    /// by name.
    pub fn is_named(&self, id: &str) -> bool {
        let within = format!("{id}/");
        let mut next = self.states.range(within.clone()..).map(|(id, _)| id);
        self.is_listed(id)
            || self.below.contains_key(id)
            || next.next().is_some_and(|id| id.starts_with(&within))
    }

    /// When each entity of a type left service for good, where it did.
    pub fn ends(&self, entity_type: &str) -> BTreeMap<String, Micros> {
        let last = |states: &Vec<State>| states.last().and_then(|state| state.validity.to);
        self.ever(entity_type)
            .filter_map(|id| Some((id.to_owned(), last(self.states.get(id)?)?)))
            .collect()
    }

    /// Ids of one of the types that stand below `id` at `at`, at any depth, in order.
    pub fn below(&self, id: &str, types: &[&str], at: Micros) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut open = vec![id.to_owned()];
        while let Some(parent) = open.pop() {
            for child in self.below.get(&parent).into_iter().flatten() {
                let state = self.state(child, at);
                let Some(state) = state.filter(|s| s.parent_id.as_deref() == Some(&*parent)) else {
                    continue;
                };
                if types.contains(&state.entity_type.as_str()) {
                    found.insert(child.as_str());
                }
                open.push(child.clone());
            }
        }
        found
    }

    /// Ids of a type that ever stood below `id`, at any depth, in order.
    pub fn ever_below(&self, id: &str, entity_type: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut open = vec![id];
        while let Some(parent) = open.pop() {
            for child in self.below.get(parent).into_iter().flatten() {
                let states = self.states.get(child).map_or(&[][..], Vec::as_slice);
                if states.iter().any(|state| state.entity_type == entity_type) {
                    found.insert(child.as_str());
                }
                open.push(child);
            }
        }
        found
    }

    /// Cells that hand over to and from `cell` at `at`, in order.
    pub fn neighbours(&self, cell: &str, at: Micros) -> BTreeSet<&str> {
        self.edges
            .get(cell)
            .into_iter()
            .flatten()
            .filter(|(kind, _, validity)| *kind == EdgeKind::Neighbour && validity.holds(at))
            .map(|(_, other, _)| other.as_str())
            .collect()
    }

    /// Other entities of the same type and site at `at`, in order.
    pub fn same_site(&self, id: &str, at: Micros) -> BTreeSet<&str> {
        let Some(state) = self.state(id, at) else {
            return BTreeSet::new();
        };
        let mut sisters = self.below(site_of(id), &[&state.entity_type], at);
        sisters.remove(id);
        sisters
    }

    /// Moments at which a state or edge begins or ceases to hold, ascending: between two of them
    /// nothing about the network changes.
    pub fn changes(&self) -> Vec<Micros> {
        let states = self.states.values().flatten().map(|state| state.validity);
        let edges = self.edges.values().flatten().map(|(_, _, validity)| *validity);
        let mut moments: Vec<Micros> = states
            .chain(edges)
            .flat_map(|v| [Some(v.from.max(v.known_at)), v.to])
            .flatten()
            .collect();
        moments.sort_unstable();
        moments.dedup();
        moments
    }

    /// The wall clock of an entity: its own, or that of the entity above it.
    ///
    /// The zone that was known first is used for all times: a site does not move, and a
    /// correction must not shift features of the past.
    pub fn clock(&self, id: &str) -> LocalClock {
        let mut at = Some(id);
        while let Some(entity) = at {
            let states = self.states.get(entity).map_or(&[][..], Vec::as_slice);
            let with_zone = states.iter().filter(|state| state.time_zone.is_some());
            if let Some(state) = with_zone.min_by_key(|state| state.validity.known_at) {
                let zone = state.time_zone.as_deref().unwrap_or("UTC");
                let calendar = state.holiday_calendar.as_deref().unwrap_or_default();
                return LocalClock::new(zone, calendar).unwrap_or_default();
            }
            let parent = states.first().and_then(|state| state.parent_id.as_deref());
            at = parent.or_else(|| entity.rsplit_once('/').map(|(above, _)| above));
        }
        LocalClock::default()
    }

    /// Groups that must not be torn apart: sites that share power or backhaul, by site id.
    ///
    /// An edge on a region would tie the whole network together and is left out.
    pub fn fate_groups(&self) -> BTreeMap<&str, &str> {
        let mut group: BTreeMap<&str, &str> = BTreeMap::new();
        let shared = self.edges.iter().flat_map(|(a, edges)| {
            edges
                .iter()
                .filter(|(kind, ..)| *kind != EdgeKind::Neighbour)
                .map(move |(_, b, _)| (site_of(a), site_of(b)))
        });
        let is_region = |id: &str| {
            let states = self.states.get(id);
            states.is_some_and(|states| states.iter().any(|s| s.entity_type == "region"))
        };
        for (a, b) in shared.filter(|(a, b)| !is_region(a) && !is_region(b)) {
            let (root_a, root_b) = (root(&group, a), root(&group, b));
            group.insert(root_a.max(root_b), root_a.min(root_b));
        }
        let sites: BTreeSet<&str> = self.states.keys().map(|id| site_of(id)).collect();
        sites.into_iter().map(|site| (site, root(&group, site))).collect()
    }
}

#[cfg(test)]
impl Network {
    /// Edges that always hold.
    pub(crate) fn of_neighbours(edges: &[(&str, &str, EdgeKind)]) -> Self {
        let validity = Validity { from: Micros::MIN, known_at: Micros::MIN, to: None };
        let mut network = Self::default();
        for (a, b, kind) in edges {
            for (from, to) in [(a, b), (b, a)] {
                let edges = network.edges.entry((*from).to_owned()).or_default();
                edges.push((*kind, (*to).to_owned(), validity));
            }
        }
        network
    }
}

fn root<'a>(group: &BTreeMap<&'a str, &'a str>, id: &'a str) -> &'a str {
    let mut at = id;
    while let Some(above) = group.get(at).filter(|above| **above != at) {
        at = above;
    }
    at
}

#[cfg(test)]
mod tests;
