//! Copies, the same bytes at several paths: none is settled by a file that gave no rows.

use std::collections::BTreeSet;
use std::path::Path;

use foresite_testkit::Run;
use serde_json::{Value as Json, json};

use crate::landing::{counted, hours, ingest, land, pm, root, rows, texts};

const VALUES: [&str; 4] = ["1", "2", "3", "4"];

/// A step of the hour from ten.
fn step(root: &Path, words: &str) -> Run {
    ingest(root, [10, 11]).args(words).exits(0)
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
    let run = ingest(root.path(), [11, 12]).exits(0);
    assert_eq!(counts(&run), [2, 0, 0, 0], "{}", run.stderr);
    let elements: BTreeSet<String> =
        texts(&rows(root.path(), "pm_counters"), "ne_dn").into_iter().collect();
    let expected = ["N1", "N2"].map(|name| format!("SubNetwork=S,ManagedElement={name}"));
    assert_eq!(elements, BTreeSet::from(expected));
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
    let root = root();
    let sample = include_str!("../../docs/samples/ingest/mapping-events.json");
    let config = json!({
        "mappings": [serde_json::from_str::<Json>(sample).unwrap()],
        "schedule": {"period_seconds": 3600, "lateness_seconds": 1800},
    });
    let calendar = b"id,name,from,until,entities\n\
                     a,Fair,2024-05-04T08:00:00Z,2024-05-06T20:00:00Z,north/N001\n";
    land(root.path(), "pm/calendar.xml", calendar, 8);
    land(root.path(), "events/calendar.csv", calendar, 9);
    let run = ingest(root.path(), [9, 10]).config(&config).exits(0);
    assert_eq!(counts(&run), [0, 0, 1, 1], "{}", run.stderr);
    let run = ingest(root.path(), [10, 11]).config(&config).exits(0);
    assert_eq!(counts(&run), [1, 0, 0, 0], "{}", run.stderr);
    let events = rows(root.path(), "local_events");
    assert_eq!(texts(&events, "event_id"), ["a"]);
    assert_eq!(hours(&events, "known_at"), [11.5], "no run before had it, however old its file");
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
