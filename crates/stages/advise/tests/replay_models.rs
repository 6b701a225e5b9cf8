//! `--replay --model`: the lists that another model would have made.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "fixture/mod.rs"]
mod fixture;
#[path = "fixture/process.rs"]
mod process;
#[path = "fixture/tables.rs"]
mod tables;

use std::path::Path;
use std::process::Output;

use fixture::{CUTOFF, Fixture};
use foresite_advise::clock::{HOUR, Micros};
use foresite_schema::catalog::outcome;
use foresite_tables::Root;
use foresite_testkit::Rows;
use process::{data_root, stage, stamp};

/// The cell that the model `sharp` raises an alert about; `calm` raises none.
const RAISED: &str = "north/N015/1/n28";

/// When the replays were made: long after the hours that they are about.
const MADE_AT: Micros = CUTOFF + 9 * HOUR;

/// Published lists of one hour, whose anomalies begin with it.
fn published() -> (tempfile::TempDir, Root, Fixture) {
    let mut fixture = fixture::fixture();
    fixture.signals.prior.retain(|row| row.task != "anomaly");
    let (folder, root) = data_root();
    tables::write(&fixture, &root);
    (folder, root, fixture)
}

/// What both models said about a cutoff when they were asked about the past.
fn replays(fixture: &Fixture, root: &Root, cutoff: Micros) {
    let cells: Vec<&str> = fixture
        .signals
        .predictions
        .iter()
        .filter(|row| row.task == "anomaly" && row.not_scored.is_none())
        .map(|row| row.entity_id.as_str())
        .collect();
    let rows: Vec<(&str, &str)> = ["sharp", "calm"]
        .into_iter()
        .flat_map(|model| cells.iter().map(move |cell| (model, *cell)))
        .collect();
    let ids: Vec<String> = rows.iter().map(|(model, cell)| format!("p-{model}-{cell}")).collect();
    let is_alert = |row: &(&str, &str)| *row == ("sharp", RAISED);
    Rows::new(rows.len())
        .text("prediction_id", ids.iter().map(|id| Some(id.as_str())))
        .text("entity_type", rows.iter().map(|_| Some("cell")))
        .text("entity_id", rows.iter().map(|(_, cell)| Some(*cell)))
        .times("cutoff", rows.iter().map(|_| Some(cutoff)))
        .text("model_id", rows.iter().map(|(model, _)| Some(*model)))
        .text("role", rows.iter().map(|_| Some("challenger")))
        .flags("replay", rows.iter().map(|_| true))
        .numbers("p_value", rows.iter().map(|row| Some(if is_alert(row) { 1e-9 } else { 0.4 })))
        .texts("drivers", rows.iter().map(|_| Vec::new()))
        .write_from(root, outcome::predictions("anomaly"), MADE_AT, "replay");
    Rows::new(1)
        .text("task", [Some("anomaly")].into_iter())
        .text("model_id", [Some("sharp")].into_iter())
        .text("entity_id", [Some(RAISED)].into_iter())
        .times("cutoff", [Some(cutoff)].into_iter())
        .flags("is_open", [true].into_iter())
        .times("opened_at", [Some(cutoff)].into_iter())
        .write_from(root, outcome::alert_state(), MADE_AT, "replay");
}

fn replay(root: &Path, hour: i64, more: &[&str]) -> (Output, serde_json::Value) {
    let at = stamp(CUTOFF + hour * HOUR);
    let call = [&["--replay", at.as_str(), at.as_str()][..], more].concat();
    stage(root, &fixture::fixture().config, &call)
}

fn finished(root: &Path, hour: i64, more: &[&str]) -> serde_json::Value {
    let (output, result) = replay(root, hour, more);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    result
}

#[test]
fn each_model_gives_its_own_lists_and_the_other_tasks_keep_theirs() {
    let (folder, root, fixture) = published();
    replays(&fixture, &root, CUTOFF + HOUR / 2);
    let served = finished(folder.path(), 0, &[])["numbers"].clone();
    assert!(served["anomaly_incidents"].as_u64().unwrap() > 1, "{served}");
    assert!(served.get("anomaly_model").is_none(), "nobody was asked for: {served}");
    for (model, incidents) in [("sharp", 1), ("calm", 0)] {
        let asked = format!("anomaly={model}");
        let numbers = finished(folder.path(), 0, &["--model", &asked])["numbers"].clone();
        assert_eq!(numbers["anomaly_incidents"], incidents, "{model}");
        assert_eq!(numbers["anomaly_model"], model);
        assert_eq!([&numbers["cutoffs"], &numbers["anomaly_model_cutoffs"]], [1, 1]);
        for name in ["maintenance_incidents", "maintenance_stated_hits", "capacity_incidents"] {
            assert_eq!(numbers[name], served[name], "{name} with {model}");
        }
    }
    assert!(root.find(outcome::worklist()).unwrap().is_none(), "nothing is published");
}

#[test]
fn an_hour_that_nobody_spoke_about_in_time_has_its_list_at_the_cutoff_of_the_replay() {
    let (folder, root, fixture) = published();
    replays(&fixture, &root, CUTOFF + HOUR + HOUR / 2);
    assert_eq!(finished(folder.path(), 1, &[])["verdict"], "no_predictions");
    let result = finished(folder.path(), 1, &["--model", "anomaly=sharp"]);
    assert_eq!(result["verdict"], "replay");
    assert_eq!([&result["numbers"]["cutoffs"], &result["numbers"]["anomaly_incidents"]], [1, 1]);
}

#[test]
fn a_model_without_replays_is_missing_and_the_call_that_makes_them_is_told() {
    let (folder, root, fixture) = published();
    replays(&fixture, &root, CUTOFF + HOUR / 2);
    let before = stamp(MADE_AT - 1);
    let calls: [&[&str]; 3] = [
        &["--model", "anomaly=nobody"],
        // It spoke about another task, and here later than the run's clock.
        &["--model", "maintenance=sharp"],
        &["--model", "anomaly=sharp", "--as-of", before.as_str()],
    ];
    for call in calls {
        let (output, _) = replay(folder.path(), 0, call);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(66), "{call:?}: {said}");
        assert!(said.contains("foresite-predict --task "), "{call:?}: {said}");
    }
}

#[test]
fn a_model_that_is_asked_for_in_vain_is_refused() {
    let (folder, _, _) = published();
    for (asked, says) in [
        ("energy=sharp", "no list is of the task `energy`"),
        ("anomaly=a,anomaly=b", "the task `anomaly` has two models"),
        ("sharp", "expected TASK=ID"),
    ] {
        let (output, _) = replay(folder.path(), 0, &["--model", asked]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{asked}: {said}");
        assert!(said.contains(says), "{asked}: {said}");
    }
    let config = fixture::fixture().config;
    let (output, _) = stage(folder.path(), &config, &["--model", "anomaly=sharp"]);
    assert_eq!(output.status.code(), Some(2), "a model without --replay says nothing");
}
