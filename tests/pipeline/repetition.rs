//! A past hour is predicted once more: what was issued stays, and the repetition is a replay beside it.

use std::collections::BTreeSet;
use std::path::Path;

use arrow::array::{AsArray as _, RecordBatch};
use foresite_schema::catalog::outcome;
use foresite_tables::{Read, Root};
use foresite_testkit::{Binary, Run};
use tempfile::TempDir;

use crate::origin;
use crate::rebuild::{rebuilt, told};
use crate::toy::{DEVICES, END, HOUR, HOURS, model, stage, with_champion, with_tasks};
use crate::trust::second;

/// Intervals that end in a cutoff: one that nobody spoke about in time, one that is past, the newest.
const MISSED: [&str; 2] = ["1970-03-11T06:00:00Z", "1970-03-11T12:00:00Z"];
const PAST: [&str; 2] = ["1970-03-11T12:00:00Z", "1970-03-11T18:00:00Z"];
const NEWEST: [&str; 2] = ["1970-03-11T18:00:00Z", END];
/// The cutoffs of those intervals.
const MISSED_END: i64 = (HOURS - 12) * HOUR;
const PAST_END: i64 = (HOURS - 6) * HOUR;
const NEWEST_END: i64 = HOURS * HOUR;

/// A root where a champion spoke about two cutoffs, and the next champion, whose id comes with it.
fn with_the_next_champion() -> (TempDir, String) {
    let (root, [first, ..]) = with_champion();
    with_tasks(root.path(), "featurize").interval(MISSED[0], PAST[1]).exits(0);
    for hour in [PAST, NEWEST] {
        assert_eq!(ended(&predict(root.path(), hour).exits(0)), ("champion", "done"));
    }
    let next = second(root.path());
    assert_ne!(next, model(&first));
    assert_eq!(stage(root.path(), "promote").exits(0).result["verdict"], "champion");
    (root, next)
}

fn predict(root: &Path, interval: [&str; 2]) -> Binary {
    stage(root, "predict").interval(interval[0], interval[1])
}

/// Verdict and status.
fn ended(run: &Run) -> (&str, &str) {
    (run.result["verdict"].as_str().unwrap_or_default(), run.status())
}

/// All versions of what a source holds about a cutoff, tombstones included.
fn held(root: &Path, source: &str, cutoff: i64) -> RecordBatch {
    let store = Root::open(root.to_str().unwrap()).unwrap();
    let table = store.existing(outcome::predictions("toy")).unwrap();
    table.read_all(&Read::all().text("source", source).period(cutoff, cutoff + 1)).unwrap()
}

/// Models of the rows that are no tombstones, whether these are replays, and how many they are.
fn said(rows: &RecordBatch) -> (BTreeSet<String>, BTreeSet<bool>, i64) {
    let flags = |name: &str| rows.column_by_name(name).unwrap().as_boolean().clone();
    let (replays, gone) = (flags("replay"), flags("tombstone"));
    let models = rows.column_by_name("model_id").unwrap().as_string::<i32>();
    let (mut by, mut are_replays, mut count) = (BTreeSet::new(), BTreeSet::new(), 0);
    for row in (0..rows.num_rows()).filter(|row| !gone.value(*row)) {
        by.insert(models.value(row).to_owned());
        are_replays.insert(replays.value(row));
        count += 1;
    }
    (by, are_replays, count)
}

/// One model's word about every device.
fn all_by(model: &str, is_replay: bool) -> (BTreeSet<String>, BTreeSet<bool>, i64) {
    (BTreeSet::from([model.to_owned()]), BTreeSet::from([is_replay]), DEVICES)
}

/// The page about the first of some rows.
fn why(root: &Path, rows: &RecordBatch) -> String {
    let ids = rows.column_by_name("prediction_id").unwrap().as_string::<i32>();
    let call = format!("--step why --task toy --prediction {}", ids.value(0));
    Binary::stage("maintain").root(root).args(&call).exits(0).stdout
}

