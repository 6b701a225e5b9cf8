//! The stage as a process: what is judged now, and what has to wait.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, dead_code)]

mod fixture;

use fixture::facts::ticket;
use fixture::models::{model, promote, say};
use fixture::{
    AS_IT_IS, DAY, HOUR, count, done, end, monitor_at, network, performance, rows_where, text,
};
use foresite_tables::Root;

/// Judged predictions of a horizon of a day, and those whose truth is still to come.
fn judged(root: &Root) -> (i64, i64, String) {
    let rows = performance(root);
    let of = |metric, kind| {
        let wanted = [("task", "maintenance"), ("scope", "1d"), ("metric", metric), ("kind", kind)];
        rows_where(&rows, &wanted)[0]
    };
    let (realised, estimated) = (of("brier", "realised"), of("events", "estimated"));
    let reason = text(&rows, "reason", realised);
    (count(&rows, "samples", realised), count(&rows, "samples", estimated), reason)
}

/// Predictions of twelve sites half a day before the end; four of them failed since.
fn half_a_day(root: &Root) {
    model(root, "maintenance", "m1", (end() - 60 * DAY, end() - 30 * DAY));
    promote(root, "maintenance", 1, "m1");
    let sites: Vec<String> = (0..12).map(|site| format!("north/N{:03}", site + 1)).collect();
    let said: Vec<_> = sites.iter().map(|site| (site.as_str(), end() - 12 * HOUR, 24)).collect();
    say(root, &said, 0.3);
    let failed: Vec<&str> = sites[..4].iter().map(String::as_str).collect();
    ticket(root, &failed, (end() - 8 * HOUR, end() - 7 * HOUR));
}

#[test]
fn an_event_waits_as_long_as_there_being_none() {
    let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
    half_a_day(&root);
    done(&root);
    let (realised, open, reason) = judged(&root);
    assert_eq!((realised, open), (0, 12), "{reason}");
}

#[test]
fn a_later_look_is_another_computation() {
    let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
    half_a_day(&root);
    let first = done(&root);
    let later = monitor_at(&root, end() + 5 * DAY).exits(0);
    assert_eq!(later.status(), "done", "{}", later.stderr);
    assert_ne!(later.result["lineage_id"], first.result["lineage_id"]);
    let (realised, open, reason) = judged(&root);
    assert_eq!((realised, open), (12, 0), "{reason}");
    let again = monitor_at(&root, end() + 5 * DAY).exits(0);
    assert_eq!(again.status(), "unchanged");
}

#[test]
fn what_does_not_count_is_told() {
    let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
    model(&root, "maintenance", "m1", (end() - 60 * DAY, end() - 30 * DAY));
    promote(&root, "maintenance", 1, "m1");
    let cutoff = end() - 8 * DAY;
    say(&root, &[("north/N001", cutoff, 24), ("north/N002", cutoff, 24)], 0.3);
    // The first one was out when the model spoke.
    ticket(&root, &["north/N001"], (cutoff - HOUR, cutoff + HOUR));
    done(&root);
    let (realised, _, reason) = judged(&root);
    assert_eq!(realised, 1, "{reason}");
    assert!(
        reason.ends_with("1 predictions left out: acted upon, planned work or an event under way"),
        "{reason}"
    );
}

#[test]
fn what_was_corrected_counts_once() {
    let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
    half_a_day(&root);
    let sites: Vec<String> = (0..12).map(|site| format!("north/N{:03}", site + 1)).collect();
    let said: Vec<_> = sites.iter().map(|site| (site.as_str(), end() - 12 * HOUR, 24)).collect();
    fixture::models::say_at(&root, &said, 0.5, end() + HOUR);
    let corrected = |_, hour| Some((if hour >= end() - DAY { 1.01 } else { 1.0 }, 1.0));
    fixture::kpis(&root, &corrected, end() + HOUR);
    monitor_at(&root, end() + 5 * DAY).exits(0);
    let (realised, open, reason) = judged(&root);
    assert_eq!((realised, open), (12, 0), "{reason}");
    let rows = performance(&root);
    let of = |wanted: &[(&str, &str)]| {
        let found = rows_where(&rows, wanted);
        (text(&rows, "state", found[0]), fixture::number(&rows, "value", found[0]).unwrap())
    };
    let brier =
        of(&[("task", "maintenance"), ("scope", "1d"), ("metric", "brier"), ("kind", "realised")]);
    assert!((brier.1 - 0.25).abs() < 1e-9, "the last word is .5: {brier:?}");
    assert_eq!(of(&[("scope", "cell derived"), ("metric", "rows")]), ("ok".into(), 1728.0));
}
