//! The main job on a small simulated network: every stage, rerun by the same command, twice from
//! nothing with the same predictions.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use foresite_tables::{Read, Root, sha256_hex};
use foresite_testkit::{Binary, Run};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::secrets::Vault;
use crate::{origin, rebuild};

const HISTORY: [&str; 2] = ["2025-01-01T00:00:00Z", "2026-03-01T00:00:00Z"];
const AS_OF: &str = "2026-03-01T00:30:00Z";
const LAST_HOUR: [&str; 2] = ["2026-02-28T23:00:00Z", "2026-03-01T00:00:00Z"];
const LAST_DAY: [&str; 2] = ["2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z"];
const TASKS: [&str; 3] = ["anomaly", "maintenance", "capacity"];

/// Columns that say when and in which run a row was written, not what it says.
const VOLATILE: [&str; 1] = ["ingested_at"];

fn sample(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/samples").join(path)
}

/// Four sites, fourteen months of history, three days of files.
fn small_network() -> Json {
    let region = |name: &str, prefix: &str, zone: &str, holidays: &str, latitude: f64| {
        json!({"name": name, "prefix": prefix, "time_zone": zone, "holidays": holidays,
               "latitude": latitude, "longitude": 10.0, "sites": 2})
    };
    json!({
        "seed": 5, "start": HISTORY[0], "end": HISTORY[1],
        "hourly_days": 90, "xml_days": 3, "truth_days": 60,
        "regions": [
            region("north", "N", "Europe/Berlin", "DE", 53.5),
            region("south", "S", "Europe/Lisbon", "PT", 38.7),
        ],
        "faults": {"scale": 4.0},
    })
}

/// One stage of the job over an interval, on the default sample unless a configuration is given.
fn stage(name: &str, root: &Path, interval: [&str; 2], arguments: &str) -> Binary {
    let binary = Binary::stage(name).root(root).interval(interval[0], interval[1]);
    binary.args("--as-of").arg(AS_OF).args(arguments)
}

fn sampled(name: &str, root: &Path, interval: [&str; 2], arguments: &str) -> Binary {
    stage(name, root, interval, arguments)
        .arg("--config")
        .arg(sample(&format!("{name}/default.json")))
}

/// The commands of the job in order, the way the DAGs call them.
fn job(root: &Path) -> Vec<Binary> {
    let month = ["2026-02-26T00:00:00Z", HISTORY[1]];
    let mut commands = vec![
        stage("simulate", root, HISTORY, "").config(&small_network()),
        sampled("ingest", root, month, ""),
        sampled("validate", root, month, ""),
        sampled("derive", root, month, ""),
        sampled("featurize", root, LAST_HOUR, "--step profiles"),
    ];
    for task in TASKS {
        let linear = sample("train/linear-only.json");
        commands.extend([
            sampled("featurize", root, HISTORY, &format!("--step samples --task {task}")),
            stage("train", root, HISTORY, &format!("--task {task}")).arg("--config").arg(linear),
            sampled("evaluate", root, HISTORY, &format!("--task {task}")),
            sampled("promote", root, HISTORY, &format!("--task {task}")),
            sampled("featurize", root, LAST_HOUR, &format!("--step features --task {task}")),
            sampled("predict", root, LAST_HOUR, &format!("--task {task}")),
        ]);
    }
    commands.push(sampled("advise", root, LAST_HOUR, ""));
    commands.push(sampled("monitor", root, LAST_DAY, ""));
    // After the monitor, whose figures of the day it exports.
    commands.push(sampled("export", root, LAST_HOUR, ""));
    commands
}

/// Hash of everything a table says, as of the job's clock, without when it was written.
fn contents(root: &Path, name: &str) -> String {
    let store = Root::open(root.to_str().unwrap()).unwrap();
    let table = store.existing(foresite_schema::catalog::find(name).unwrap()).unwrap();
    let rows = table.read(&Read::all()).unwrap();
    let mut text = String::new();
    for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
        if !VOLATILE.contains(&field.name().as_str()) {
            writeln!(text, "{}={column:?}", field.name()).unwrap();
        }
    }
    format!("{} rows, {}", rows.num_rows(), sha256_hex(text.as_bytes()))
}

