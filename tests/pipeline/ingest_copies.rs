//! Copies, the same bytes at several paths: none is settled by a file that gave no rows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use foresite_testkit::Run;
use serde_json::{Value as Json, json};

use crate::landing::{counted, hours, ingest, land, pm, root, rows, states, texts};

const VALUES: [&str; 4] = ["1", "2", "3", "4"];
const CALENDAR: &[u8] = b"id,name,from,until,entities\n\
                          a,Fair,2024-05-04T08:00:00Z,2024-05-06T20:00:00Z,north/N001\n";

/// What no mapping of calendars can read.
const TWICE: &[u8] = b"id,name,from,from,until\na,Fair,,,\n";

/// The mapping of local events, and hourly runs.
fn config() -> Json {
    let sample = include_str!("../../docs/samples/ingest/mapping-events.json");
    json!({
        "mappings": [serde_json::from_str::<Json>(sample).unwrap()],
        "schedule": {"period_seconds": 3600, "lateness_seconds": 1800},
    })
}

/// A step of the hour from ten.
fn step(root: &Path, words: &str) -> Run {
    ingest(root, [10, 11]).config(&config()).args(words).exits(0)
}

/// Lands a file and a copy of it; returns the plan that would take them.
fn planned(root: &Path) -> String {
    for name in ["pm/a.xml.gz", "pm/copy.xml.gz"] {
        land(root, name, &pm("N1", 10, VALUES), 10);
    }
    let plan = step(root, "--step plan");
    plan.result["numbers"]["plan_id"].as_str().unwrap().to_owned()
}

fn counts(run: &Run) -> [i64; 4] {
    ["taken", "duplicates", "quarantined", "changed"].map(|name| counted(run, name))
}

#[test]
fn a_copy_of_what_changed_since_the_plan_is_taken_by_the_next_run() {
    let root = root();
    let id = planned(root.path());
    let step = |words: &str| step(root.path(), words);
    land(root.path(), "pm/a.xml.gz", &pm("N2", 10, VALUES), 10);
    step(&format!("--step shard --plan {id}"));
    let run = step(&format!("--step commit --plan {id}"));
    assert_eq!(counts(&run), [0, 0, 0, 2], "both wait: {}", run.stderr);
    assert_eq!(states(root.path()), BTreeMap::from([("waiting".into(), 2)]));
    let run = ingest(root.path(), [11, 12]).config(&config()).exits(0);
    assert_eq!(counts(&run), [2, 0, 0, 0], "{}", run.stderr);
    let counters = rows(root.path(), "pm_counters");
    let elements: BTreeSet<String> = texts(&counters, "ne_dn").into_iter().collect();
    let expected = ["N1", "N2"].map(|name| format!("SubNetwork=S,ManagedElement={name}"));
    assert_eq!(elements, BTreeSet::from(expected));
    let known = hours(&counters, "known_at");
    assert_eq!(known, [12.5; 4], "the run before had neither, however old the files");
}

#[test]
fn a_plan_that_is_forced_again_forgets_what_it_took_before() {
    let root = root();
    let id = planned(root.path());
    let step = |words: &str| step(root.path(), words);
    step(&format!("--step shard --plan {id}"));
    assert_eq!(counts(&step(&format!("--step commit --plan {id}"))), [1, 1, 0, 0]);
    land(root.path(), "pm/a.xml.gz", &pm("N2", 10, VALUES), 10);
    step(&format!("--step shard --force --plan {id}"));
    let run = step(&format!("--step commit --force --plan {id}"));
    assert_eq!(counts(&run), [0, 0, 0, 2], "both wait: {}", run.stderr);
    assert_eq!(rows(root.path(), "pm_counters").num_rows(), 0, "of what changed nothing is left");
    let run = ingest(root.path(), [11, 12]).exits(0);
    assert_eq!(counts(&run), [2, 0, 0, 0], "nothing is lost: {}", run.stderr);
}

#[test]
fn a_copy_of_what_its_feed_cannot_read_is_read_by_another_feed() {
    for is_retried in [false, true] {
        let root = root();
        let mut config = config();
        config["retry_quarantined"] = json!(is_retried);
        land(root.path(), "pm/calendar.xml", CALENDAR, 8);
        land(root.path(), "events/calendar.csv", CALENDAR, 9);
        let run = ingest(root.path(), [9, 10]).config(&config).exits(0);
        assert_eq!(counts(&run), [0, 0, 1, 1], "{}", run.stderr);
        let run = ingest(root.path(), [10, 11]).config(&config).exits(0);
        assert_eq!(counts(&run), [1, 0, i64::from(is_retried), 0], "{}", run.stderr);
        let events = rows(root.path(), "local_events");
        assert_eq!(texts(&events, "event_id"), ["a"]);
        let known = hours(&events, "known_at");
        assert_eq!(known, [11.5], "no run before had it, however old its file");
    }
}

