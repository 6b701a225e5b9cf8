//! Which alerts belong together: one site, one shared cause, or a loss and those who carry it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{candidates::Candidate, clock::Micros, config::Head, network::Network};

/// A member carries what its neighbour lost when its load lies above this multiple of the usual.
pub(super) const GAIN: f64 = 1.1;
/// A member has lost load when it lies below this multiple of the usual.
pub(super) const LOSS: f64 = 0.75;

/// Alerts that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// What the affected members share.
    pub entity_id: String,
    /// The alerts, ordered by entity.
    pub members: Vec<Candidate>,
    /// Members that only carry what the others lost.
    pub absorbing: BTreeSet<String>,
}

/// Groups the candidates of one list.
///
/// Forecasts stand alone: every sector needs its own decision. Alerts of other heads belong
/// together when they opened within `together` of each other and
/// - stand on one site,
/// - or hang on one power or backhaul entity, and at least half of the sites behind it alert, each
///   with at least half of its cells,
/// - or one lost load and the other, its neighbour, gained.
///
/// The halves keep a regional hub from swallowing unrelated faults: what fails for several sites
/// does not single out a carrier of each.
pub fn group(
    head: Head,
    candidates: Vec<Candidate>,
    network: &Network,
    together: Micros,
) -> Vec<Group> {
    let mut union = Union::new(candidates.len());
    let mut shared = BTreeMap::new();
    if head != Head::Forecast {
        join_sites(&candidates, network, together, &mut union);
        shared = join_shared(&candidates, network, together, &mut union);
        join_absorbers(&candidates, network, together, &mut union);
    }
    union.sets().into_iter().map(|set| assemble(&set, &candidates, network, &shared)).collect()
}

fn is_together(a: &Candidate, b: &Candidate, together: Micros) -> bool {
    (a.onset - b.onset).abs() <= together
}

/// Places of the candidates on each site.
fn by_site<'a>(candidates: &'a [Candidate], network: &'a Network) -> BTreeMap<&'a str, Vec<usize>> {
    let mut by_site: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, candidate) in candidates.iter().enumerate() {
        let site = network.site_of(&candidate.entity_id);
        by_site.entry(site).or_default().push(at);
    }
    by_site
}

/// Whether at least half of the site's cells alert; the site itself or its equipment stands for all.
fn is_hit_as_a_whole(
    site: &str,
    members: &[usize],
    candidates: &[Candidate],
    network: &Network,
) -> bool {
    let all = network.cells_inside(site);
    let alerting: BTreeSet<String> = members
        .iter()
        .map(|at| candidates[*at].entity_id.as_str())
        .flat_map(|id| match network.type_of(id) {
            Some("cell" | "sector") => network.cells_inside(id),
            _ => all.clone(),
        })
        .collect();
    alerting.len() * 2 >= all.len()
}

fn join_sites(candidates: &[Candidate], network: &Network, together: Micros, union: &mut Union) {
    for members in by_site(candidates, network).values() {
        join_in_time(members, candidates, together, union);
    }
}

/// Joins members whose onsets follow each other closely.
fn join_in_time(members: &[usize], candidates: &[Candidate], together: Micros, union: &mut Union) {
    let mut ordered = members.to_vec();
    ordered.sort_by_key(|at| (candidates[*at].onset, *at));
    for pair in ordered.windows(2) {
        if is_together(&candidates[pair[0]], &candidates[pair[1]], together) {
            union.join(pair[0], pair[1]);
        }
    }
}

/// Joins the sites behind a shared entity; returns each entity that joined some, with its reach.
fn join_shared(
    candidates: &[Candidate],
    network: &Network,
    together: Micros,
    union: &mut Union,
) -> BTreeMap<String, BTreeSet<String>> {
    let mut behind: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (site, members) in by_site(candidates, network) {
        if !is_hit_as_a_whole(site, &members, candidates, network) {
            continue;
        }
        for needed in network.needs_of(site) {
            behind.entry(needed).or_default().extend(&members);
        }
    }
    let mut causes = BTreeMap::new();
    for (shared, members) in behind {
        let reach = network.sites_behind(&shared);
        let alerting: BTreeSet<&str> =
            members.iter().map(|at| network.site_of(&candidates[*at].entity_id)).collect();
        if alerting.len() >= 2 && alerting.len() * 2 >= reach.len() {
            join_in_time(&members, candidates, together, union);
            causes.insert(shared, reach.into_iter().map(str::to_owned).collect());
        }
    }
    causes
}

