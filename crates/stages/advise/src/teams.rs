//! Who works on an incident, and in which shift: a budget is one team's for one shift.
//!
//! Lists are made every hour, so that a budget of each list alone would let a team see many more
//! items in a shift than it can take. Who was named once in the shift has used a place, and keeps it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use crate::{
    clock::{self, HOUR, Micros},
    config::{Config, ListConfig, Teams},
    incidents::Incident,
    inputs::{Placed, Signals},
    network::Network,
};

/// The team of what no configured team is responsible for.
pub const NOBODY: &str = "nobody";

/// Hours that no shift is longer than.
pub const LONGEST_SHIFT_HOURS: i64 = 24;

/// A shift: its start, and the end that it does not include.
pub type Shift = (Micros, Micros);

/// The team that works on an incident; `None` where lists are not split by team.
pub fn of_incident(incident: &Incident, signals: &Signals, config: &Config) -> Option<String> {
    let teams = config.teams.as_ref()?;
    let lead = incident.lead().map(|lead| lead.entity_id.as_str());
    let of = |id: &str| of_entity(id, &signals.network, teams);
    let own = of(&incident.entity_id);
    // What several share may stand outside of every place: the surest member says whose it is.
    let is_lost = own == NOBODY;
    Some(lead.filter(|_| is_lost).map_or(own, of))
}

/// The team that works on an entity: the one with the nearest place above it.
pub fn of_entity(id: &str, network: &Network, teams: &Teams) -> String {
    if teams.teams.is_empty() {
        return network.region_of(id).unwrap_or(NOBODY).to_owned();
    }
    let path = network.path_up(id);
    let at = |place: &String| path.iter().position(|above| above == place);
    let nearest = teams.teams.iter().filter_map(|team| {
        let nearest = team.places.iter().filter_map(at).min()?;
        Some((nearest, &team.name))
    });
    nearest.min().map_or_else(|| NOBODY.to_owned(), |(_, name)| name.clone())
}

/// The shift of a team that `at` lies in, by the clock of the team's place.
pub fn shift(team: &str, at: Micros, network: &Network, teams: &Teams) -> Option<Shift> {
    let zone = zone(team, network, teams);
    let today = clock::local(at, &zone).date();
    let days = [today.yesterday().ok(), Some(today), today.tomorrow().ok()];
    let begins: BTreeSet<Micros> = days
        .into_iter()
        .flatten()
        .flat_map(|day| teams.shift_starts.iter().map(move |hour| (day, *hour)))
        .filter_map(|(day, hour)| {
            // An hour that a change of clocks skips begins with the next one.
            let begin = zone.to_timestamp(day.at(i8::try_from(hour).ok()?, 0, 0, 0)).ok()?;
            Some(begin.as_microsecond())
        })
        .collect();
    let start = begins.range(..=at).next_back()?;
    Some((*start, *begins.range(at + 1..).next()?))
}

/// The clock of a team: the one of its first place that has one.
fn zone(team: &str, network: &Network, teams: &Teams) -> TimeZone {
    let places: Vec<&str> = match teams.teams.iter().find(|own| own.name == team) {
        Some(own) => own.places.iter().map(String::as_str).collect(),
        None => vec![team],
    };
    let own = |place: &str| {
        let inside = network.inside(place);
        let mut sites = inside.iter().filter(|id| network.type_of(id) == Some("site"));
        sites.find(|id| network.entity(id).is_some_and(|site| site.time_zone.is_some())).cloned()
    };
    let named = places.iter().find_map(|place| own(place));
    network.time_zone(named.as_deref().or(places.first().copied()).unwrap_or_default())
}

/// The configured teams, or the regions; and nobody, whose entities can have events as well.
fn all(network: &Network, teams: &Teams) -> Vec<String> {
    let mut names: Vec<String> = teams.teams.iter().map(|team| team.name.clone()).collect();
    if names.is_empty() {
        names.extend(network.of_type("region").map(|region| region.id.clone()));
    }
    names.push(NOBODY.to_owned());
    names
}

/// Places of configured teams that are not in the inventory: nothing is of that team there.
pub fn unknown(signals: &Signals, config: &Config) -> Vec<String> {
    let teams = config.teams.iter().flat_map(|teams| &teams.teams);
    let places = teams.flat_map(|team| team.places.iter().map(move |place| (&team.name, place)));
    let unknown = places.filter(|(_, place)| !signals.network.knows(place));
    let told = |(team, place)| format!("place `{place}` of team `{team}` is not in the inventory");
    unknown.map(told).collect()
}

/// The budget of one team for one list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Budget {
    /// Most items, checks included.
    pub most: u32,
    /// The shift that it is for; `None` = for each list.
    pub shift: Option<Shift>,
    /// Incidents that earlier lists of the shift named.
    pub used: BTreeSet<String>,
}

/// The budgets of a list's teams; the team is `None` where lists are not split.
pub type Budgets = BTreeMap<Option<String>, Budget>;

