//! The maintain stage as a process: what it says, what it leaves alone, what it deletes only when
//! told to.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float32Array, Float64Array, Int32Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array,
};
use foresite_schema::{DataKind, Nullability, TableDef, catalog};
use foresite_stage::Manifest;
use foresite_tables::{Commit, Read, Root, Slot, StagedFile, Value};
use foresite_testkit::{Binary, Run};
use serde_json::json;
use tempfile::TempDir;

const HOUR: i64 = 3_600_000_000;
/// 2026-01-01T00:00:00Z.
const DAY: i64 = 1_767_225_600_000_000;

/// Rows of a table: the given columns, every other one constant or null.
fn batch(def: &TableDef, rows: usize, given: &[(&str, ArrayRef)]) -> RecordBatch {
    let times = || Arc::new(TimestampMicrosecondArray::from_value(DAY, rows).with_timezone("UTC"));
    let columns = def.columns.iter().filter(|column| column.name != "date").map(|column| {
        let array: ArrayRef = match (&column.kind, column.nullability) {
            _ if given.iter().any(|(name, _)| *name == column.name) => {
                let found = given.iter().find(|(name, _)| *name == column.name);
                Arc::clone(&found.unwrap().1)
            }
            (kind, Nullability::Nullable) => new_null_array(&kind.arrow(), rows),
            (DataKind::Text, _) => Arc::new(StringArray::from(vec!["x"; rows])),
            (DataKind::Bool, _) => Arc::new(BooleanArray::from(vec![false; rows])),
            (DataKind::Int, _) => Arc::new(Int32Array::from(vec![0; rows])),
            (DataKind::Long, _) => Arc::new(Int64Array::from(vec![0; rows])),
            (DataKind::Float, _) => Arc::new(Float32Array::from(vec![0.0; rows])),
            (DataKind::Double, _) => Arc::new(Float64Array::from(vec![0.0; rows])),
            (DataKind::Date, _) => Arc::new(Date32Array::from(vec![0; rows])),
            (DataKind::Time, _) => times(),
            (kind, _) => new_null_array(&kind.arrow(), rows),
        };
        (column.name.clone(), array)
    });
    RecordBatch::try_from_iter(columns).unwrap()
}

fn text(value: &str) -> ArrayRef {
    Arc::new(StringArray::from(vec![value]))
}

fn time(at: i64) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_value(at, 1).with_timezone("UTC"))
}

fn commit(lineage_id: &str) -> Commit {
    let note = json!({"stage": "test"});
    let lineage_id = lineage_id.into();
    Commit { lineage_id, as_of: DAY, ingested_at: DAY, force: false, note }
}

fn root(folder: &TempDir) -> Root {
    Root::open(folder.path().to_str().unwrap()).unwrap()
}

/// Fills an hour of `kpis`, counted from the start of 2026, with one row.
fn fill(folder: &TempDir, hour: i64, lineage: &str) {
    let def = catalog::derived::kpis();
    let table = root(folder).table(def.clone()).unwrap();
    let start = DAY + hour * HOUR;
    let given = [("source", text("derived")), ("period_start", time(start))];
    let slot = Slot::derived("derived", 0, start, start + HOUR);
    table.replace(&slot, &batch(&def, 1, &given), &commit(lineage)).unwrap();
}

fn rows(folder: &TempDir, def: TableDef) -> usize {
    root(folder).existing(def).unwrap().read_all(&Read::all()).unwrap().num_rows()
}

fn maintain(folder: &TempDir, step: &str) -> Binary {
    let stage = Binary::stage("maintain").root(folder.path());
    stage.args("--as-of 2026-02-01T00:00:00Z --step").arg(step)
}

/// Without history and grace, so that everything dead counts at once.
fn at_once(delete: bool) -> serde_json::Value {
    json!({"delete": delete, "history_days": 0, "grace_hours": 0.0, "plan_days": 0})
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn data_files(folder: &TempDir) -> usize {
    let all = files(&folder.path().join("tables"));
    all.iter().filter(|path| path.to_string_lossy().contains("/part-")).count()
}

/// Log lines that begin so; levels are padded to the same width.
fn log_lines<'a>(run: &'a Run, start: &str) -> Vec<&'a str> {
    run.stderr.lines().map(str::trim_start).filter(|line| line.starts_with(start)).collect()
}

