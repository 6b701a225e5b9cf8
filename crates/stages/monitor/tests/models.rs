//! The stage as a process: models that cannot be read, and tasks without one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, dead_code)]

mod fixture;

use fixture::models::{decide, decide_at, model, promote};
use fixture::{
    AS_IT_IS, DAY, HOUR, done, drift, end, monitor, monitor_days, network, performance, rows_where,
    text, time,
};
use foresite_registry::EventKind;
use foresite_tables::Root;

/// State and reason of the only row of a metric.
fn row(root: &Root, metric: &str) -> (String, String) {
    let rows = performance(root);
    let found = rows_where(&rows, &[("task", "anomaly"), ("metric", metric)]);
    assert_eq!(found.len(), 1, "{metric}");
    (text(&rows, "state", found[0]), text(&rows, "reason", found[0]))
}

#[test]
fn a_bad_bundle_is_broken_until_it_is_read() {
    let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
    model(&root, "anomaly", "m1", (end() - 60 * DAY, end() - 30 * DAY));
    promote(&root, "anomaly", 1, "m1");
    let card = root.local_path("models/anomaly/m1/bundle/model.json").unwrap();
    let good = std::fs::read(&card).unwrap();
    std::fs::write(&card, "{}").unwrap();
    let broken = done(&root);
    assert_eq!(broken.result["verdict"], "broken");
    let (state, reason) = row(&root, "bundle");
    assert_eq!(state, "broken");
    assert!(reason.contains("model.json"), "{reason}");
    // What was not read is no input: the repaired bundle makes another computation.
    std::fs::write(&card, good).unwrap();
    assert_ne!(done(&root).result["lineage_id"], broken.result["lineage_id"]);
    assert!(rows_where(&performance(&root), &[("metric", "bundle")]).is_empty());
}

#[test]
fn storage_that_fails_for_now_ends_the_stage() {
    let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
    model(&root, "anomaly", "m1", (end() - 60 * DAY, end() - 30 * DAY));
    promote(&root, "anomaly", 1, "m1");
    // A link to itself: the name is there, and reading it fails in a way that is not the bundle's.
    let card = root.local_path("models/anomaly/m1/bundle/model.json").unwrap();
    std::fs::remove_file(&card).unwrap();
    std::os::unix::fs::symlink(&card, &card).unwrap();
    let run = monitor(&root).exits(75);
    assert!(run.error_line().contains("read model m1 of the task anomaly"), "{}", run.stderr);
}

#[test]
fn a_task_that_nobody_serves_is_told() {
    let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
    done(&root);
    let (state, reason) = row(&root, "serving");
    assert_eq!(
        (state.as_str(), reason.as_str()),
        ("unknown", "no model of the task was promoted yet")
    );
    model(&root, "anomaly", "m1", (end() - 60 * DAY, end() - 30 * DAY));
    promote(&root, "anomaly", 1, "m1");
    decide(&root, "anomaly", 2, (EventKind::Revoked, "m1"));
    done(&root);
    assert_eq!(row(&root, "serving").1, "model m1 was revoked and no other serves");
    let said = text(&drift(&root), "exclusions", 0);
    assert!(said.starts_with("no model of the task speaks"), "{said}");
}

#[test]
fn the_reference_is_what_the_model_learnt() {
    for (days, exclusions, not_tested) in [
        (26, "the model learnt from 3 of the 8 weeks of a reference", ""),
        (
            20,
            "the model learnt from 2 of the 8 weeks of a reference",
            "the model learnt from 20 days",
        ),
    ] {
        let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
        let until = end() - 10 * DAY;
        model(&root, "anomaly", "m1", (until - days * DAY, until));
        promote(&root, "anomaly", 1, "m1");
        let run = done(&root);
        assert_eq!(run.number("tests"), Some(if not_tested.is_empty() { 12.0 } else { 0.0 }));
        let rows = drift(&root);
        let said = text(&rows, "exclusions", 0);
        assert!(said.starts_with(exclusions), "{said}");
        assert!(text(&rows, "not_tested", 0).starts_with(not_tested));
        let start = time(&rows, "reference_start", 0);
        assert!(start >= until - days * DAY, "{} days", (until - start) / DAY);
    }
}

#[test]
fn a_day_is_judged_by_the_model_that_served_it() {
    let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
    for id in ["m1", "m2"] {
        model(&root, "anomaly", id, (end() - 60 * DAY, end() - 30 * DAY));
    }
    let promoted = |id| (EventKind::Promoted, id);
    decide_at(&root, ("anomaly", 1), promoted("m1"), end() - 3 * DAY + 2 * HOUR);
    decide_at(&root, ("anomaly", 2), promoted("m2"), end() - DAY + 2 * HOUR);
    monitor_days(&root, 4).exits(0);
    let rows = drift(&root);
    let model_of = |days: i64| {
        let of_day = |row: &usize| time(&rows, "window_end", *row) == end() - days * DAY;
        (0..rows.num_rows()).find(of_day).map(|row| text(&rows, "model_id", row)).unwrap()
    };
    assert_eq!([0, 1, 2, 3].map(model_of), ["m2", "m1", "m1", ""]);
}