/// The budgets of all teams, and of what is nobody's.
pub fn budgets<'a>(
    list: &ListConfig,
    incidents: impl Iterator<Item = &'a Incident>,
    signals: &Signals,
    config: &Config,
) -> Budgets {
    let Some(teams) = &config.teams else {
        let each = Budget { most: list.budget, ..Budget::default() };
        return BTreeMap::from([(None, each)]);
    };
    let mut found = Budgets::new();
    let of_task = || signals.placed.iter().filter(|placed| placed.task == list.task);
    let open = incidents.filter_map(|incident| of_incident(incident, signals, config));
    let named = of_task().map(|placed| placed.team.clone());
    for team in all(&signals.network, teams).into_iter().chain(open).chain(named) {
        found.entry(Some(team.clone())).or_insert_with(|| {
            let shift = shift(&team, signals.cutoff, &signals.network, teams);
            let start = shift.map_or(signals.cutoff, |(start, _)| start);
            let is_used = |placed: &&Placed| {
                placed.team == team && (start..signals.cutoff).contains(&placed.cutoff)
            };
            Budget {
                most: teams.budget(&team, list),
                shift,
                used: of_task().filter(is_used).map(|one| one.incident_id.clone()).collect(),
            }
        });
    }
    found.retain(|_, budget| budget.shift.is_some());
    found
}

/// How far back lists may still belong to the shift.
pub const REACH: Micros = (LONGEST_SHIFT_HOURS + 1) * HOUR;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::DAY;
    use crate::config::Team;
    use crate::network::Entity;

    /// Saturday, 28 March 2026, 12:00 UTC; Berlin's clocks go forward in the night.
    const NOON: Micros = 1_774_699_200_000_000;

    fn network() -> Network {
        let entity = |kind: &str, id: &str, parent: &str, zone: Option<&str>| Entity {
            entity_type: kind.into(),
            id: id.into(),
            parent_id: (!parent.is_empty()).then(|| parent.to_owned()),
            time_zone: zone.map(str::to_owned),
            ..Entity::default()
        };
        let entities = [
            entity("region", "east", "", None),
            entity("site", "east/A", "east", Some("Europe/Berlin")),
            entity("cell", "east/A/1", "east/A", None),
            entity("region", "west", "", None),
            entity("site", "west/B", "west", Some("America/New_York")),
        ];
        Network::new(entities, [])
    }

    fn teams(named: &[(&str, &[&str])]) -> Teams {
        let team = |(name, places): &(&str, &[&str])| Team {
            name: (*name).into(),
            places: places.iter().map(|place| (*place).to_owned()).collect(),
            budgets: BTreeMap::new(),
        };
        Teams { shift_starts: vec![22, 6, 14], teams: named.iter().map(team).collect() }
    }

    #[test]
    fn a_shift_is_one_of_the_teams_own_clock() {
        let shift = |team, at| shift(team, at, &network(), &teams(&[])).unwrap();
        // 13:00 in Berlin: from 06:00, which is 05:00 UTC, to 14:00, which is 13:00 UTC.
        assert_eq!(shift("east", NOON), (NOON - 7 * HOUR, NOON + HOUR));
        // 08:00 in New York, in summer time already: from 06:00, which is 10:00 UTC.
        assert_eq!(shift("west", NOON), (NOON - 2 * HOUR, NOON + 6 * HOUR));
        assert_eq!(shift("east", NOON + HOUR).0, NOON + HOUR, "the start belongs to the shift");
    }

    #[test]
    fn a_night_in_which_the_clocks_change_is_one_hour_shorter() {
        let night = shift("east", NOON + 12 * HOUR, &network(), &teams(&[])).unwrap();
        assert_eq!(night.1 - night.0, 7 * HOUR);
        let whole_day = Teams { shift_starts: vec![6], ..teams(&[]) };
        let day = shift("east", NOON + 12 * HOUR, &network(), &whole_day).unwrap();
        assert_eq!(day.1 - day.0, DAY - HOUR);
    }

    #[test]
    fn what_is_nobodys_has_a_budget_before_anything_happens() {
        let config = Config { teams: Some(teams(&[])), ..Config::default() };
        let signals = Signals { cutoff: NOON, network: network(), ..Signals::default() };
        let found = budgets(&config.lists[0], std::iter::empty(), &signals, &config);
        let names: Vec<_> = found.keys().flatten().map(String::as_str).collect();
        assert_eq!(names, ["east", NOBODY, "west"]);
    }

    #[test]
    fn the_nearest_place_says_whose_an_entity_is() {
        let regions = |id| of_entity(id, &network(), &teams(&[]));
        assert_eq!([regions("east/A/1"), regions("elsewhere")], ["east", NOBODY]);
        let own = teams(&[("field", &["east", "west"]), ("core", &["east/A"])]);
        let of = |id| of_entity(id, &network(), &own);
        assert_eq!([of("east/A/1"), of("east"), of("north")], ["core", "field", NOBODY]);
    }
}
