//! Local events as they were known: when they take place, and which entities they reach.

use std::collections::BTreeMap;
use std::fmt;

use arrow::array::{Array as _, RecordBatch};
use foresite_features::network::Network;
use foresite_features::task::Micros;
use foresite_kpi::{Columns, micros};
use foresite_report::clock;
use foresite_schema::catalog::raw;
use foresite_schema::local_events::{PLANNED, Row, fault, places};
use foresite_schema::site_of;
use foresite_stage::Result;
use foresite_tables::Read;

use crate::source::{Source, unfit};

/// Mean radius of the earth.
const EARTH_KM: f64 = 6371.0;

/// Latitude and longitude in degrees.
type Position = (f64, f64);

/// When a row of an inventory holds from, and when it became known.
type Version = (Micros, Micros);

/// A concert, a match, a fair.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LocalEvent {
    id: String,
    name: String,
    /// When it begins and ends.
    pub(crate) span: (Micros, Micros),
    places: Vec<String>,
    /// Middle, and radius in kilometres.
    circle: Option<(Position, f64)>,
}

impl LocalEvent {
    /// Whether it takes place in some of the time.
    pub(crate) fn overlaps(&self, (start, end): (Micros, Micros)) -> bool {
        self.span.0 < end && self.span.1 > start
    }

    /// When it is on in a window for the first time: who belongs to what, and stands where, at that
    /// time tells whom it reaches.
    pub(crate) fn on_since(&self, window: (Micros, Micros)) -> Micros {
        self.span.0.max(window.0)
    }
}

impl fmt::Display for LocalEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event:{}", self.id)?;
        if !self.name.is_empty() {
            write!(f, " ({})", self.name)?;
        }
        write!(f, ", {} to {}", clock::stamp(self.span.0), clock::stamp(self.span.1))
    }
}

/// Where entities stand, and from when on: the first to hold first.
type Positions = BTreeMap<String, Vec<(Micros, Position)>>;

/// The events, and where the entities stand.
#[derive(Debug, Default)]
pub(crate) struct LocalEvents {
    events: Vec<LocalEvent>,
    positions: Positions,
}

impl LocalEvents {
    /// Reads the events as they were known, the first to begin first. What ingest refuses is none
    /// here either, whoever wrote it.
    pub(crate) fn read(source: &mut Source<'_>) -> Result<Self> {
        let Some(rows) = source.resolved(raw::local_events(), Read::all())? else {
            return Ok(Self::default());
        };
        let mut events = parse(&rows)?;
        events.sort_by(|a, b| (a.span, &a.id).cmp(&(b.span, &b.id)));
        let has_circle = events.iter().any(|event| event.circle.is_some());
        let positions = if has_circle { positions(source)? } else { BTreeMap::new() };
        Ok(Self { events, positions })
    }

    /// Those that take place in some of the time.
    pub(crate) fn within(&self, span: (Micros, Micros)) -> impl Iterator<Item = &LocalEvent> {
        self.events.iter().filter(move |event| event.overlaps(span))
    }

    /// Whether the entity is concerned at `at`, or what it belongs to; `line` has it and those
    /// above it, at the same time.
    pub(crate) fn reaches(&self, event: &LocalEvent, line: &[String], at: Micros) -> bool {
        let is_named = line.iter().any(|id| event.places.contains(id));
        is_named || self.is_near(event, line, at)
    }

    /// Whether it stands in the circle; one without coordinates stands where its site does.
    fn is_near(&self, event: &LocalEvent, line: &[String], at: Micros) -> bool {
        let Some((middle, radius_km)) = event.circle else { return false };
        let own = line.first().into_iter().flat_map(|id| [id.as_str(), site_of(id)]);
        let mut own = own.chain(line.get(1).map(String::as_str));
        let position = own.find_map(|id| self.position(id, at));
        position.is_some_and(|position| distance_km(middle, position) <= radius_km)
    }