fn join_absorbers(
    candidates: &[Candidate],
    network: &Network,
    together: Micros,
    union: &mut Union,
) {
    let with = |test: fn(f64) -> bool| {
        candidates
            .iter()
            .enumerate()
            .filter(move |(_, candidate)| candidate.load_ratio().is_some_and(test))
    };
    for (gainer, gaining) in with(|ratio| ratio >= GAIN) {
        for (loser, losing) in with(|ratio| ratio <= LOSS) {
            let border = network.are_neighbours(&gaining.entity_id, &losing.entity_id);
            if border && is_together(gaining, losing, together) {
                union.join(gainer, loser);
            }
        }
    }
}

fn assemble(
    set: &[usize],
    candidates: &[Candidate],
    network: &Network,
    shared: &BTreeMap<String, BTreeSet<String>>,
) -> Group {
    let mut members: Vec<Candidate> = set.iter().map(|at| candidates[*at].clone()).collect();
    members.sort_by(|a, b| a.entity_id.cmp(&b.entity_id));
    let has_loser =
        members.iter().any(|member| member.load_ratio().is_some_and(|ratio| ratio <= LOSS));
    let absorbing: BTreeSet<String> = members
        .iter()
        .filter(|member| has_loser && member.load_ratio().is_some_and(|ratio| ratio >= GAIN))
        .map(|member| member.entity_id.clone())
        .collect();
    let affected: Vec<&str> = members
        .iter()
        .map(|member| member.entity_id.as_str())
        .filter(|id| !absorbing.contains(*id))
        .collect();
    let entity_id = common_entity(&affected, network, shared);
    Group { entity_id, members, absorbing }
}

/// The smallest entity that all of `ids` belong to or hang on.
fn common_entity(
    ids: &[&str],
    network: &Network,
    shared: &BTreeMap<String, BTreeSet<String>>,
) -> String {
    let Some((first, rest)) = ids.split_first() else {
        return String::new();
    };
    let above_all = network.path_up(first).into_iter().find(|above| {
        network.type_of(above) != Some("region")
            && rest.iter().all(|id| network.path_up(id).contains(above))
    });
    let sites: BTreeSet<&str> = ids.iter().map(|id| network.site_of(id)).collect();
    let cause = || {
        shared
            .iter()
            .filter(|(_, reach)| sites.iter().all(|site| reach.contains(*site)))
            .min_by_key(|(id, reach)| (reach.len(), (*id).clone()))
            .map(|(id, _)| id.as_str())
    };
    let region = || network.region_of(first);
    above_all
        .or_else(|| (sites.len() == 1).then(|| network.site_of(first)))
        .or_else(cause)
        .or_else(region)
        .unwrap_or(first)
        .to_owned()
}

/// Disjoint sets of indices.
struct Union {
    parent: Vec<usize>,
}

impl Union {
    fn new(size: usize) -> Self {
        Self { parent: (0..size).collect() }
    }

    fn root(&mut self, mut at: usize) -> usize {
        while self.parent[at] != at {
            self.parent[at] = self.parent[self.parent[at]];
            at = self.parent[at];
        }
        at
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        // The smaller index stays the root: the order of joins must not show in the result.
        self.parent[a.max(b)] = a.min(b);
    }

    fn sets(&mut self) -> Vec<Vec<usize>> {
        let mut by_root: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for at in 0..self.parent.len() {
            by_root.entry(self.root(at)).or_default().push(at);
        }
        by_root.into_values().collect()
    }
}

#[cfg(test)]
mod tests;
