//! The whole pipeline with its data root on HDFS: simulated files in, a worklist out.

use std::path::{Path, PathBuf};

use foresite_testkit::Binary;
use serde_json::{Value as Json, json};

const HISTORY: [&str; 2] = ["2025-07-01T00:00:00Z", "2026-03-01T00:00:00Z"];
const AS_OF: &str = "2026-03-01T00:30:00Z";
const LAST_DAY: [&str; 2] = ["2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z"];
const LAST_HOUR: [&str; 2] = ["2026-02-28T23:00:00Z", "2026-03-01T00:00:00Z"];

fn sample(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/samples").join(path)
}

/// Two sites, one day of files.
fn small_network() -> Json {
    json!({
        "seed": 5, "start": HISTORY[0], "end": HISTORY[1],
        "hourly_days": 60, "xml_days": 1, "truth_days": 30,
        "regions": [{"name": "north", "prefix": "N", "time_zone": "Europe/Berlin",
                     "holidays": "DE", "latitude": 53.5, "longitude": 10.0, "sites": 3}],
        "faults": {"scale": 4.0},
    })
}

/// One stage of the job over an interval.
fn stage(name: &str, root: &str, interval: [&str; 2], arguments: &str) -> Binary {
    let binary = Binary::stage(name).arg("--data-root").arg(root);
    binary.interval(interval[0], interval[1]).args("--as-of").arg(AS_OF).args(arguments)
}

fn sampled(name: &str, root: &str, interval: [&str; 2], arguments: &str) -> Binary {
    let config = sample(&format!("{name}/default.json"));
    stage(name, root, interval, arguments).arg("--config").arg(config)
}

/// The job in its order. The signing key is local: HDFS is no place for it.
fn job(root: &str, key: &Path) -> Vec<Binary> {
    let task = "--task anomaly";
    let linear = sample("train/linear-only.json");
    vec![
        stage("simulate", root, HISTORY, "").config(&small_network()),
        sampled("ingest", root, LAST_DAY, ""),
        sampled("validate", root, LAST_DAY, ""),
        sampled("derive", root, LAST_DAY, ""),
        sampled("featurize", root, LAST_HOUR, "--step profiles"),
        sampled("featurize", root, HISTORY, &format!("--step samples {task}")),
        stage("train", root, HISTORY, task).arg("--config").arg(linear),
        sampled("evaluate", root, HISTORY, task),
        sampled("promote", root, HISTORY, task).arg("--signing-key").arg(key),
        sampled("featurize", root, LAST_HOUR, &format!("--step features {task}")),
        sampled("predict", root, LAST_HOUR, task),
        sampled("advise", root, LAST_HOUR, ""),
    ]
}

#[test]
fn the_pipeline_runs_on_hdfs_and_repeats_itself() {
    let Some((_hdfs, root)) = crate::root() else { return };
    let keys = tempfile::tempdir().unwrap();
    let (uri, key) = (root.url().as_str(), keys.path().join("promote.pem"));
    let mut report = String::new();
    for command in job(uri, &key) {
        let run = command.exits(0);
        let stage = run.result["stage"].as_str().unwrap().to_owned();
        println!("{stage}: {} {}", run.status(), run.result["numbers"]);
        if stage == "advise" {
            report = run.result["numbers"]["report"].as_str().unwrap().to_owned();
        }
    }
    let page = root.read(&report).unwrap();
    assert!(String::from_utf8_lossy(&page).contains("Worklist"));
    for command in job(uri, &key) {
        let run = command.exits(0);
        assert_eq!(run.status(), "unchanged", "{}", run.result);
    }
    assert!(root.leftovers("").unwrap().is_empty());
}
