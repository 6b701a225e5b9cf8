//! The stage as a process: a configuration in, files out, and nothing the second time.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value as Json, json};

const HISTORY: [&str; 2] = ["2026-01-01T00:00:00Z", "2026-01-20T00:00:00Z"];
const FIRST_HOUR: [&str; 2] = ["2026-01-20T00:00:00Z", "2026-01-20T01:00:00Z"];

fn small() -> Json {
    json!({
        "seed": 5, "start": HISTORY[0], "end": HISTORY[1],
        "hourly_days": 4, "xml_days": 1, "truth_days": 2,
        "regions": [{
            "name": "north", "prefix": "N", "time_zone": "Europe/Berlin", "holidays": "DE",
            "latitude": 53.5, "longitude": 10.0, "sites": 3
        }]
    })
}

fn command(root: &Path, config: &Json, interval: [&str; 2]) -> Command {
    let beside = root.parent().unwrap();
    std::fs::write(beside.join("config.json"), config.to_string()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_foresite-simulate"));
    command
        .env("FORESITE_LOG", "lines")
        .arg("--data-root")
        .arg(root)
        .arg("--config")
        .arg(beside.join("config.json"))
        .arg("--result")
        .arg(beside.join("result.json"))
        .args(["--interval-start", interval[0], "--interval-end", interval[1]]);
    command
}

fn result(root: &Path) -> Json {
    let text = std::fs::read(root.parent().unwrap().join("result.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn run(root: &Path, config: &Json, interval: [&str; 2]) -> Json {
    let output = command(root, config, interval).output().unwrap();
    assert!(output.status.success(), "{}", errors(&output));
    result(root)
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Path below the root → content.
fn contents(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn a_rerun_is_unchanged_and_an_hour_adds_its_files() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("data");
    let first = run(&root, &small(), HISTORY);
    assert_eq!(first["status"], "done");
    let history = contents(&root);
    assert_eq!(first["numbers"]["files"], history.len());
    assert_eq!(run(&root, &small(), HISTORY)["status"], "unchanged");
    assert_eq!(contents(&root), history);
    assert_eq!(run(&root, &small(), FIRST_HOUR)["status"], "done");
    let later = contents(&root);
    let new: Vec<&String> = later.keys().filter(|name| !history.contains_key(*name)).collect();
    assert!(new.iter().any(|name| name.ends_with("alarms/alarms_20260120.0000.csv")), "{new:?}");
    assert!(new.iter().any(|name| name.contains("A20260120.0000+0000-0100+0000_")), "{new:?}");
    assert!(history.iter().all(|(name, bytes)| later[name] == *bytes), "history stays as it is");
    assert_eq!(run(&root, &small(), FIRST_HOUR)["status"], "unchanged");
}

#[test]
fn one_wide_interval_equals_history_and_hours() {
    let scratch = tempfile::tempdir().unwrap();
    let [steps, wide] = ["steps", "wide"].map(|name| scratch.path().join(name).join("data"));
    for root in [&steps, &wide] {
        std::fs::create_dir_all(root).unwrap();
    }
    run(&steps, &small(), HISTORY);
    run(&steps, &small(), FIRST_HOUR);
    run(&wide, &small(), [HISTORY[0], FIRST_HOUR[1]]);
    assert_eq!(contents(&steps), contents(&wide));
}

#[test]
fn a_dry_run_touches_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("data");
    std::fs::create_dir(&root).unwrap();
    let output = command(&root, &small(), HISTORY).arg("--dry-run").output().unwrap();
    assert!(output.status.success(), "{}", errors(&output));
    assert_eq!(result(&root)["status"], "planned");
    assert!(contents(&root).is_empty());
}

#[test]
fn what_cannot_be_simulated_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("data");
    let mut no_zone = small();
    no_zone["regions"][0]["time_zone"] = json!("Middle/Earth");
    let mut backwards = small();
    backwards["end"] = json!("2025-01-01T00:00:00Z");
    for (config, interval, words) in [
        (no_zone, HISTORY, "regions[0].time_zone"),
        (backwards, HISTORY, "`end`"),
        (small(), ["2026-01-20T00:30:00Z", "2026-01-20T01:00:00Z"], "full hours"),
    ] {
        let output = command(&root, &config, interval).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", errors(&output));
        assert!(errors(&output).contains(words), "{}", errors(&output));
    }
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("data");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("landing"), "a file where a folder should be").unwrap();
    let output = command(&root, &small(), HISTORY).output().unwrap();
    assert_eq!(output.status.code(), Some(73), "{}", errors(&output));
    assert!(errors(&output).contains("landing"), "{}", errors(&output));
}

#[test]
fn a_stopped_run_leaves_no_half_file_and_a_rerun_completes_it() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("data");
    let mut long = small();
    long["start"] = json!("2024-01-01T00:00:00Z");
    long["xml_days"] = json!(200);
    let interval = ["2024-01-01T00:00:00Z", HISTORY[1]];
    let mut child = command(&root, &long, interval).stderr(Stdio::null()).spawn().unwrap();
    while !root.join("landing/history").is_dir() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(contents(&root).keys().all(|name| !name.ends_with(".tmp")));
    assert_eq!(run(&root, &long, interval)["status"], "done");
}