#[test]
fn vacuum_deletes_only_when_told_to() {
    let folder = TempDir::new().unwrap();
    ["0a", "0b", "0c"].iter().for_each(|lineage| fill(&folder, 0, lineage));
    let run = maintain(&folder, "vacuum").config(&at_once(false)).args("--force").exits(0);
    assert_eq!((run.number("dead_files"), run.number("deleted_files")), (Some(2.0), None));
    let run = maintain(&folder, "vacuum").config(&at_once(true)).args("--force --dry-run").exits(0);
    assert_eq!(run.number("dead_files"), Some(2.0));
    assert_eq!(data_files(&folder), 3);
    let run = maintain(&folder, "vacuum").config(&json!({"delete": true})).exits(0);
    assert_eq!(run.number("deleted_files"), Some(0.0), "everything is younger than the history");
    let run = maintain(&folder, "vacuum").config(&at_once(true)).args("--force").exits(0);
    assert_eq!(run.number("deleted_files"), Some(2.0));
    assert_eq!(data_files(&folder), 1);
    maintain(&folder, "verify").exits(0);
}

#[test]
fn what_killed_writers_left_half_written_is_removed() {
    let folder = TempDir::new().unwrap();
    fill(&folder, 0, "0a");
    let half = folder.path().join("tables/kpis/date=2026-01-01/part-x.zstd.parquet#1");
    fs::write(&half, "PAR1").unwrap();
    let other = folder.path().join("tables/kpis/issue#12b");
    fs::write(&other, "no number").unwrap();
    let run = maintain(&folder, "vacuum").config(&json!({"delete": true})).exits(0);
    assert_eq!(run.number("half_written_files"), Some(0.0), "somebody may be writing it");
    let run = maintain(&folder, "vacuum").config(&at_once(false)).args("--force").exits(0);
    assert_eq!(run.number("half_written_files"), Some(1.0));
    assert!(half.exists(), "not told to");
    maintain(&folder, "vacuum").config(&at_once(true)).args("--force").exits(0);
    assert!(!half.exists());
    assert_eq!(rows(&folder, catalog::derived::kpis()), 1);
}

#[test]
fn a_grace_shorter_than_a_fan_out_is_refused() {
    let folder = TempDir::new().unwrap();
    let run = maintain(&folder, "vacuum").config(&json!({"grace_hours": 1.0})).exits(2);
    assert!(
        run.error_line().contains("grace_hours: expected at least 48, got 1"),
        "{}",
        run.stderr
    );
}

#[test]
fn closed_days_are_compacted_and_reruns_stay_unchanged() {
    let folder = TempDir::new().unwrap();
    (0..5).for_each(|hour| fill(&folder, hour, &format!("{hour:02x}")));
    let run = maintain(&folder, "compact").args("--dry-run").exits(0);
    assert_eq!((run.status(), run.number("compacted_files")), ("planned", Some(5.0)));
    let run = maintain(&folder, "compact").exits(0);
    assert_eq!((run.number("compacted_files"), run.number("made_files")), (Some(5.0), Some(1.0)));
    assert_eq!(run.result["outputs"][0]["rows"], 5, "{}", run.result);
    assert_eq!(maintain(&folder, "compact").exits(0).status(), "unchanged");
    let version = root(&folder).existing(catalog::derived::kpis()).unwrap().version().unwrap();
    fill(&folder, 3, "03");
    let table = root(&folder).existing(catalog::derived::kpis()).unwrap();
    assert_eq!(table.version().unwrap(), version, "the slot still carries its lineage");
    let early = Binary::stage("maintain").root(folder.path()).args("--step compact");
    fill(&folder, 30, "aa");
    fill(&folder, 31, "bb");
    let run = early.args("--as-of 2026-01-03T23:00:00Z").exits(0);
    assert_eq!(run.number("compacted_files"), Some(0.0), "that day is not closed yet");
}

#[test]
fn old_rows_leave_by_the_table_s_definition() {
    let folder = TempDir::new().unwrap();
    // `kpis` keeps 913 days: 2023 is over, 2026 is not.
    fill(&folder, -24 * 1000, "0a");
    fill(&folder, 0, "0b");
    let run = maintain(&folder, "retention").exits(0);
    assert_eq!(run.number("expired_rows"), Some(1.0));
    assert_eq!(rows(&folder, catalog::derived::kpis()), 2, "nothing leaves unless told to");
    let delete = json!({"delete": true});
    let far = Binary::stage("maintain").root(folder.path()).args("--step retention");
    let far = far.args("--as-of 2099-01-01T00:00:00Z").config(&delete);
    assert_eq!(far.exits(0).status(), "done", "a clock in the future is that of the store");
    assert_eq!(rows(&folder, catalog::derived::kpis()), 1);
    let again = maintain(&folder, "retention").config(&delete).exits(0);
    assert_eq!((again.status(), again.number("expired_rows")), ("unchanged", Some(0.0)));
}

fn sample_set(folder: &TempDir, id: &str) {
    let def = catalog::derived::samples("anomaly");
    let table = root(folder).table(def.clone()).unwrap();
    let slot = Slot {
        equals: [("sample_set_id".to_owned(), Value::Text(id.into()))].into(),
        period: None,
    };
    let given = [("sample_set_id", text(id))];
    table.append(&slot, &batch(&def, 1, &given), &commit(id)).unwrap();
}

