//! Ingest of local events: a file that somebody drops becomes versions of events, and what has no
//! time or place is set aside.

use std::path::Path;

use foresite_schema::catalog;
use foresite_tables::{Read, Root};
use serde_json::{Value as Json, json};

use crate::landing::{HOUR, MAY, counted, hours, ingest, land, root, rows, texts};

const HEADER: &str = "id,name,from,until,entities,latitude,longitude,radius_km\n";

/// The configuration with the mapping that people copy.
fn config() -> Json {
    let sample = include_str!("../../docs/samples/ingest/mapping-events.json");
    json!({"mappings": [serde_json::from_str::<Json>(sample).unwrap()]})
}

#[test]
fn an_event_has_a_time_and_a_place() {
    let root = root();
    let lines = "a,Fair,2024-05-04T08:00:00Z,2024-05-06T20:00:00Z,north/N001;north/N002,,,\n\
                 b,Match,2024-05-04T18:00:00Z,2024-05-04T21:00:00Z,,53.5,10.0,1.5\n\
                 c,Backwards,2024-05-04T18:00:00Z,2024-05-04T17:00:00Z,north/N001,,,\n\
                 d,Endless,2024-05-04T18:00:00Z,,north/N001,,,\n\
                 e,Nowhere,2024-05-04T18:00:00Z,2024-05-04T21:00:00Z,,,,\n\
                 f,Half,2024-05-04T18:00:00Z,2024-05-04T21:00:00Z,,53.5,,1.5\n\
                 g,Off,2024-05-04T18:00:00Z,2024-05-04T21:00:00Z,,153.5,10.0,1.5\n\
                 h,One,2024-05-04T18:00:00Z,2024-05-04T21:00:00Z,north/N001,,,\n\
                 h,Other,2024-05-04T18:00:00Z,2024-05-04T21:00:00Z,north/N001,,,\n\
                 i,Soon,in May,2024-05-04T21:00:00Z,north/N001,,,\n";
    land(root.path(), "events/events.csv", format!("{HEADER}{lines}").as_bytes(), 9);
    let run = ingest(root.path(), [9, 10]).config(&config()).exits(0);
    assert_eq!([counted(&run, "rows_written"), counted(&run, "rows_quarantined")], [2, 8]);
    let kept = rows(root.path(), "local_events");
    assert_eq!(texts(&kept, "event_id"), ["a", "b"]);
    assert_eq!(texts(&kept, "fact"), ["planned"; 2]);
    assert_eq!(texts(&kept, "entities"), ["north/N001;north/N002", "-"]);
    assert_eq!(hours(&kept, "at"), [80.0, 90.0]);
    assert_eq!(hours(&kept, "known_at"), [10.5; 2], "with its file");
    let aside = rows(root.path(), "quarantine");
    let reason_of = |place: &str| {
        let places = texts(&aside, "place");
        let row = places.iter().position(|have| have == place);
        row.map(|row| texts(&aside, "reason")[row].clone()).unwrap_or_default()
    };
    for (id, said) in [
        ("c", "not after its start"),
        ("d", "no end"),
        ("e", "takes place nowhere"),
        ("f", "all three"),
        ("g", "no circle"),
        ("h", "different contents"),
    ] {
        let reason = reason_of(&format!("event_id {id}"));
        assert!(reason.contains(said), "{id}: {reason}");
    }
    assert!(!reason_of("line 11").is_empty(), "a time that is none: {:?}", texts(&aside, "place"));
}