fn outcome_tables() -> Vec<String> {
    let predictions = TASKS.iter().map(|task| format!("predictions_{task}"));
    predictions
        .chain(["kpis", "worklist", "incidents", "drift", "performance"].map(str::to_owned))
        .collect()
}

fn run_job(root: &Path) -> Vec<Run> {
    job(root).into_iter().map(|command| command.exits(0)).collect()
}

/// The job by stages that were given secrets to keep.
fn run_job_with(vault: &Vault, root: &Path) -> Vec<Run> {
    job(root).into_iter().map(|command| vault.given_to(command).exits(0)).collect()
}

#[test]
fn the_main_job_ends_in_a_worklist_and_repeats_itself() {
    let (first, second) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let vault = Vault::new();
    let runs = run_job_with(&vault, first.path());
    vault.assert_kept(first.path(), &runs);
    for (stage, title) in [("advise", "Worklist"), ("monitor", "Monitor")] {
        let run = runs.iter().find(|run| run.result["stage"] == stage).unwrap();
        let report = run.result["numbers"]["report"].as_str().unwrap();
        let html = std::fs::read_to_string(first.path().join(report)).unwrap();
        assert!(
            html.contains(title) && !html.contains("http://"),
            "a whole page that needs no network"
        );
    }

    for run in run_job_with(&vault, first.path()) {
        let stage = run.result["stage"].as_str().unwrap().to_owned();
        assert_eq!(run.status(), "unchanged", "{stage} did something again: {}", run.result);
    }

    let digests = |runs: &[Run]| -> Vec<Json> {
        runs.iter().map(|run| run.result["numbers"]["digest"].clone()).collect()
    };
    let repeated = run_job(second.path());
    assert_eq!(digests(&runs), digests(&repeated), "the same seed gives the same predictions");
    for table in outcome_tables() {
        assert_eq!(
            contents(first.path(), &table),
            contents(second.path(), &table),
            "{table}: the same seed gives the same rows"
        );
    }

    let before: Vec<_> =
        outcome_tables().iter().map(|table| contents(first.path(), table)).collect();
    for task in TASKS {
        sampled("predict", first.path(), LAST_HOUR, &format!("--task {task} --force")).exits(0);
    }
    sampled("derive", first.path(), ["2026-02-26T00:00:00Z", HISTORY[1]], "--force").exits(0);
    let after: Vec<_> =
        outcome_tables().iter().map(|table| contents(first.path(), table)).collect();
    assert_eq!(before, after, "force gives equal rows");

    for task in TASKS {
        origin::is_told(first.path(), task);
    }
    let after: Vec<_> =
        outcome_tables().iter().map(|table| contents(first.path(), table)).collect();
    assert_eq!(before, after, "what `why` says makes the same rows");
    origin::is_missed(first.path());
    everything_is_rebuilt(first.path());
}

/// What was known, predicted and listed comes out once more, bit by bit.
fn everything_is_rebuilt(root: &Path) {
    let mut calls = vec![
        stage("derive", root, ["2026-02-26T00:00:00Z", HISTORY[1]], ""),
        stage("advise", root, LAST_HOUR, ""),
    ];
    for task in TASKS {
        calls.push(stage("featurize", root, LAST_HOUR, &format!("--step features --task {task}")));
        calls.push(stage("predict", root, LAST_HOUR, &format!("--task {task}")));
    }
    for call in calls {
        let run = rebuild::rebuilt(call);
        let (verdict, computations) = rebuild::told(&run);
        assert!(verdict == "equal" && computations >= 1.0, "{}: {}", run.result, run.stderr);
    }
}
