//! The maintain stage with its data root on HDFS, judged by what Hadoop's own client lists.

use foresite_tables::{Read, Root};
use foresite_testkit::{Binary, Hdfs};
use serde_json::{Value as Json, json};

use crate::fixture::{commit, filled, kpis, rows, slot};

fn maintain(root: &Root, step: &str, config: &Json) -> Binary {
    let stage = Binary::stage("maintain").arg("--data-root").arg(root.url().as_str());
    let stage = stage.args("--as-of 2026-02-01T00:00:00Z --force --step").arg(step);
    stage.config(config)
}

/// Without history and grace, so that everything dead counts at once.
fn at_once(delete: bool) -> Json {
    json!({"delete": delete, "history_days": 0, "grace_hours": 0.0, "plan_days": 0})
}

/// Files below the table whose path contains `part`.
fn listed(hdfs: &Hdfs, root: &Root, part: &str) -> usize {
    let table = root.url().join("tables/kpis").unwrap();
    let all = hdfs.control(&format!("dfs -ls -R {table}"));
    all.lines().filter(|line| line.starts_with('-') && line.contains(part)).count()
}

fn row_count(root: &Root) -> usize {
    root.existing(kpis()).unwrap().read_all(&Read::all()).unwrap().num_rows()
}

#[test]
fn every_step_of_maintain_does_on_hdfs_what_it_says() {
    let Some((hdfs, root)) = crate::root() else { return };
    let table = filled(&root, 0..12);
    // 1000 days before: past what `kpis` keeps.
    let old = -24_000;
    table
        .replace(&slot(old, old + 1), &rows(&[("a", old, Some(1.0), 1)]), &commit("0d", 1))
        .unwrap();
    let (dry, told) = (at_once(false), at_once(true));

    let run = maintain(&root, "history", &json!({"history_entries": 5})).exits(0);
    assert_eq!(run.number("commits"), Some(5.0));
    let run = maintain(&root, "verify", &dry).exits(0);
    assert_eq!((run.number("files"), run.number("rows")), (Some(13.0), Some(25.0)));

    maintain(&root, "retention", &dry).exits(0);
    assert_eq!(row_count(&root), 25, "not told to");
    let run = maintain(&root, "retention", &told).exits(0);
    assert_eq!((run.number("expired_rows"), row_count(&root)), (Some(1.0), 24));

    let run = maintain(&root, "compact", &dry).args("--dry-run").exits(0);
    assert_eq!((run.status(), run.number("compacted_files")), ("planned", Some(12.0)));
    let run = maintain(&root, "compact", &dry).exits(0);
    assert_eq!((run.number("made_files"), row_count(&root)), (Some(1.0), 24));

    table.stage(&rows(&[("a", 5, Some(1.0), 1)])).unwrap();
    assert_eq!(maintain(&root, "orphans", &dry).exits(0).number("orphan_files"), Some(1.0));

    maintain(&root, "checkpoint", &dry).exits(0);
    assert_eq!(listed(&hdfs, &root, "00000000000000000000.json"), 1, "not told to");
    maintain(&root, "checkpoint", &told).exits(0);
    assert_eq!(listed(&hdfs, &root, "00000000000000000000.json"), 0);
    assert_eq!(row_count(&root), 24);

    let half = root.url().join("tables/kpis/.tmp-1-part").unwrap();
    hdfs.control(&format!("dfs -touchz {half}"));
    let run = maintain(&root, "vacuum", &dry).exits(0);
    assert_eq!((run.number("dead_files"), listed(&hdfs, &root, "/part-")), (Some(14.0), 15));
    let run = maintain(&root, "vacuum", &told).exits(0);
    assert_eq!(run.number("deleted_files"), Some(14.0), "{}", run.result);
    assert_eq!(run.number("half_written_files"), Some(1.0), "{}", run.result);
    assert_eq!(listed(&hdfs, &root, "/part-"), 1);
    assert_eq!(listed(&hdfs, &root, ".tmp-"), 0);
    assert_eq!(row_count(&root), 24);
    maintain(&root, "verify", &dry).exits(0);
    assert_eq!(maintain(&root, "all", &told).exits(0).number("deleted_files"), Some(0.0));
}

#[test]
fn a_vacuum_follows_the_clock_of_hdfs_and_not_its_own() {
    let Some((_hdfs, root)) = crate::root() else { return };
    let Some(library) = crate::clock::fake_time() else { return };
    let table = filled(&root, 0..2);
    let staged = table.stage(&rows(&[("a", 5, Some(1.0), 1)])).unwrap();
    // By a clock ten minutes ahead the staged file would be older than the grace.
    let six_minutes = json!({"delete": true, "history_days": 0, "grace_hours": 0.1});
    let run = maintain(&root, "vacuum", &six_minutes)
        .env("LD_PRELOAD", library.to_str().unwrap())
        .env("FAKETIME", "+10m")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .exits(0);
    assert_eq!(run.number("deleted_files"), Some(0.0), "{}", run.result);
    let plan = foresite_tables::Slot::plan("derived", "p");
    table.commit_staged(&plan, &staged, &commit("ff", 1)).unwrap();
    assert_eq!(row_count(&root), 5);
}