#[test]
fn copies_of_a_table_that_cannot_be_read_are_set_aside_with_it() {
    let root = root();
    for name in ["a", "b", "c"] {
        land(root.path(), &format!("events/{name}.csv"), TWICE, 9);
    }
    let run = ingest(root.path(), [9, 10]).config(&config()).exits(0);
    assert_eq!(counts(&run), [0, 0, 3, 0], "{}", run.stderr);
    let fault = "column `from`: stands twice in the file";
    let copy = format!("same bytes as events/a.csv: {fault}");
    let mut reasons = texts(&rows(root.path(), "quarantine"), "reason");
    reasons.sort();
    assert_eq!(reasons, [fault, copy.as_str(), copy.as_str()]);
    let run = ingest(root.path(), [10, 11]).config(&config()).exits(0);
    assert_eq!(counts(&run), [0; 4], "settled: {}", run.stderr);
}

#[test]
fn bytes_that_another_path_gives_another_meaning_are_no_copies_of_bad_ones() {
    let root = root();
    let mut config = config();
    config["mappings"][0]["sources"][0]["path"] = json!("events/{region}/*.csv");
    for name in ["north/a", "north/b", "south/a", "south/b"] {
        land(root.path(), &format!("events/{name}.csv"), TWICE, 9);
    }
    let run = ingest(root.path(), [9, 10]).config(&config).exits(0);
    assert_eq!(counts(&run), [0, 0, 2, 2], "those of the south wait: {}", run.stderr);
    let run = ingest(root.path(), [10, 11]).config(&config).exits(0);
    assert_eq!(counts(&run), [0, 0, 2, 0], "both in one run: {}", run.stderr);
    config["retry_quarantined"] = json!(true);
    let run = ingest(root.path(), [11, 12]).config(&config).exits(0);
    assert_eq!(counts(&run), [0, 0, 4, 0], "nobody waits for the north: {}", run.stderr);
}

#[test]
fn a_retry_tries_each_content_once_and_its_copies_follow() {
    let root = root();
    for name in ["a", "b", "c"] {
        land(root.path(), &format!("events/{name}.csv"), CALENDAR, 8);
        land(root.path(), &format!("pm/{name}.xml.gz"), &pm("N1", 8, VALUES), 8);
    }
    let mut config = config();
    config["max_file_mib"] = json!(0);
    let run = ingest(root.path(), [8, 9]).config(&config).exits(0);
    assert_eq!(counts(&run), [0, 0, 6, 0], "all are too large: {}", run.stderr);
    config["retry_quarantined"] = json!(true);
    let run = ingest(root.path(), [9, 10]).config(&config).exits(0);
    assert_eq!(counts(&run), [0, 0, 6, 0], "none waits: {}", run.stderr);
    config["max_file_mib"] = json!(1);
    let run = ingest(root.path(), [10, 11]).config(&config).exits(0);
    assert_eq!(counts(&run), [2, 4, 0, 0], "{}", run.stderr);
    for table in ["local_events", "pm_counters"] {
        let mut known = hours(&rows(root.path(), table), "known_at");
        known.dedup();
        assert_eq!(known, [11.5], "{table} was not read before");
    }
    let run = ingest(root.path(), [11, 12]).config(&config).exits(0);
    assert_eq!(counts(&run), [0; 4], "settled: {}", run.stderr);
}

#[test]
fn copies_of_a_file_that_cannot_be_read_are_set_aside_with_it() {
    let root = root();
    let good = pm("N1", 10, VALUES);
    for number in 0..12 {
        land(root.path(), &format!("pm/{number:02}.xml.gz"), &good[..good.len() / 2], 10);
    }
    // More than half of the files, and one fault: the plan stands.
    let run = ingest(root.path(), [10, 11]).exits(0);
    assert_eq!(counts(&run), [0, 0, 12, 0], "{}", run.stderr);
    let reasons = texts(&rows(root.path(), "quarantine"), "reason");
    let same = "same bytes as pm/00.xml.gz: compression: ";
    let copies = reasons.iter().filter(|reason| reason.starts_with(same)).count();
    assert_eq!(copies, 11, "{reasons:?}");
    assert_eq!(counts(&ingest(root.path(), [11, 12]).exits(0)), [0; 4], "settled");
}