#[test]
fn a_correction_counts_since_it_is_known() {
    let root = root();
    let event = |fact: &str, hour: i64| {
        let until = format!("2024-05-04T{hour:02}:00:00Z");
        format!("fact,{HEADER}{fact},a,Match,2024-05-04T18:00:00Z,{until},north/N001,,,\n")
    };
    land(root.path(), "events/events.csv", event("planned", 21).as_bytes(), 9);
    ingest(root.path(), [9, 10]).config(&config()).exits(0);
    land(root.path(), "events/events.csv", event("planned", 22).as_bytes(), 10);
    ingest(root.path(), [10, 11]).config(&config()).exits(0);
    land(root.path(), "events/more.csv", event("cancelled", 22).as_bytes(), 11);
    ingest(root.path(), [11, 12]).config(&config()).exits(0);
    assert_eq!(rows(root.path(), "local_events").num_rows(), 3, "every version stays");
    let tables = Root::open(root.path().to_str().unwrap()).unwrap();
    let table = tables.existing(catalog::raw::local_events()).unwrap();
    for (hour, fact, end) in [(11, "planned", 93.0), (12, "planned", 94.0), (13, "cancelled", 94.0)]
    {
        let known = table.read(&Read::all().as_of((MAY + hour) * HOUR)).unwrap();
        assert_eq!(texts(&known, "fact"), [fact], "as of {hour} h");
        assert_eq!(hours(&known, "end_at"), [end], "as of {hour} h");
    }
}

/// A match until an hour of the evening.
fn until(hour: i64) -> String {
    let until = format!("2024-05-04T{hour:02}:00:00Z");
    format!("{HEADER}a,Match,2024-05-04T18:00:00Z,{until},north/N001,,,\n")
}

/// The configuration with the clock of scheduled runs: a file is known since the run that its time
/// of modification tells.
fn scheduled() -> Json {
    let mut scheduled = config();
    scheduled["schedule"] = json!({"period_seconds": 3600, "lateness_seconds": 1800});
    scheduled
}

/// Writes the calendar `name` with the match until an hour, modified at another.
fn lay(root: &Path, name: &str, end: i64, modified: i64) {
    land(root, &format!("events/{name}.csv"), until(end).as_bytes(), modified);
}

/// Files that the run of an hour took, found to be duplicates and set aside.
fn take(root: &Path, config: &Json, hour: i64) -> [i64; 3] {
    let run = ingest(root, [hour, hour + 1]).config(config).exits(0);
    ["taken", "duplicates", "quarantined"].map(|name| counted(&run, name))
}

/// When the events end, as known at an hour.
fn ends(root: &Path, hour: i64) -> Vec<f64> {
    let tables = Root::open(root.to_str().unwrap()).unwrap();
    let table = tables.existing(catalog::raw::local_events()).unwrap();
    hours(&table.read(&Read::all().as_of((MAY + hour) * HOUR)).unwrap(), "end_at")
}

#[test]
fn what_a_file_said_before_holds_again_when_it_is_back() {
    for (config, modified) in [(config(), 11), (config(), 9), (scheduled(), 9)] {
        let root = root();
        let came = |name: &str, end: i64, modified: i64, at: i64| {
            lay(root.path(), name, end, modified);
            take(root.path(), &config, at)
        };
        assert_eq!(came("calendar", 21, 9, 9), [1, 0, 0]);
        assert_eq!(came("calendar", 22, 10, 10), [1, 0, 0]);
        assert_eq!(came("calendar", 21, modified, 11), [1, 0, 0], "modified at {modified} h");
        assert_eq!(came("calendar", 21, 12, 12), [0, 0, 0], "the latest bytes once more");
        assert_eq!(came("copy", 21, 13, 13), [0, 1, 0], "under another name");
        for (hour, end) in [(11, 93.0), (12, 94.0), (13, 93.0)] {
            let known = ends(root.path(), hour);
            assert_eq!(known, [end], "as of {hour} h, modified at {modified} h");
        }
    }
}

#[test]
fn what_could_not_be_read_replaces_nothing() {
    let root = root();
    let name = "events/calendar.csv";
    let good = until(21);
    for (hour, (text, modified, counts, what)) in (9..).zip([
        (good.as_str(), 9, [1, 0, 0], "a calendar"),
        ("nonsense\n1\n", 10, [0, 0, 1], "an upload that cannot be read"),
        (good.as_str(), 11, [0, 0, 0], "the calendar is back, and never stopped to hold"),
        ("nonsense\n1\n", 12, [0, 0, 0], "the same fault once more"),
        (good.as_str(), 9, [0, 0, 0], "the calendar with its old time"),
    ]) {
        land(root.path(), name, text.as_bytes(), modified);
        assert_eq!(take(root.path(), &config(), hour), counts, "{what}");
    }
}

