//! Alarms and tickets as episodes whose beginning, end and cause each became known at their own
//! time.

mod marks;
mod read;

use std::collections::BTreeMap;

use foresite_schema::{concerns, site_of};

use crate::task::{EventFilter, Events, Micros};

pub use marks::{Marked, Marks};
pub use read::Tickets;

/// Something that became known at `known_at`; a later version of the same fact replaces it from
/// then on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact<T> {
    /// When it could be known.
    pub known_at: Micros,
    /// What was known.
    pub value: T,
}

/// The newest version of a fact that was known at `known`.
fn newest<T>(versions: &[Fact<T>], known: Micros) -> Option<&T> {
    versions
        .iter()
        .filter(|fact| fact.known_at <= known)
        .max_by_key(|fact| fact.known_at)
        .map(|fact| &fact.value)
}

/// One alarm or ticket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// Identifier of the alarm or ticket.
    pub id: String,
    /// The entity concerned.
    pub entity_id: String,
    /// Alarm name (`specific_problem`); empty for tickets.
    pub kind: String,
    /// Severity of an alarm when it was raised.
    pub severity: String,
    /// When it began.
    pub starts: Vec<Fact<Micros>>,
    /// When it ended.
    pub ends: Vec<Fact<Micros>>,
    /// Cause as coded by people, or the probable cause of an alarm.
    pub causes: Vec<Fact<String>>,
}

impl Event {
    /// When it began, as known at `known`.
    pub fn start(&self, known: Micros) -> Option<Micros> {
        newest(&self.starts, known).copied()
    }

    /// When it ended, as known at `known`; usable only once known.
    pub fn end(&self, known: Micros) -> Option<Micros> {
        newest(&self.ends, known).copied()
    }

    /// Its cause, as known at `known`.
    pub fn cause(&self, known: Micros) -> Option<&str> {
        newest(&self.causes, known).map(String::as_str)
    }

    /// When its beginning was first known.
    pub fn first_known_at(&self) -> Option<Micros> {
        self.starts.iter().map(|fact| fact.known_at).min()
    }

    /// Whether it counts under `filter`, as known at `known`. An event that is still open counts
    /// once it has lasted long enough.
    pub fn passes(&self, filter: &EventFilter, known: Micros) -> bool {
        let one_of = |list: &[String], value: Option<&str>| {
            list.is_empty() || value.is_some_and(|value| list.iter().any(|have| have == value))
        };
        let Some(start) = self.start(known) else {
            return false;
        };
        let lasted = self.end(known).unwrap_or(known) - start;
        one_of(&filter.specific_problems, Some(&self.kind))
            && one_of(&filter.causes, self.cause(known))
            && !self
                .cause(known)
                .is_some_and(|cause| filter.except_causes.iter().any(|c| c == cause))
            && one_of(&filter.severities, Some(&self.severity))
            && lasted >= filter.min_duration.micros()
    }
}

/// Events by site, each site's in the order in which they became known.
#[derive(Debug, Clone, Default)]
pub struct EventLog {
    by_site: BTreeMap<String, Vec<Event>>,
}

impl EventLog {
    /// Adds events; several parts of the same event must come as one.
    pub fn new(events: impl IntoIterator<Item = Event>) -> Self {
        let mut by_site: BTreeMap<String, Vec<Event>> = BTreeMap::new();
        for event in events {
            let site = site_of(&event.entity_id).to_owned();
            by_site.entry(site).or_default().push(event);
        }
        for events in by_site.values_mut() {
            // Ids break ties so that the order of rows never matters.
            events.sort_by(|a, b| (a.first_known_at(), &a.id).cmp(&(b.first_known_at(), &b.id)));
        }
        Self { by_site }
    }

    /// Events of the entity, of what stands below it and of what it stands on: a site sees the
    /// alarms of its cells and units, a cell those of its site but not of its sister cells.
    pub fn of<'a>(&'a self, entity: &'a str) -> impl Iterator<Item = &'a Event> {
        let events = self.by_site.get(site_of(entity));
        events.into_iter().flatten().filter(move |event| concerns(&event.entity_id, entity))
    }

    /// All events, by site and then in the order in which they became known.
    pub fn all(&self) -> impl Iterator<Item = &Event> {
        self.by_site.values().flatten()
    }

    /// Ids of all entities that had an event.
    pub fn entities(&self) -> impl Iterator<Item = &str> {
        self.all().map(|event| event.entity_id.as_str())
    }
}

/// The alarm names that a task tells apart, `other` last.
pub fn kinds(events: &Events) -> impl Iterator<Item = &str> {
    let named = events.specific_problems.iter().map(String::as_str);
    named.chain(["other"])
}