#[test]
fn sample_sets_stay_as_long_as_their_models_have_an_alias() {
    let folder = TempDir::new().unwrap();
    ["aa", "bb", "cc"].iter().for_each(|id| sample_set(&folder, id));
    let events = catalog::outcome::registry_events();
    let given = [
        ("task", text("anomaly")),
        ("event", text("promoted")),
        ("model_id", text("m1")),
        ("alias", text("champion")),
    ];
    let slot = Slot { equals: [].into(), period: None };
    let table = root(&folder).table(events.clone()).unwrap();
    table.append(&slot, &batch(&events, 1, &given), &commit("0e")).unwrap();
    let delete = json!({"delete": true});
    let run = maintain(&folder, "retention").config(&delete).exits(66);
    assert!(run.error_line().contains("models/anomaly/m1/bundle/model.json"), "{}", run.stderr);
    assert_eq!(rows(&folder, catalog::derived::samples("anomaly")), 3, "in doubt nothing leaves");

    let model = json!({"sample_set_id": "bb", "task": {}}).to_string();
    root(&folder).write("models/anomaly/m1/bundle/model.json", model).unwrap();
    let young = json!({"delete": true, "sample_set_days": 60});
    maintain(&folder, "retention").config(&young).exits(0);
    assert_eq!(rows(&folder, catalog::derived::samples("anomaly")), 3, "a model may still come");
    let compacted = maintain(&folder, "compact").exits(0);
    assert_eq!(compacted.number("compacted_files"), Some(0.0), "sets are never mixed in a file");
    maintain(&folder, "retention").config(&delete).exits(0);
    let table = root(&folder).existing(catalog::derived::samples("anomaly")).unwrap();
    let left = table.read_all(&Read::all().columns(["sample_set_id"])).unwrap();
    assert_eq!(left.column(0).as_ref(), text("bb").as_ref());
}

#[test]
fn staged_files_of_live_plans_are_spared_and_old_plans_leave() {
    let folder = TempDir::new().unwrap();
    fill(&folder, 0, "0a");
    let table = root(&folder).existing(catalog::derived::kpis()).unwrap();
    let given = [("source", text("pm"))];
    let staged: Vec<StagedFile> =
        table.stage(&batch(&catalog::derived::kpis(), 1, &given)).unwrap();
    let files = [("kpis".to_owned(), staged)].into();
    let manifest = Manifest { shard: 0, revision: "r".into(), files, notes: json!(null) };
    root(&folder).write("plans/p1.json", "{}").unwrap();
    assert!(manifest.publish(&root(&folder), "p1").unwrap());
    let run = maintain(&folder, "orphans").exits(0);
    assert_eq!(run.number("orphan_files"), Some(1.0));
    assert_eq!(log_lines(&run, "INFO orphan").len(), 1, "{}", run.stderr);
    let all_but_plans = json!({"delete": true, "history_days": 0, "grace_hours": 0.0});
    let run = maintain(&folder, "vacuum").config(&all_but_plans).args("--force").exits(0);
    assert_eq!(run.number("deleted_files"), Some(0.0), "the plan may still commit it");
    assert_eq!(run.number("leftover_plan_files"), Some(0.0));

    let old = SystemTime::now() - Duration::from_secs(100 * 86_400);
    let age = |path: &Path| fs::File::options().append(true).open(path).unwrap().set_modified(old);
    age(&folder.path().join("plans/p1.json")).unwrap();
    age(&folder.path().join("_staging/p1/shard-00000.json")).unwrap();
    root(&folder).write("_staging/half-a-bundle/card.md", "x").unwrap();
    let run = maintain(&folder, "vacuum").config(&json!({"delete": true})).exits(0);
    assert_eq!(run.number("leftover_plan_files"), Some(2.0), "the plan and its manifest");
    assert!(folder.path().join("_staging/half-a-bundle/card.md").exists(), "still young");
    assert!(!folder.path().join("plans/p1.json").exists());
    let run = maintain(&folder, "vacuum").config(&at_once(true)).args("--force").exits(0);
    assert_eq!(run.number("deleted_files"), Some(1.0), "nobody will commit it now");
    assert!(!folder.path().join("_staging/half-a-bundle/card.md").exists());
}

