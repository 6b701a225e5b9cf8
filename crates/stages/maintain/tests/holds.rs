//! Legal holds as a process: what retention leaves, what it says about it, and holds that are none.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;

use arrow::array::AsArray as _;
use foresite_schema::TableDef;
use foresite_schema::catalog::{derived, outcome};
use foresite_tables::{Micros, Read, Root};
use foresite_testkit::{Binary, Rows, Run};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

const DAY: Micros = 86_400_000_000;
/// 2024-01-01T00:00:00Z: older than any table of the tests keeps at the clock of the runs.
const OLD: Micros = 1_704_067_200_000_000;
/// 2026-01-15T00:00:00Z.
const YOUNG: Micros = 1_768_435_200_000_000;

fn root() -> (TempDir, Root) {
    let folder = TempDir::new().unwrap();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    root.create().unwrap();
    (folder, root)
}

/// A prediction on each of three old days, and a young one.
fn predicted(root: &Root, task: &str) {
    let times = [OLD, OLD + DAY, OLD + 2 * DAY, YOUNG].map(Some);
    Rows::new(4)
        .text("prediction_id", ["a", "b", "c", "d"].map(Some).into_iter())
        .times("cutoff", times.into_iter())
        .write(root, outcome::predictions(task), OLD);
}

/// Cutoffs that a table has rows of, in days since the first old one.
fn days(root: &Root, def: TableDef) -> Vec<i64> {
    let rows = root.existing(def).unwrap().read_all(&Read::all().columns(["cutoff"])).unwrap();
    let cutoffs = rows.column(0).as_primitive::<arrow::datatypes::TimestampMicrosecondType>();
    let days: BTreeSet<i64> = cutoffs.values().iter().map(|at| (at - OLD) / DAY).collect();
    days.into_iter().collect()
}

fn retention(root: &Root, config: &Json) -> Binary {
    let stage = Binary::stage("maintain").root(&root.local_path("").unwrap()).config(config);
    stage.args("--step retention --as-of 2026-02-01T00:00:00Z")
}

fn hold(tables: &[&str], from: Option<&str>, until: Option<&str>) -> Json {
    json!({"tables": tables, "from": from, "until": until, "owner": "Kim", "reason": "case 7"})
}

fn log_line<'a>(run: &'a Run, words: &str) -> &'a str {
    run.stderr.lines().find(|line| line.contains(words)).unwrap_or_default()
}

const YOUNG_DAY: i64 = (YOUNG - OLD) / DAY;

#[test]
fn held_days_stay_until_the_hold_ends() {
    let (_folder, root) = root();
    ["anomaly", "capacity"].iter().for_each(|task| predicted(&root, task));
    let held = hold(&["predictions_an*"], Some("2024-01-02"), Some("2024-01-02"));
    let told = |delete: bool| json!({"delete": delete, "holds": [held]});
    let planned = retention(&root, &told(false)).exits(0);
    assert_eq!(
        (planned.number("expired_rows"), planned.number("held_rows")),
        (Some(5.0), Some(1.0))
    );
    assert_eq!(days(&root, outcome::predictions("anomaly")), [0, 1, 2, YOUNG_DAY], "not told to");

    let run = retention(&root, &told(true)).exits(0);
    let numbers = &run.result["numbers"];
    assert_eq!(numbers["held"], json!({"predictions_anomaly": {"files": 1, "rows": 1}}));
    assert_eq!((&numbers["held_files"], &numbers["expired_files"]), (&json!(1), &json!(5)));
    let line = log_line(&run, "INFO held");
    for words in ["table=\"predictions_anomaly\"", "rows=1", "owner=\"Kim\"", "reason=\"case 7\""] {
        assert!(line.contains(words), "{words}: {}", run.stderr);
    }
    assert_eq!(days(&root, outcome::predictions("anomaly")), [1, YOUNG_DAY]);
    assert_eq!(days(&root, outcome::predictions("capacity")), [YOUNG_DAY], "another table");

    let now = json!({"delete": true, "history_days": 0, "grace_hours": 0.0, "holds": [held]});
    let all = Binary::stage("maintain").root(&root.local_path("").unwrap()).config(&now);
    all.args("--step all --force --as-of 2026-02-01T00:00:00Z").exits(0);
    let verify = Binary::stage("maintain").root(&root.local_path("").unwrap());
    verify.args("--step verify").exits(0);
    assert_eq!(days(&root, outcome::predictions("anomaly")), [1, YOUNG_DAY], "after a vacuum");

    let ended = retention(&root, &json!({"delete": true})).exits(0);
    assert_eq!((ended.number("held_rows"), ended.number("expired_rows")), (Some(0.0), Some(1.0)));
    assert_eq!(days(&root, outcome::predictions("anomaly")), [YOUNG_DAY]);
}

