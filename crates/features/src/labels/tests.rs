//! Labels, censoring and masks, worked out by hand.

mod marks;

use super::*;
use crate::cube::{Grid, Rank};
use crate::events::{Fact, Marked};
use crate::task::{DAY, HOUR};

fn task(changes: &[(&str, &str)]) -> Task {
    let text = crate::task::built_in("maintenance").unwrap();
    let mut value: serde_json::Value = serde_json::from_str(text).unwrap();
    value["cutoffs"] = serde_json::json!({ "step": "1h" });
    value["head"]["causes"] = serde_json::json!(["power", "battery"]);
    value["label"]["events"]["reporting_delay"] = "1d".into();
    for (key, text) in changes {
        value[*key] = serde_json::from_str(text).unwrap();
    }
    serde_json::from_value(value).unwrap()
}

fn outage(start: i64, end: i64, known: i64, cause: &str) -> Event {
    let fact = |value| Fact { known_at: known * HOUR, value };
    Event {
        id: format!("t{start}"),
        entity_id: "n/s1".into(),
        starts: vec![fact(start * HOUR)],
        ends: vec![fact(end * HOUR)],
        causes: vec![Fact { known_at: known * HOUR, value: cause.into() }],
        ..Event::default()
    }
}

struct World {
    tickets: Tickets,
    none: EventLog,
    marks: Marks,
    series: Cube,
}

impl World {
    fn new(outages: Vec<Event>, planned: Vec<Event>) -> Self {
        let grid = Grid::covering(0, 100 * HOUR, HOUR);
        let channels = vec!["load".to_owned(), "rul".to_owned()];
        let mut series = Cube::new(grid, ["n/s1".to_owned()], channels);
        for step in 0..60 {
            let known = (i64::try_from(step).unwrap() + 1) * HOUR;
            let rul = if step == 59 { 7.0 } else { f32::NAN };
            series.insert(0, step, (Rank::Derived, known), &[step as f32, rul]);
        }
        series.finish();
        Self {
            tickets: Tickets { outages: EventLog::new(outages), planned: EventLog::new(planned) },
            none: EventLog::default(),
            marks: Marks::default(),
            series,
        }
    }

    fn label(&self, task: &Task, cutoff: i64, until: i64) -> Label {
        let asked = Asked { entity: "n/s1", cutoff: cutoff * HOUR, until: until * HOUR };
        self.labelled(task, asked)
    }

    fn labelled(&self, task: &Task, asked: Asked<'_>) -> Label {
        let truth = Truth {
            tickets: &self.tickets,
            alarms: &self.none,
            labels: &self.none,
            marks: &self.marks,
            series: &self.series,
            as_of: 2000 * HOUR,
        };
        Labeller::new(task, truth, BTreeMap::new()).label(asked, &LocalClock::default())
    }
}

const FAR: i64 = 2000;

#[test]
fn hazard_bins_are_survived_hit_or_not_observed() {
    let world = World::new(vec![outage(130, 140, 131, "battery")], vec![]);
    let label = world.label(&task(&[]), 100, FAR);
    let (no, yes) = (Some(0.0), Some(1.0));
    // 6 h and 24 h survived, the event 30 h ahead falls into (1 d, 3 d].
    assert_eq!(label.values, [no, no, yes, None, None, None]);
    assert_eq!(label.value, Some(1.0));
    // The outage is known at 131 h, but that no earlier one was missed only a day after 124 h.
    assert_eq!((label.end, label.known_at), (130 * HOUR, 148 * HOUR));
    assert_eq!(label.mask, None);
}

#[test]
fn an_event_at_the_cutoff_is_not_after_it() {
    let world = World::new(vec![outage(100, 101, 100, "power")], vec![]);
    let label = world.label(&task(&[("masks", "{}")]), 100, FAR);
    assert_eq!(label.values[..5], [Some(0.0); 5]);
    assert_eq!(world.label(&task(&[]), 99, FAR).values[0], Some(1.0));
}

#[test]
fn bins_that_end_or_become_known_too_late_are_censored() {
    let world = World::new(vec![outage(130, 140, 160, "power")], vec![]);
    // A day of reporting delay: at hour 140 only the first bin is known to be survived.
    let early = world.label(&task(&[]), 100, 140);
    assert_eq!(early.values[..3], [Some(0.0), None, None]);
    // At hour 155 the outage has happened, but nobody has reported it: unknown, not survived.
    let unreported = world.label(&task(&[]), 100, 155);
    assert_eq!(unreported.values[..3], [Some(0.0), Some(0.0), None]);
    let nothing = world.label(&task(&[]), 100, 101);
    assert_eq!(nothing.mask, Some(MaskReason::Censored));
}

#[test]
fn masks_name_their_reason() {
    let world = World::new(vec![outage(130, 140, 131, "power")], vec![outage(80, 90, 95, "")]);
    let reason = |cutoff| world.label(&task(&[]), cutoff, FAR).mask;
    assert_eq!(reason(85), Some(MaskReason::PlannedWork));
    assert_eq!(reason(90), None);
    assert_eq!(reason(135), Some(MaskReason::DuringEvent));
    assert_eq!(reason(143), Some(MaskReason::Settling));
    assert_eq!(reason(146), None);
}