#[test]
fn verify_ends_with_one_line_per_fault() {
    let folder = TempDir::new().unwrap();
    (0..3).for_each(|hour| fill(&folder, hour, &format!("{hour:02x}")));
    let run = maintain(&folder, "verify").exits(0);
    assert_eq!((run.number("files"), run.number("rows")), (Some(3.0), Some(3.0)));
    let parts = files(&folder.path().join("tables/kpis/date=2026-01-01"));
    fs::remove_file(&parts[0]).unwrap();
    fs::write(&parts[1], "not a Parquet file").unwrap();
    let run = maintain(&folder, "verify").exits(65);
    let lines = log_lines(&run, "ERROR");
    assert_eq!(lines.len(), 3, "{}", run.stderr);
    assert!(lines[0].starts_with("ERROR tables/kpis/date=2026-01-01/part-"), "{}", lines[0]);
    assert!(lines[2].starts_with("ERROR 2 faults in 1 tables exit=65"), "{}", lines[2]);
    let first = folder.path().join("tables/kpis/_delta_log/00000000000000000001.json");
    fs::remove_file(first).unwrap();
    let run = maintain(&folder, "verify").exits(65);
    assert!(run.stderr.contains("missing, and version 2 is there"), "{}", run.stderr);
}

#[test]
fn the_log_is_checkpointed_and_cleaned() {
    let folder = TempDir::new().unwrap();
    (0..12).for_each(|hour| fill(&folder, hour, &format!("{hour:02x}")));
    let log = folder.path().join("tables/kpis/_delta_log");
    let now = json!({"history_days": 0});
    let run = maintain(&folder, "checkpoint").config(&now).args("--force").exits(0);
    assert_eq!(run.number("checkpoints"), Some(1.0));
    assert!(log.join("00000000000000000012.checkpoint.parquet").exists());
    let would = run.number("expired_log_files").unwrap();
    assert!(would >= 12.0, "{would}");
    assert!(log.join("00000000000000000000.json").exists());
    let told = json!({"history_days": 0, "delete": true});
    maintain(&folder, "checkpoint").config(&told).args("--force").exits(0);
    assert!(!log.join("00000000000000000000.json").exists());
    maintain(&folder, "verify").exits(0);
    fill(&folder, 0, "00");
    assert_eq!(rows(&folder, catalog::derived::kpis()), 12);
}

#[test]
fn history_shows_the_newest_commits() {
    let folder = TempDir::new().unwrap();
    (0..3).for_each(|hour| fill(&folder, hour, &format!("{hour:02x}")));
    let run = maintain(&folder, "history").config(&json!({"history_entries": 2})).exits(0);
    let lines = log_lines(&run, "INFO commit");
    assert_eq!((lines.len(), run.number("commits")), (2, Some(2.0)), "{}", run.stderr);
    assert!(lines[0].contains("table=\"kpis\" version=3"), "{}", lines[0]);
    assert!(lines[0].contains("WRITE"), "{}", lines[0]);
}

#[test]
fn all_steps_in_one_run_keep_every_row() {
    let folder = TempDir::new().unwrap();
    (0..15).for_each(|hour| fill(&folder, hour, &format!("{hour:02x}")));
    let run = maintain(&folder, "all").config(&at_once(true)).args("--force").exits(0);
    assert_eq!(run.number("deleted_files"), Some(15.0), "{}", run.result);
    assert_eq!(data_files(&folder), 1);
    assert_eq!(rows(&folder, catalog::derived::kpis()), 15);
    maintain(&folder, "verify").exits(0);
    let named = json!({"tables": ["pm_counters"]});
    let run = maintain(&folder, "checkpoint").config(&named).exits(66);
    assert!(run.error_line().contains("table `pm_counters`"), "{}", run.stderr);
}

#[test]
fn maintenance_killed_anywhere_loses_nothing() {
    let folder = TempDir::new().unwrap();
    (0..30).for_each(|hour| fill(&folder, hour, &format!("{hour:02x}")));
    let mut killed = 0;
    for round in 0..12_u64 {
        // Something to merge and to remove in every round.
        fill(&folder, 100 + round as i64, &format!("{round:02x}"));
        fill(&folder, round as i64, &format!("f{round:02x}"));
        let (mut child, _binary) =
            maintain(&folder, "all").config(&at_once(true)).args("--force").start();
        std::thread::sleep(Duration::from_millis(5 + 13 * round));
        child.kill().unwrap();
        killed += u64::from(child.wait().unwrap().code().is_none());
        let table = root(&folder).existing(catalog::derived::kpis()).unwrap();
        assert_eq!(table.verify().unwrap().faults, [], "round {round}");
        assert_eq!(rows(&folder, catalog::derived::kpis()), 31 + round as usize, "round {round}");
    }
    println!("{killed} of 12 runs killed");
    assert!(killed > 0, "every run ended before its kill");
    maintain(&folder, "all").config(&at_once(true)).args("--force").exits(0);
    assert_eq!(rows(&folder, catalog::derived::kpis()), 42);
    assert_eq!(maintain(&folder, "orphans").exits(0).number("orphan_files"), Some(0.0));
    maintain(&folder, "verify").exits(0);
}
