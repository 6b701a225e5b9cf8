//! The stage as a process: tables in, run, tables and report out.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod came;
#[path = "../fixture/mod.rs"]
mod fixture;
mod hindsight;
#[path = "../fixture/tables.rs"]
mod tables;
#[path = "../fixture/truth.rs"]
mod truth;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::Int32Type;
use fixture::{CUTOFF, Fixture};
use foresite_advise::advice;
use foresite_advise::clock::HOUR;
use foresite_advise::inputs::{Prediction, Role};
use foresite_schema::catalog::outcome;
use foresite_tables::{Read, Root};
use foresite_testkit::Rows;

const INTERVAL: [&str; 4] =
    ["--interval-start", "2026-03-09T13:00:00Z", "--interval-end", "2026-03-09T14:00:00Z"];

fn run(root: &Path, more: &[&str]) -> (Output, serde_json::Value) {
    let result = root.join("result.json");
    let output = Command::new(env!("CARGO_BIN_EXE_foresite-advise"))
        .env("FORESITE_LOG", "lines")
        .arg("--data-root")
        .arg(root)
        .arg("--result")
        .arg(&result)
        .args(INTERVAL)
        .args(["--as-of", "2026-03-09T14:20:00Z"])
        .args(more)
        .output()
        .unwrap();
    let json = std::fs::read(&result).unwrap_or_default();
    (output, serde_json::from_slice(&json).unwrap_or_default())
}

fn finished(root: &Path, more: &[&str]) -> serde_json::Value {
    let (output, result) = run(root, more);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    result
}

fn data_root() -> (tempfile::TempDir, Root, Fixture) {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    root.create().unwrap();
    let fixture = fixture::fixture();
    tables::write(&fixture, &root);
    (folder, root, fixture)
}

fn text(batch: &RecordBatch, name: &str, row: usize) -> String {
    batch.column_by_name(name).unwrap().as_string::<i32>().value(row).to_owned()
}

/// (task, rank, incident, title) of the listed rows, in the table's words.
fn listed(root: &Root) -> Vec<(String, i32, String, String)> {
    let table = root.existing(outcome::worklist()).unwrap();
    let batch = table.read(&Read::all().period(CUTOFF, CUTOFF + 1)).unwrap();
    let ranks = batch.column_by_name("rank").unwrap().as_primitive::<Int32Type>();
    let mut rows: Vec<_> = (0..batch.num_rows())
        .filter(|row| ranks.is_valid(*row))
        .map(|row| {
            let of = |name| text(&batch, name, row);
            (of("task"), ranks.value(row), of("incident_id"), of("title"))
        })
        .collect();
    rows.sort();
    rows
}

#[test]
fn the_tables_give_the_same_advice_as_the_structs() {
    let (folder, root, Fixture { signals, context, config }) = data_root();
    let result = finished(folder.path(), &[]);
    assert_eq!(result["status"], "done", "{result}");

    let opened = advice::open_incidents(&signals, &config);
    let expected = advice::advise(opened, &signals, &context, &config);
    let mut rows: Vec<_> = expected
        .lists
        .iter()
        .flat_map(|list| &list.listed)
        .map(|entry| {
            let incident = &entry.item.incident;
            (
                incident.task.clone(),
                entry.item.rank.unwrap() as i32,
                incident.incident_id.clone(),
                entry.evidence.title.clone(),
            )
        })
        .collect();
    rows.sort();
    assert_eq!(listed(&root), rows);
    assert_eq!(result["numbers"]["anomaly_items"], 4);
}

#[test]
fn every_alert_stands_on_the_list_or_has_a_reason() {
    let (folder, root, Fixture { signals, config, .. }) = data_root();
    let result = finished(folder.path(), &[]);
    let table = root.existing(outcome::worklist()).unwrap();
    let rows = table.read(&Read::all().period(CUTOFF, CUTOFF + 1)).unwrap();
    let ranks = rows.column_by_name("rank").unwrap().as_primitive::<Int32Type>();
    let codes = rows.column_by_name("left_out_code").unwrap().as_string::<i32>();
    let children = rows.column_by_name("children").unwrap().as_list::<i32>();
    let mut told: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut by_code: BTreeMap<&str, usize> = BTreeMap::new();
    for row in 0..rows.num_rows() {
        assert_ne!(ranks.is_valid(row), codes.is_valid(row), "a place or a reason");
        if codes.is_valid(row) {
            *by_code.entry(codes.value(row)).or_default() += 1;
        }
        let inside = children.value(row);
        let own = inside.as_string::<i32>().iter().flatten().map(str::to_owned);
        for entity in own.chain([text(&rows, "entity_id", row)]) {
            *told.entry((text(&rows, "task", row), entity)).or_default() += 1;
        }
    }
    let mut alerts = 0;
    for list in &config.lists {
        for candidate in foresite_advise::candidates::select(list, &signals) {
            let key = (list.task.clone(), candidate.entity_id);
            assert_eq!(told.get(&key), Some(&1), "{key:?}");
            alerts += 1;
        }
    }
    assert!(alerts > rows.num_rows(), "some stand in an item of others");
    assert!(by_code.len() >= 2, "{by_code:?}");
    for (code, n) in by_code {
        assert_eq!(result["numbers"][format!("left_out_{code}")], n, "{code}");
    }
}