fn said(mark: Mark, at: i64) -> Marked {
    Marked {
        entity_id: "n/s1".into(),
        mark,
        at: at * HOUR,
        known_at: (at + 1) * HOUR,
        task: None,
        cutoff: None,
        incident_id: None,
        person: Some("Kim".into()),
    }
}

#[test]
fn acting_ends_the_view() {
    let mut world = World::new(vec![outage(130, 140, 131, "power")], vec![]);
    world.marks = Marks::new([said(Mark::Done, 110)]);
    let label = world.label(&task(&[]), 100, FAR);
    assert_eq!(label.values[0], None);
    assert_eq!(world.label(&task(&[]), 115, FAR).mask, Some(MaskReason::Acted));
}

const BINARY: [(&str, &str); 2] = [
    ("head", r#"{ "kind": "binary" }"#),
    ("label", r#"{ "rule": "event_within", "within": "1d", "events": { "table": "tickets" } }"#),
];

#[test]
fn a_yes_needs_an_event_and_a_no_the_whole_span() {
    let world = World::new(vec![outage(130, 140, 131, "power")], vec![]);
    let value = |cutoff, until| world.label(&task(&BINARY), cutoff, until).value;
    assert_eq!(value(110, FAR), Some(1.0));
    assert_eq!(value(100, FAR), Some(0.0));
    assert_eq!(value(100, 120), None);
    assert_eq!(value(110, 130), None);
}

fn inputs() -> (&'static str, &'static str) {
    ("inputs", r#"{ "granularity": "1h", "channels": ["load"] }"#)
}

#[test]
fn forecast_labels_are_the_steps_after_the_cutoff() {
    let head = r#"{ "kind": "forecast", "step": "1h", "horizon": 3, "quantiles": [0.5] }"#;
    let rule = r#"{ "rule": "value_at", "channel": "load" }"#;
    let task = task(&[("head", head), ("label", rule), inputs()]);
    let world = World::new(vec![], vec![]);
    assert_eq!(world.label(&task, 10, FAR).values, [Some(10.0), Some(11.0), Some(12.0)]);
    assert_eq!(world.label(&task, 10, 12).values, [Some(10.0), Some(11.0), None]);
    assert_eq!(world.label(&task, 70, FAR).mask, Some(MaskReason::Censored));
}

#[test]
fn exceedance_is_a_yes_early_and_a_no_late() {
    let rule = r#"{ "rule": "exceedance", "channel": "load", "limit": 20.5, "within": "10h" }"#;
    let task = task(&[("head", r#"{ "kind": "binary" }"#), ("label", rule), inputs()]);
    let world = World::new(vec![], vec![]);
    let value = |cutoff, until| world.label(&task, cutoff, until).value;
    assert_eq!(value(15, FAR), Some(1.0));
    assert_eq!(value(15, 20), None);
    assert_eq!(value(5, FAR), Some(0.0));
}

#[test]
fn remaining_life_counts_to_the_last_row() {
    let head = r#"{ "kind": "regression", "cap": 40 }"#;
    let world = World::new(vec![], vec![]);
    let life = |rule: &str, cutoff| {
        let task = task(&[("head", head), ("label", rule), inputs()]);
        world.label(&task, cutoff, FAR).value
    };
    let plain = r#"{ "rule": "remaining_life" }"#;
    assert_eq!(life(plain, 60), Some(0.0));
    assert_eq!(life(plain, 50), Some(10.0));
    assert_eq!(life(plain, 1), Some(40.0));
    assert_eq!(life(plain, 61), None);
    assert_eq!(life(r#"{ "rule": "remaining_life", "channel": "rul" }"#, 60), Some(7.0));
}

#[test]
fn local_days_close_at_local_midnight() {
    let grid = Grid::covering(0, 10 * DAY, DAY);
    let cube = Cube::new(grid, ["a".to_owned()], vec![]);
    let tokyo = LocalClock::new("Asia/Tokyo", "").unwrap();
    assert_eq!(first_open_step(&cube, &tokyo, 5 * DAY - 9 * HOUR), 5);
    assert_eq!(first_open_step(&cube, &tokyo, 5 * DAY - 10 * HOUR), 4);
    assert_eq!(first_open_step(&cube, &LocalClock::default(), 5 * DAY), 5);
}

#[test]
fn the_label_that_began_last_tells_the_class() {
    let state = |start, class: &str| {
        let mut event = outage(start, start, start, class);
        event.ends.clear();
        event
    };
    let mut world = World::new(vec![], vec![]);
    world.none = EventLog::new([state(10, "good"), state(40, "worn")]);
    let head = r#"{ "kind": "multiclass", "classes": ["good", "worn"] }"#;
    let rule = r#"{ "rule": "interval", "events": { "table": "labels" } }"#;
    let task = task(&[("head", head), ("label", rule), ("masks", "{}")]);
    let class = |cutoff| world.label(&task, cutoff, FAR).value;
    assert_eq!([class(12), class(40), class(90)], [Some(0.0), Some(1.0), Some(1.0)]);
    assert!(!crate::kernel::features(&task).iter().any(|f| f.name.starts_with("event_")));
}
