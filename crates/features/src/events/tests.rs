//! Alarms and tickets as they were known.

use super::*;
use crate::task::{EventTable, HOUR, Span};

fn known<T>(hour: i64, value: T) -> Fact<T> {
    Fact { known_at: hour * HOUR, value }
}

/// Raised and cleared at the given hours, each known one hour later.
fn alarm(entity: &str, kind: &str, start: i64, end: Option<i64>) -> Event {
    Event {
        id: format!("{entity}-{kind}-{start}"),
        entity_id: entity.into(),
        kind: kind.into(),
        starts: vec![known(start + 1, start * HOUR)],
        ends: end.map(|end| known(end + 1, end * HOUR)).into_iter().collect(),
        ..Event::default()
    }
}

fn how() -> Events {
    Events {
        specific_problems: vec!["mains".into(), "link".into()],
        windows: vec![Span::hours(2), Span::hours(24)],
        memory: Span::days(10),
        bins: 4,
    }
}

fn state_of(log: &EventLog, entity: &str, cutoff: Micros) -> AlarmState {
    EntityAlarms::new(log, entity, &how()).at(cutoff)
}

#[test]
fn counts_and_times_since_follow_what_was_known() {
    let log = EventLog::new([
        alarm("n/s1/battery", "mains", 10, Some(12)),
        alarm("n/s1/1/a", "link", 14, None),
        alarm("n/s1", "fan", 15, None),
        alarm("n/s2", "mains", 14, None),
    ]);
    let state = state_of(&log, "n/s1", 15 * HOUR);
    assert_eq!(state.counts, [0.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
    assert_eq!(state.since[..2], [5.0, 1.0]);
    assert!(state.since[2].is_nan());
    assert_eq!((state.open, state.open_since), (1.0, 1.0));
    assert_eq!(state.hours, [1.0, 3.0]);
}

#[test]
fn an_end_counts_only_once_it_is_known() {
    let log = EventLog::new([alarm("d", "mains", 10, Some(12))]);
    let open = |cutoff: i64| state_of(&log, "d", cutoff * HOUR).open;
    assert_eq!([open(10), open(11), open(12), open(13)], [0.0, 1.0, 1.0, 0.0]);
}

#[test]
fn a_repair_at_the_time_of_its_failure_is_hidden() {
    let mut repair = alarm("d", "replaced", 10, None);
    repair.starts = vec![known(10, 10 * HOUR)];
    let log = EventLog::new([repair]);
    let since = |cutoff: i64| state_of(&log, "d", cutoff).since[2];
    assert!(since(10 * HOUR).is_nan());
    assert!(since(10 * HOUR + 1) < 1e-6);
}

#[test]
fn a_cell_sees_its_site_but_not_its_sisters() {
    let log = EventLog::new([
        alarm("n/s1", "mains", 1, None),
        alarm("n/s1/1/a", "link", 1, None),
        alarm("n/s1/1/b", "link", 1, None),
        alarm("n/s10/1/a", "link", 1, None),
    ]);
    let ids: Vec<_> = log.of("n/s1/1/a").map(|event| event.id.as_str()).collect();
    assert_eq!(ids, ["n/s1-mains-1", "n/s1/1/a-link-1"]);
    assert_eq!(log.of("n/s1").count(), 3);
}

#[test]
fn filters_look_at_what_was_known() {
    let mut event = alarm("n/s1", "mains", 10, Some(13));
    event.causes = vec![known(20, "power".to_owned())];
    let filter = EventFilter {
        table: EventTable::Tickets,
        specific_problems: vec![],
        causes: vec!["power".into()],
        except_causes: vec![],
        severities: vec![],
        min_duration: Span::hours(2),
        reporting_delay: Span::default(),
    };
    assert!(!event.passes(&filter, 15 * HOUR));
    assert!(event.passes(&filter, 20 * HOUR));
    let long = EventFilter { causes: vec![], ..filter };
    assert!(!event.passes(&long, 11 * HOUR));
    assert!(event.passes(&long, 12 * HOUR));
    let other = EventFilter { except_causes: vec!["power".into()], ..long };
    assert!(event.passes(&other, 19 * HOUR) && !event.passes(&other, 20 * HOUR));
}