    /// Where an entity stood at `at`; where that was not written down yet, its first position.
    fn position(&self, id: &str, at: Micros) -> Option<Position> {
        let known = self.positions.get(id)?;
        let held = known.iter().rev().find(|(from, _)| *from <= at).or(known.first());
        held.map(|(_, position)| *position)
    }

    /// What events of the time speak of and nobody knows: one sentence an event.
    pub(crate) fn unknown(&self, network: &Network, span: (Micros, Micros)) -> Vec<String> {
        let found = self.within(span).filter_map(|event| {
            let strange: Vec<&str> = event
                .places
                .iter()
                .map(String::as_str)
                .filter(|place| !network.is_named(place))
                .collect();
            if !strange.is_empty() {
                return Some(format!("{event}: not in the inventory: {}", strange.join(", ")));
            }
            let (middle, radius_km) = event.circle?;
            let at = event.on_since(span);
            let mut stand = self.positions.keys().filter_map(|id| self.position(id, at));
            let reaches_some = stand.any(|position| distance_km(middle, position) <= radius_km);
            (!reaches_some).then(|| {
                format!("{event}: nothing whose coordinates are known stands within {radius_km} km")
            })
        });
        found.collect()
    }
}

/// The entity and those above it at `at` as known at `known`, the nearest first. What was not there
/// yet belongs where it does now.
pub(crate) fn line(network: &Network, id: &str, (at, known): (Micros, Micros)) -> Vec<String> {
    let mut found = vec![id.to_owned()];
    let mut last = id.to_owned();
    loop {
        let state = network.state_as_known(&last, at, known);
        let state = state.or_else(|| network.state(&last, known));
        let parent = state.and_then(|state| state.parent_id.clone());
        let by_name = || last.rsplit_once('/').map(|(above, _)| above.to_owned());
        match parent.or_else(by_name) {
            Some(above) if !found.contains(&above) => {
                found.push(above.clone());
                last = above;
            }
            _ => return found,
        }
    }
}

fn parse(rows: &RecordBatch) -> Result<Vec<LocalEvent>> {
    let text = |name| Columns(rows).text(name).map_err(unfit);
    let number = |name| Columns(rows).doubles(name).map_err(unfit);
    let time = |name| Columns(rows).times(name).map_err(unfit);
    let (ids, facts, names) = (text("event_id")?, text("fact")?, text("name")?);
    let (entities, starts, ends) = (text("entities")?, time("at")?, time("end_at")?);
    let circle = [number("latitude")?, number("longitude")?, number("radius_km")?];
    let mut events = Vec::new();
    for row in (0..rows.num_rows()).filter(|&row| facts.value(row) == PLANNED) {
        let said = Row {
            fact: PLANNED,
            entities: entities.is_valid(row).then(|| entities.value(row)),
            circle: circle.each_ref().map(|of| of.is_valid(row).then(|| of.value(row))),
            start: starts.value(row),
            end: micros(&ends, row),
        };
        let (Some(end), None) = (said.end, fault(&said)) else { continue };
        let [latitude, longitude, radius_km] = said.circle;
        events.push(LocalEvent {
            id: ids.value(row).to_owned(),
            name: if names.is_valid(row) { names.value(row).to_owned() } else { String::new() },
            span: (said.start, end),
            places: places(said.entities.unwrap_or_default()).map(str::to_owned).collect(),
            circle: latitude.zip(longitude).zip(radius_km),
        });
    }
    Ok(events)
}

