//! `--replay`: a policy on history, judged and never published.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "fixture/mod.rs"]
mod fixture;
#[path = "fixture/tables.rs"]
mod tables;

use std::path::Path;
use std::process::{Command, Output};

use fixture::CUTOFF;
use foresite_advise::advice;
use foresite_advise::clock::{HOUR, Micros};
use foresite_advise::config::{Config, Teams};
use foresite_schema::catalog::{outcome, raw};
use foresite_tables::Root;
use foresite_testkit::Rows;

fn stamp(at: Micros) -> String {
    jiff::Timestamp::from_microsecond(at).unwrap().to_string()
}

fn replay(root: &Path, config: &Config, [from, to]: [i64; 2]) -> (Output, serde_json::Value) {
    let (file, result) = (root.join("advise.json"), root.join("result.json"));
    std::fs::write(&file, serde_json::to_vec(config).unwrap()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_foresite-advise"))
        .env("FORESITE_LOG", "lines")
        .args(["--data-root", root.to_str().unwrap(), "--result", result.to_str().unwrap()])
        .args(["--config", file.to_str().unwrap()])
        .args(["--replay", &stamp(CUTOFF + from * HOUR), &stamp(CUTOFF + to * HOUR)])
        .output()
        .unwrap();
    let json = std::fs::read(&result).unwrap_or_default();
    (output, serde_json::from_slice(&json).unwrap_or_default())
}

fn finished(root: &Path, config: &Config, span: [i64; 2]) -> serde_json::Value {
    let (output, result) = replay(root, config, span);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    result["numbers"].clone()
}

fn data_root() -> (tempfile::TempDir, Root) {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    root.create().unwrap();
    (folder, root)
}

#[test]
fn a_policy_is_judged_by_what_people_said_later_and_nothing_is_written() {
    let fixture = fixture::fixture();
    let opened = advice::open_incidents(&fixture.signals, &fixture.config);
    let published = advice::advise(opened, &fixture.signals, &fixture.context, &fixture.config);
    let [anomalies, listed] = [0, 1].map(|at| {
        let listed = published.lists[at].listed.iter().map(|entry| &entry.item.incident);
        listed.filter(|incident| !incident.is_check()).collect::<Vec<_>>()
    });
    let (folder, root) = data_root();
    // Two hours after the list: it cannot have known, and what came of it is known today.
    let marked = [(listed[0], "confirmed"), (listed[1], "wrong"), (anomalies[0], "confirmed")];
    Rows::new(marked.len())
        .text("feedback_id", ["m-1", "m-2", "m-3"].map(Some).into_iter())
        .text("fact", marked.iter().map(|(_, fact)| Some(*fact)))
        .times("at", marked.iter().map(|_| Some(CUTOFF + 2 * HOUR)))
        .text("prediction_id", marked.iter().map(|(one, _)| Some(one.prediction_ids[0].as_str())))
        .text("person", marked.iter().map(|_| Some("Kim")))
        .write(&root, raw::feedback(), CUTOFF + 3 * HOUR);
    tables::write(&fixture, &root);

    let numbers = finished(folder.path(), &Config::default(), [0, 0]);
    assert_eq!(numbers["cutoffs"], 1, "one hour has predictions");
    assert_eq!(numbers["anomaly_incidents"], anomalies.len());
    assert_eq!(numbers["maintenance_incidents"], listed.len());
    let stated: f64 = listed.iter().map(|incident| incident.probability()).sum();
    assert!((numbers["maintenance_stated_hits"].as_f64().unwrap() - stated).abs() < 1e-3);
    assert_eq!([&numbers["maintenance_judged"], &numbers["maintenance_judged_right"]], [2, 1]);
    let stated = listed[0].probability() + listed[1].probability();
    assert!((numbers["maintenance_judged_stated"].as_f64().unwrap() - stated).abs() < 1e-3);
    // A detector's bounds are judged as right or wrong, and never summed.
    assert_eq!([&numbers["anomaly_judged"], &numbers["anomaly_judged_right"]], [1, 1]);
    for name in ["anomaly_stated_hits", "anomaly_judged_stated"] {
        assert!(numbers.get(name).is_some_and(serde_json::Value::is_null), "{name}");
    }

    assert!(root.find(outcome::worklist()).unwrap().is_none(), "nothing is published");
    assert!(!root.exists("reports/latest.html").unwrap());
}

#[test]
fn another_policy_gives_other_lists() {
    let (folder, root) = data_root();
    tables::write(&fixture::fixture(), &root);
    let teams: Teams = serde_json::from_str("{}").unwrap();
    let mut config = Config { teams: Some(teams), ..Config::default() };
    config.lists[0].budget = 2;
    let numbers = finished(folder.path(), &config, [0, 0]);
    assert_eq!([&numbers["anomaly_most_on_a_list"], &numbers["anomaly_incidents"]], [2, 1]);
    assert!(numbers["anomaly_left_out_over_budget"].as_u64().unwrap() > 0);
}

#[test]
fn a_span_that_is_none_is_refused() {
    let (folder, _) = data_root();
    let (output, _) = replay(folder.path(), &Config::default(), [1, 0]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("expected FROM before TO"));
}
