//! Sectors, sites and regions: members added up by numerator and denominator.

use std::collections::BTreeMap;

use crate::bitemporal::distinct;
use crate::catalogue::Catalogue;
use crate::grid::add;
use crate::hierarchy::{GROUP_KINDS, Hierarchy};
use crate::objects::Entity;
use crate::period::{Version, at};
use crate::{Known, Micros, quality};

/// One group and hour.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) entity: Entity,
    pub(crate) versions: Vec<Version>,
}

/// What one member brings, while it belonged to the group.
struct Member {
    known: Known,
    versions: Vec<Version>,
}

/// Builds the groups of one hour; members are entities first, then the groups below.
pub(crate) struct GroupBuilder<'a> {
    catalogue: &'a Catalogue,
    hierarchy: &'a Hierarchy,
    time: Micros,
    members: [BTreeMap<String, Vec<Member>>; GROUP_KINDS.len()],
}

impl<'a> GroupBuilder<'a> {
    pub(crate) fn new(catalogue: &'a Catalogue, hierarchy: &'a Hierarchy, time: Micros) -> Self {
        Self { catalogue, hierarchy, time, members: Default::default() }
    }

    /// Adds an entity's hour. Cells and measured sectors go up the hierarchy; a site's own
    /// measurements belong to the group of that site. Units and links are part of what their site
    /// measures, so adding them would count them twice.
    pub(crate) fn add(&mut self, entity: &Entity, versions: &[Version]) {
        let versions = self.as_member(versions);
        match entity.kind.as_str() {
            "cell" | "sector" => self.add_to_parents(&entity.kind, &entity.id, &versions),
            "site" => {
                let mut versions = versions;
                for version in &mut versions {
                    // Members are cells; the site is not a member of itself.
                    version.members = 0;
                }
                self.add_to(1, entity.id.clone(), Known::since(Micros::MIN), versions);
            }
            _ => {}
        }
    }

    fn as_member(&self, versions: &[Version]) -> Vec<Version> {
        let mut versions = versions.to_vec();
        for version in &mut versions {
            for (sum, kpi) in version.sums.iter_mut().zip(self.catalogue.kpis()) {
                *sum = sum.as_member(kpi);
            }
        }
        versions
    }

    fn add_to_parents(&mut self, kind: &str, id: &str, versions: &[Version]) {
        for (group, parent, known) in self.hierarchy.parents(kind, id, self.time) {
            self.add_to(group, parent, known, versions.to_vec());
        }
    }

    fn add_to(&mut self, group: usize, id: String, known: Known, versions: Vec<Version>) {
        if let Some(of_kind) = self.members.get_mut(group) {
            let members = of_kind.entry(id).or_default();
            members.push(Member { known, versions });
        }
    }

    /// Adds everything up, smallest groups first.
    pub(crate) fn finish(mut self) -> Vec<Group> {
        let mut groups = Vec::new();
        for (position, kind) in GROUP_KINDS.iter().enumerate() {
            let of_kind = match self.members.get_mut(position) {
                Some(of_kind) => std::mem::take(of_kind),
                None => continue,
            };
            for (id, members) in of_kind {
                let versions = self.versions(&members);
                self.add_to_parents(kind, &id, &versions);
                let entity = Entity { id, kind: (*kind).to_owned() };
                groups.push(Group { entity, versions });
            }
        }
        groups
    }

    fn versions(&self, members: &[Member]) -> Vec<Version> {
        let moments = members.iter().flat_map(|member| {
            let changes = member.versions.iter().map(|version| version.known_at);
            let first = member.versions.first().map(|version| version.known_at);
            let left = Some(member.known.until)
                .filter(|until| *until != Micros::MAX && Some(*until) > first);
            changes
                .map(|moment| moment.max(member.known.from))
                .filter(|moment| *moment < member.known.until)
                .chain(left)
        });
        distinct(moments).into_iter().map(|moment| self.version(members, moment)).collect()
    }

    fn version(&self, members: &[Member], moment: Micros) -> Version {
        let mut group = Version::gap(self.catalogue, moment);
        let (mut bits, mut incomplete) = (0, false);
        let belonging = members.iter().filter(|member| member.known.contains(moment));
        for version in belonging.filter_map(|member| at(&member.versions, moment)) {
            bits |= version.bits & !quality::MISSING;
            incomplete |= version.bits & quality::MISSING != 0;
            group.seconds = group.seconds.max(version.seconds);
            group.members += version.members;
            add(&mut group.sums, &version.sums, self.catalogue, |kpi| kpi.members);
        }
        if group.seconds > 0.0 || bits & quality::NULLED != 0 {
            group.bits = bits;
        }
        if group.seconds > 0.0 && incomplete {
            group.bits |= quality::PARTLY;
        }
        group
    }
}