/// The coordinates of every entity that has some; of what was written twice of one time, what
/// became known later.
fn positions(source: &mut Source<'_>) -> Result<Positions> {
    let mut found: BTreeMap<String, Vec<(Version, Position)>> = BTreeMap::new();
    let columns = ["entity_id", "latitude", "longitude", "valid_from", "known_at", "lineage_id"];
    let read = Read::all().columns(columns);
    source.scan(raw::inventory(), read, |batch| {
        let columns = Columns(batch);
        let ids = columns.text("entity_id").map_err(unfit)?;
        let latitudes = columns.doubles("latitude").map_err(unfit)?;
        let longitudes = columns.doubles("longitude").map_err(unfit)?;
        let from = columns.times("valid_from").map_err(unfit)?;
        let known = columns.times("known_at").map_err(unfit)?;
        for row in 0..batch.num_rows() {
            if latitudes.is_null(row) || longitudes.is_null(row) {
                continue;
            }
            let version = (from.value(row), known.value(row));
            let position = (latitudes.value(row), longitudes.value(row));
            found.entry(ids.value(row).to_owned()).or_default().push((version, position));
        }
        Ok(())
    })?;
    let in_order = found.into_iter().map(|(id, mut versions)| {
        versions.sort_by_key(|(version, _)| *version);
        // Inventories come as daily snapshots.
        versions.dedup_by(|later, earlier| later.1 == earlier.1);
        let stands = versions.into_iter().map(|((from, _), position)| (from, position));
        (id, stands.collect::<Vec<_>>())
    });
    Ok(in_order.collect())
}

/// Along the surface of a sphere.
fn distance_km((latitude, longitude): Position, (to_latitude, to_longitude): Position) -> f64 {
    let [here, there] = [latitude, to_latitude].map(f64::to_radians);
    let half = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
    let chord =
        half(to_latitude - latitude) + here.cos() * there.cos() * half(to_longitude - longitude);
    2.0 * EARTH_KM * chord.clamp(0.0, 1.0).sqrt().asin()
}

#[cfg(test)]
impl LocalEvents {
    /// An event at each place, all at the same time.
    pub(crate) fn at(places: &[String], span: (Micros, Micros)) -> Self {
        let event = |place: &String| LocalEvent {
            id: place.clone(),
            name: String::new(),
            span,
            places: vec![place.clone()],
            circle: None,
        };
        Self { events: places.iter().map(event).collect(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_degree_of_a_great_circle_is_111_km() {
        assert!((distance_km((0.0, 179.5), (0.0, -179.5)) - 111.2).abs() < 0.1);
        assert!((distance_km((53.0, 10.0), (54.0, 10.0)) - 111.2).abs() < 0.1);
        assert!((distance_km((60.0, 10.0), (60.0, 11.0)) - 55.6).abs() < 0.1);
    }

    #[test]
    fn an_event_reaches_what_is_named_and_what_stands_in_its_circle() {
        let event = |places: &[&str], circle| LocalEvent {
            id: "e".into(),
            name: String::new(),
            span: (0, 1),
            places: places.iter().map(|&place| place.to_owned()).collect(),
            circle,
        };
        let positions = [("r/A", (53.0, 10.0)), ("r/B", (53.1, 10.0))];
        let positions = positions.map(|(id, at)| (id.to_owned(), vec![(0, at)])).into();
        let known = LocalEvents { events: Vec::new(), positions };
        let line = |id: &str| super::line(&Network::default(), id, (0, 0));
        assert_eq!(line("r/A/1"), ["r/A/1", "r/A", "r"]);
        for (event, reached) in [
            (event(&["r/A/1"], None), [true, false, false]),
            (event(&["r/A"], None), [true, true, false]),
            (event(&["r"], None), [true, true, true]),
            (event(&[], Some(((53.0, 10.0), 5.0))), [true, true, false]),
            (event(&["r/B"], Some(((53.0, 10.0), 5.0))), [true, true, true]),
        ] {
            let found = ["r/A/1", "r/A/2", "r/B/1"].map(|id| known.reaches(&event, &line(id), 0));
            assert_eq!(found, reached, "{event:?}");
        }
    }

    #[test]
    fn an_entity_stands_where_it_stood_then() {
        let (here, there) = ((53.0, 10.0), (54.0, 10.0));
        let moves = vec![(5, here), (9, there)];
        let known =
            LocalEvents { positions: [("r/A".to_owned(), moves)].into(), ..LocalEvents::default() };
        let stood = [0, 5, 8, 9].map(|at| known.position("r/A", at));
        assert_eq!(stood, [here, here, here, there].map(Some));
        assert_eq!(known.position("r/B", 9), None);
    }
}