/// The alarms that concern one entity, looked up once for many cutoffs.
#[derive(Debug)]
pub struct EntityAlarms<'a> {
    how: &'a Events,
    /// In the order in which they became known.
    alarms: Vec<Alarm<'a>>,
}

/// One alarm, flat: nearly all have one version of their beginning and one of their end.
#[derive(Debug, Clone, Copy)]
struct Alarm<'a> {
    kind: usize,
    known_at: Micros,
    start: Micros,
    end: Micros,
    end_known_at: Micros,
    /// The event itself where a fact of it was corrected.
    corrected: Option<&'a Event>,
}

impl<'a> Alarm<'a> {
    fn new(event: &'a Event, how: &Events) -> Option<Self> {
        let begin = event.starts.iter().min()?;
        let end = event.ends.first();
        let versions = event.starts.len().max(event.ends.len());
        Some(Self {
            kind: kind_of(event, how),
            known_at: begin.known_at,
            start: begin.value,
            end: end.map_or(Micros::MAX, |end| end.value),
            end_known_at: end.map_or(Micros::MAX, |end| end.known_at),
            corrected: (versions > 1).then_some(event),
        })
    }

    /// Its beginning and end as known at `cutoff`.
    fn span(&self, cutoff: Micros) -> Option<(Micros, Option<Micros>)> {
        if let Some(event) = self.corrected {
            return Some((event.start(cutoff)?, event.end(cutoff)));
        }
        let end = (self.end_known_at <= cutoff).then_some(self.end);
        (self.known_at <= cutoff).then_some((self.start, end))
    }
}

/// What the alarm log said about one entity at one cutoff.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmState {
    /// `[kinds, windows]`: alarms raised within the window before the cutoff.
    pub counts: Vec<f64>,
    /// `[kinds]`: hours since the last raise; NaN = never within the memory.
    pub since: Vec<f64>,
    /// `[windows]`: hours in which an alarm stood, each alarm counted by itself.
    pub hours: Vec<f64>,
    /// Alarms that stand.
    pub open: f64,
    /// Hours since the oldest standing alarm was raised; NaN without one.
    pub open_since: f64,
}

impl<'a> EntityAlarms<'a> {
    /// The alarms of `log` that concern `entity`.
    pub fn new(log: &'a EventLog, entity: &'a str, how: &'a Events) -> Self {
        let alarms = log.of(entity).filter_map(|event| Alarm::new(event, how));
        Self { how, alarms: alarms.collect() }
    }

    /// The state at a cutoff.
    ///
    /// Only what lies strictly before the cutoff counts: a repair that carries the very time of a
    /// failure would otherwise announce it.
    pub fn at(&self, cutoff: Micros) -> AlarmState {
        let (kinds, windows) = (self.how.specific_problems.len() + 1, self.how.windows.len());
        let mut state = AlarmState {
            counts: vec![0.0; kinds * windows],
            since: vec![f64::NAN; kinds],
            hours: vec![0.0; windows],
            open: 0.0,
            open_since: f64::NAN,
        };
        // Nothing becomes known before it happens, so what was known before the memory is older.
        let forgotten = cutoff.saturating_sub(self.how.memory.micros());
        let begin = self.alarms.partition_point(|alarm| alarm.known_at < forgotten);
        let end = self.alarms.partition_point(|alarm| alarm.known_at <= cutoff);
        for alarm in &self.alarms[begin..end] {
            let span = alarm.span(cutoff);
            if let Some((start, end)) =
                span.filter(|(start, _)| (forgotten..cutoff).contains(start))
            {
                let end = end.filter(|end| *end < cutoff);
                state.see(alarm.kind, (start, end), cutoff, self.how);
            }
        }
        state
    }
}

impl AlarmState {
    fn see(
        &mut self,
        kind: usize,
        (start, end): (Micros, Option<Micros>),
        cutoff: Micros,
        how: &Events,
    ) {
        let age = cutoff - start;
        for (window, span) in how.windows.iter().enumerate() {
            if age <= span.micros() {
                self.counts[kind * how.windows.len() + window] += 1.0;
            }
            let from = start.max(cutoff - span.micros());
            self.hours[window] += hours((end.unwrap_or(cutoff) - from).max(0));
        }
        self.since[kind] = self.since[kind].min(hours(age));
        if end.is_none() {
            self.open += 1.0;
            self.open_since = self.open_since.max(hours(age));
        }
    }
}

/// The place of an alarm's name among those told apart; past the last one stands `other`.
fn kind_of(event: &Event, how: &Events) -> usize {
    let mut names = how.specific_problems.iter();
    names.position(|name| *name == event.kind).unwrap_or(how.specific_problems.len())
}

/// Microseconds as hours.
pub(crate) fn hours(micros: Micros) -> f64 {
    micros as f64 / crate::task::HOUR as f64
}

#[cfg(test)]
mod tests;
