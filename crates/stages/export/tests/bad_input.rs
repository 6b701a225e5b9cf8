//! The stage on what is not there, not known, too much or not its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod fixture;

use fixture::{bare, document, done, faults, files, folder, full, stage, stage_at};
use foresite_schema::catalog::raw;
use foresite_testkit::{Binary, Run};
use serde_json::{Value as Json, json};

/// An export without an entry, which is whole nevertheless.
fn is_empty(root: &std::path::Path, run: &Run) -> Json {
    assert_eq!((run.status(), run.result["verdict"].as_str()), ("done", Some("empty")));
    let folder = folder(root, run);
    assert_eq!(faults(&files(&folder)), Vec::<String>::new());
    let reports = document(&folder, "mda-reports");
    assert_eq!(reports["mDAReports"], json!([]));
    reports["foresite"].clone()
}

#[test]
fn a_data_root_without_tables_gives_empty_documents_that_say_so() {
    let (root, _) = bare();
    let run = done(root.path());
    let header = is_empty(root.path(), &run);
    let missing = run.result["numbers"]["missing_tables"].as_array().unwrap();
    for name in ["incidents", "worklist", "feedback", "evaluations", "performance"] {
        assert!(missing.contains(&json!(name)), "{name}: {missing:?}");
    }
    assert!(header.get("knownAt").is_none(), "nothing was known: {header}");
    assert_eq!(done(root.path()).status(), "unchanged");
}

#[test]
fn a_clock_before_the_rows_gives_empty_documents() {
    let (root, _) = full();
    let run = stage_at(root.path(), "2026-03-01T00:00:00Z").exits(0);
    is_empty(root.path(), &run);
    assert_eq!(
        run.result["numbers"]["missing_tables"],
        json!([]),
        "they are there, only not known yet"
    );
}

#[test]
fn an_interval_without_rows_gives_empty_documents() {
    let (root, _) = full();
    let empty = Binary::stage("export")
        .root(root.path())
        .interval("2025-03-09T13:00:00Z", "2025-03-09T14:00:00Z");
    is_empty(root.path(), &empty.exits(0));
}

#[test]
fn a_task_without_a_table_is_named_and_stops_nothing() {
    let (root, store) = full();
    std::fs::remove_dir_all(root.path().join("tables/predictions_capacity")).unwrap();
    drop(store);
    let run = done(root.path());
    let missing = &run.result["numbers"]["missing_tables"];
    assert_eq!(missing, &json!(["predictions_capacity"]));
    assert_eq!(run.number("mda_reports"), Some(5.0));
    assert_eq!(faults(&files(&folder(root.path(), &run))), Vec::<String>::new());
}

#[test]
fn a_table_that_is_created_later_without_rows_changes_nothing() {
    let (root, store) = bare();
    let first = done(root.path());
    store.table(raw::feedback()).unwrap();
    let again = done(root.path());
    assert_eq!(again.status(), "unchanged");
    assert_eq!(again.result["numbers"]["folder"], first.result["numbers"]["folder"]);
    let missing = |run: &Run| run.result["numbers"]["missing_tables"].as_array().unwrap().len();
    assert_eq!(missing(&again) + 1, missing(&first), "the result says what is there by now");
}

#[test]
fn wrong_arguments_are_refused_with_what_to_do() {
    let (root, _) = bare();
    let on =
        |start: &str, end: &str| Binary::stage("export").root(root.path()).interval(start, end);
    let noon = "2026-03-09T12:00:00Z";
    let cases = [
        (on(noon, noon), "the end must come after the start"),
        (on(noon, "2026-03-09T12:30:00Z"), "expected full hours"),
        (on("2026-01-01T00:00:00Z", "2026-02-01T01:00:00Z"), "longer than 31 days"),
        (stage(root.path()).args("--task anomaly"), "leave out --task"),
        (stage(root.path()).config(&json!({"tasks": [{"task": "../x"}]})), "missing field"),
        (stage(root.path()).config(&json!({"severities": {"major": 2.0}})), "severities"),
        (stage(root.path()).config(&json!({"most_rows": 0})), "most_rows"),
    ];
    for (call, words) in cases {
        let run = call.exits(2);
        assert!(run.error_line().contains(words), "{words}: {}", run.stderr);
    }
    assert!(!root.path().join("exports").exists());
    let nowhere = root.path().join("nowhere");
    stage(&nowhere).exits(66);
}

#[test]
fn more_rows_than_memory_is_meant_for_end_the_stage_before_it_writes() {
    let (root, _) = full();
    let run = stage(root.path()).config(&json!({"most_rows": 3})).exits(65);
    assert!(run.error_line().contains("more incidents than the 3"), "{}", run.stderr);
    assert!(run.error_line().contains("shorter interval"), "{}", run.stderr);
    assert!(!root.path().join("exports").exists());
}

#[test]
fn a_dry_run_touches_nothing() {
    let (root, _) = full();
    let run = stage(root.path()).args("--dry-run").exits(0);
    assert_eq!((run.status(), run.number("mda_reports")), ("planned", Some(5.0)));
    assert!(!root.path().join("exports").exists() && !root.path().join("lineage").exists());
}

#[test]
fn a_run_that_did_not_come_to_its_end_is_finished_and_a_changed_file_is_found() {
    let (root, _) = full();
    let path = folder(root.path(), &done(root.path()));
    std::fs::remove_file(path.join("manifest.json")).unwrap();
    std::fs::remove_file(path.join("feedback.json")).unwrap();
    assert_eq!(done(root.path()).status(), "done");
    assert_eq!(faults(&files(&path)), Vec::<String>::new());
    std::fs::write(path.join("feedback.json"), "{}").unwrap();
    let run = stage(root.path()).exits(65);
    assert!(run.error_line().contains("feedback.json: holds something else"), "{}", run.stderr);
    assert!(run.error_line().contains("move it away"), "{}", run.stderr);
}