#[test]
fn what_was_issued_stays_when_its_hour_is_repeated() {
    let (root, next) = with_the_next_champion();
    let root = root.path();
    let issued = held(root, "derived", PAST_END);
    for (more, status) in [("", "done"), ("", "unchanged"), ("--force", "done")] {
        let run = predict(root, PAST).args(more).exits(0);
        assert_eq!(ended(&run), ("replay", status), "{more} {}", run.stderr);
        assert_eq!(run.number("replays"), Some(DEVICES as f64));
        assert!(run.stderr.contains("what was issued stays"), "{}", run.stderr);
        assert_eq!(held(root, "derived", PAST_END), issued, "{more}: people were shown this");
        assert_eq!(said(&held(root, "replay", PAST_END)), all_by(&next, true));
    }
    let again = rebuilt(predict(root, PAST));
    assert_eq!(told(&again), ("equal", 1.0), "{} {}", again.result, again.stderr);
}

#[test]
fn what_why_says_repeats_a_past_row_and_its_replay() {
    let (root, next) = with_the_next_champion();
    let root = root.path();
    predict(root, PAST).exits(0);
    let issued = held(root, "derived", PAST_END);
    let page = why(root, &issued);
    let again = origin::once_more(&page).exits(0);
    assert_eq!(told(&again), ("equal", 1.0), "{page}\n{}", again.stderr);
    assert_eq!(held(root, "derived", PAST_END), issued, "{page}");

    let replays = held(root, "replay", PAST_END);
    let page = why(root, &replays);
    let again = origin::once_more(&page).exits(0);
    let maker = replays.column_by_name("lineage_id").unwrap().as_string::<i32>().value(0);
    assert_eq!(again.result["lineage_id"], maker, "the call is the same run: {page}");
    assert_eq!(said(&held(root, "replay", PAST_END)), all_by(&next, true), "{page}");
    assert_eq!(held(root, "derived", PAST_END), issued, "{page}");
}

#[test]
fn what_comes_late_for_the_first_time_is_a_replay_in_its_own_place() {
    let (root, next) = with_the_next_champion();
    let root = root.path();
    for status in ["done", "unchanged"] {
        let run = predict(root, MISSED).exits(0);
        assert_eq!(ended(&run), ("champion", status), "{}", run.stderr);
        assert_eq!(said(&held(root, "derived", MISSED_END)), all_by(&next, true));
        assert_eq!(held(root, "replay", MISSED_END).num_rows(), 0);
    }
}

#[test]
fn a_wide_repetition_says_the_newest_hour_anew_and_leaves_the_older_one() {
    let (root, next) = with_the_next_champion();
    let root = root.path();
    let issued = held(root, "derived", PAST_END);
    for status in ["done", "unchanged"] {
        let run = predict(root, [PAST[0], NEWEST[1]]).exits(0);
        assert_eq!(ended(&run), ("champion", status), "{}", run.stderr);
        assert_eq!(run.number("replays"), Some(DEVICES as f64));
        assert_eq!(held(root, "derived", PAST_END), issued, "people were shown this");
        assert_eq!(said(&held(root, "replay", PAST_END)), all_by(&next, true));
        assert_eq!(said(&held(root, "derived", NEWEST_END)), all_by(&next, false));
    }
}

#[test]
fn what_nobody_said_in_time_comes_late_in_a_wide_run_too() {
    let (root, [first, ..]) = with_champion();
    let (root, first) = (root.path(), model(&first));
    with_tasks(root, "featurize").interval(PAST[0], PAST[1]).exits(0);
    predict(root, NEWEST).exits(0);
    for status in ["done", "unchanged"] {
        let run = predict(root, [PAST[0], NEWEST[1]]).exits(0);
        assert_eq!(ended(&run), ("champion", status), "{}", run.stderr);
        assert_eq!(said(&held(root, "derived", PAST_END)), all_by(&first, true));
        assert_eq!(said(&held(root, "derived", NEWEST_END)), all_by(&first, false));
    }
}