#[test]
fn a_challenger_that_speaks_later_takes_nothing_off_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    root.create().unwrap();
    let mut fixture = fixture::fixture();
    let row = fixture.signals.predictions.iter().find(|row| row.task == "anomaly").unwrap();
    let later = Prediction {
        prediction_id: "p-challenger".into(),
        model_id: "anomaly-next".into(),
        role: Role::Challenger,
        cutoff: row.cutoff + HOUR / 4,
        ..row.clone()
    };
    fixture.signals.predictions.push(later);
    tables::write(&fixture, &root);
    assert_eq!(finished(folder.path(), &[])["numbers"]["anomaly_items"], 4);
}

#[test]
fn what_a_challenger_says_in_its_shadow_changes_nothing_at_all() {
    let (folder, root, _) = data_root();
    let said = |name| Rows::new(1).text(name, std::iter::once(Some("shadow-1")));
    said("prediction_id")
        .text("role", std::iter::once(Some("challenger")))
        .times("cutoff", std::iter::once(Some(CUTOFF + HOUR * 3 / 4)))
        .text("lineage_id", std::iter::once(Some("of-the-shadow")))
        .write_from(&root, outcome::predictions("anomaly"), CUTOFF, "shadow");
    said("entity_id")
        .times("cutoff", std::iter::once(Some(CUTOFF + HOUR / 2)))
        .text("lineage_id", std::iter::once(Some("of-the-shadow")))
        .write_from(&root, outcome::alert_state(), CUTOFF, "shadow");
    let (plain, ..) = data_root();
    let [result, expected] = [&folder, &plain].map(|folder| finished(folder.path(), &[]));
    assert_eq!(result["lineage_id"], expected["lineage_id"]);
    assert_eq!(result["numbers"], expected["numbers"]);
}

#[test]
fn a_rerun_is_unchanged_and_a_forced_one_equal() {
    let (folder, root, _) = data_root();
    let first = finished(folder.path(), &[]);
    let rows = listed(&root);
    let page = root.read("reports/20260309T1400Z/report.html").unwrap();

    let again = finished(folder.path(), &[]);
    assert_eq!(again["status"], "unchanged");
    assert_eq!(again["lineage_id"], first["lineage_id"]);
    let forced = finished(folder.path(), &["--force"]);
    assert_eq!(forced["lineage_id"], first["lineage_id"]);
    assert_eq!(listed(&root), rows);
    assert_eq!(root.read("reports/20260309T1400Z/report.html").unwrap(), page);
}

#[test]
fn the_report_is_published_beside_a_pointer() {
    let (folder, root, _) = data_root();
    let result = finished(folder.path(), &[]);
    assert_eq!(result["numbers"]["report"], "reports/20260309T1400Z/report.html");
    let pointer = root.read("reports/latest.html").unwrap();
    assert!(String::from_utf8_lossy(&pointer).contains("20260309T1400Z/report.html"));
    assert!(folder.path().join("lineage").read_dir().unwrap().next().is_some());
}

#[test]
fn an_hour_that_comes_late_reaches_neither_worklist_nor_report() {
    // The later hour's list is out, and no prediction of it is there: this hour's are the newest of
    // their tables, and none of them is marked as a replay.
    let (folder, root, _) = data_root();
    root.write("reports/latest.html", b"url=20260309T1500Z/report.html".to_vec()).unwrap();
    let result = finished(folder.path(), &[]);
    assert_eq!((&result["status"], &result["verdict"]), (&"unchanged".into(), &"replay".into()));
    assert!(root.find(outcome::worklist()).unwrap().is_none());
    let incidents = root.existing(outcome::incidents()).unwrap();
    let of_this_hour = incidents.read(&Read::all().period(CUTOFF, CUTOFF + 1)).unwrap();
    assert_eq!(of_this_hour.num_rows(), 0);
    assert!(!root.exists("reports/20260309T1400Z/report.html").unwrap());
}

#[test]
fn a_list_that_was_published_stays_when_its_hour_is_forced_after_a_newer_one() {
    let (folder, root, _) = data_root();
    finished(folder.path(), &[]);
    let rows = listed(&root);
    root.write("reports/latest.html", b"url=20260309T1500Z/report.html".to_vec()).unwrap();
    let result = finished(folder.path(), &["--force"]);
    assert_eq!((&result["status"], &result["verdict"]), (&"unchanged".into(), &"replay".into()));
    assert_eq!(listed(&root), rows);
}

#[test]
fn a_dry_run_touches_nothing() {
    let (folder, root, _) = data_root();
    let result = finished(folder.path(), &["--dry-run"]);
    assert_eq!(result["status"], "planned");
    assert!(root.find(outcome::worklist()).unwrap().is_none());
    assert!(!folder.path().join("reports").exists());
}

#[test]
fn an_empty_data_root_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let result = finished(folder.path(), &[]);
    assert_eq!(result["verdict"], "no_predictions");
    let page =
        std::fs::read_to_string(folder.path().join("reports/20260309T1400Z/report.html")).unwrap();
    assert!(page.contains("nothing is known, good or bad"));
}

#[test]
fn a_wrong_configuration_names_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    std::fs::write(&path, r#"{"change_ratio": 0.5}"#).unwrap();
    let (output, _) = run(folder.path(), &["--config", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(log.contains("configuration at change_ratio: must be greater than 1"), "{log}");
}

#[test]
fn every_sample_configuration_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/samples/advise");
    let mut samples = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let config: foresite_advise::config::Config =
            foresite_stage::parse_config(&text, &path.display().to_string()).unwrap();
        assert_eq!(config.fault(), None, "{}", path.display());
        samples += 1;
    }
    assert!(samples >= 2);
}