#[test]
fn a_sample_set_with_a_held_cutoff_stays_whole() {
    let (_folder, root) = root();
    let sets = ["aa", "aa", "bb"].map(Some);
    Rows::new(3)
        .text("sample_set_id", sets.into_iter())
        .times("cutoff", [OLD, OLD + DAY, OLD + 2 * DAY].map(Some).into_iter())
        .write(&root, derived::samples("anomaly"), OLD);
    let holds = json!([hold(&[], None, Some("2024-01-01"))]);
    let run = retention(&root, &json!({"delete": true, "holds": holds})).exits(0);
    assert_eq!(days(&root, derived::samples("anomaly")), [0, 1], "{}", run.stderr);
    assert_eq!(run.result["numbers"]["held"]["samples_anomaly"], json!({"files": 2, "rows": 2}));
    assert_eq!(run.number("expired_rows"), Some(1.0));
}

#[test]
fn a_hold_that_is_about_nothing_there_is_named() {
    let (_folder, root) = root();
    predicted(&root, "anomaly");
    let holds = json!([hold(&["predictions_anomally"], None, None), hold(&["kpi*"], None, None)]);
    let run = retention(&root, &json!({"holds": holds})).exits(0);
    let lines = run.stderr.lines().filter(|line| line.contains("about no table that is there"));
    assert_eq!(lines.count(), 2, "{}", run.stderr);
    assert!(run.stderr.contains("predictions_anomally"), "{}", run.stderr);
}

#[test]
fn a_hold_that_is_none_is_refused_by_every_step() {
    let (_folder, root) = root();
    let whole = hold(&["kpis"], Some("2024-01-02"), Some("2024-01-03"));
    let with = |key: &str, value: Json| {
        let mut changed = whole.clone();
        changed[key] = value;
        json!({"holds": [whole, changed]})
    };
    let cases = [
        ("owner", json!(" "), "holds[1].owner: expected who answers for it"),
        ("reason", json!(""), "holds[1].reason: expected why"),
        ("tables", json!(["kpis", "kpi"]), "holds[1].tables[1]: `kpi`"),
        ("until", json!("2024-01-01"), "holds[1].until: expected 2024-01-02"),
        ("from", json!("2024-13-01"), "`holds[1].from`: expected a day like 2026-01-31"),
        ("from", json!("2024-01-02T12:00:00"), "`holds[1].from`: expected a day"),
        ("person", json!("Kim"), "`holds[1].person`: unknown field `person`"),
    ];
    for (key, value, said) in cases {
        let run = retention(&root, &with(key, value)).exits(2);
        assert!(run.error_line().contains(said), "{said}: {}", run.stderr);
    }
    let mut nobody = whole.clone();
    nobody.as_object_mut().unwrap().remove("owner");
    let run = Binary::stage("maintain").root(&root.local_path("").unwrap());
    let run = run.config(&json!({"holds": [nobody]})).args("--step verify --force").exits(2);
    assert!(run.error_line().contains("holds[0].owner"), "{}", run.stderr);
}

#[test]
fn old_log_ins_leave_and_held_ones_stay() {
    let (folder, root) = root();
    predicted(&root, "anomaly");
    let days = ["2024-01-01", "2024-01-02", "2026-01-15"];
    let files = days.map(|day| folder.path().join(format!("logins/{day}/07-a.jsonl")));
    for file in &files {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, "").unwrap();
    }
    let there = || files.each_ref().map(|file| file.exists());
    let held = hold(&["logins"], Some("2024-01-02"), None);
    let told = |delete: bool| json!({"delete": delete, "holds": [held]});
    let planned = retention(&root, &told(false)).exits(0);
    let counted = ["expired_login_files", "held_login_files"].map(|name| planned.number(name));
    assert_eq!(counted, [Some(1.0), Some(1.0)], "{}", planned.stderr);
    assert_eq!(there(), [true, true, true], "not told to");
    retention(&root, &told(true)).exits(0);
    assert_eq!(there(), [false, true, true]);
    retention(&root, &json!({"delete": true, "tables": ["predictions_anomaly"]})).exits(0);
    assert_eq!(there(), [false, true, true], "asked for a table alone");
    retention(&root, &json!({"delete": true})).exits(0);
    assert_eq!(there(), [false, false, true], "the hold is over");
}