#[test]
fn a_change_with_an_old_time_is_known_when_it_is_taken() {
    let root = root();
    lay(root.path(), "calendar", 21, 9);
    assert_eq!(take(root.path(), &scheduled(), 9), [1, 0, 0]);
    // Edited before, copied with its time.
    lay(root.path(), "calendar", 22, 7);
    assert_eq!(take(root.path(), &scheduled(), 10), [1, 0, 0]);
    assert_eq!(take(root.path(), &scheduled(), 11), [0, 0, 0], "once");
    for (hour, end) in [(11, 93.0), (12, 94.0), (13, 94.0)] {
        assert_eq!(ends(root.path(), hour), [end], "as of {hour} h");
    }
}

#[test]
fn of_copies_that_are_back_together_one_is_taken() {
    let root = root();
    for (end, hour) in [(21, 9), (22, 10), (21, 11)] {
        lay(root.path(), "p", end, hour);
        lay(root.path(), "q", end, hour);
        if hour == 11 {
            // Listed before them, a duplicate of what was taken long ago: it replaces nothing.
            lay(root.path(), "new", end, 10);
        }
        let copies = if hour == 11 { 2 } else { 1 };
        assert_eq!(take(root.path(), &scheduled(), hour), [1, copies, 0], "at {hour} h");
    }
    assert_eq!(take(root.path(), &scheduled(), 12), [0, 0, 0], "nothing changed");
    for (hour, end) in [(11, 93.0), (12, 94.0), (13, 93.0)] {
        assert_eq!(ends(root.path(), hour), [end], "as of {hour} h");
    }
}

#[test]
fn a_copy_that_is_back_holds_also_where_another_was_back_before() {
    let root = root();
    lay(root.path(), "p", 21, 9);
    lay(root.path(), "q", 21, 9);
    assert_eq!(take(root.path(), &scheduled(), 9), [1, 1, 0]);
    lay(root.path(), "p", 22, 10);
    assert_eq!(take(root.path(), &scheduled(), 10), [1, 0, 0]);
    lay(root.path(), "q", 23, 12);
    assert_eq!(take(root.path(), &scheduled(), 12), [1, 0, 0]);
    // One wide run takes what two hourly ones would have taken.
    lay(root.path(), "p", 21, 11);
    lay(root.path(), "q", 21, 13);
    assert_eq!(take(root.path(), &scheduled(), 14), [2, 0, 0]);
    for (hour, end) in [(12, 94.0), (13, 93.0), (14, 95.0), (15, 93.0)] {
        assert_eq!(ends(root.path(), hour), [end], "as of {hour} h");
    }
}

#[test]
fn a_calendar_of_the_past_says_when_it_was_known() {
    let root = root();
    let lines = "a,Fair,2024-05-04T08:00:00Z,2024-05-06T20:00:00Z,r/A,,,,2024-04-30T12:00:00Z\n\
                 b,Match,2024-05-04T18:00:00Z,2024-05-04T21:00:00Z,r/A,,,,\n";
    let header = HEADER.trim_end();
    let text = format!("{header},known_at\n{lines}");
    land(root.path(), "events/history/2024.csv", text.as_bytes(), 9);
    let run = ingest(root.path(), [9, 10]).config(&config()).exits(0);
    assert_eq!([counted(&run, "rows_written"), counted(&run, "rows_quarantined")], [1, 1]);
    assert_eq!(hours(&rows(root.path(), "local_events"), "known_at"), [-12.0]);
    let reasons = texts(&rows(root.path(), "quarantine"), "reason");
    assert_eq!(reasons, ["the release time is empty"]);
}
