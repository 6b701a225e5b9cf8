//! The stage as a process: tables in, run, tables out.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "world/mod.rs"]
mod world;

use std::path::Path;
use std::process::{Command, Output};

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use foresite_schema::catalog::derived;
use foresite_tables::{Read, Root};
use serde_json::Value as Json;
use world::{HOUR, START, World};

/// Runs the stage; `interval` and `as_of` in hours after [`START`].
fn run(root: &Path, interval: [i64; 2], as_of: f64, more: &[&str]) -> (Output, Json) {
    let stamp = |hours: f64| {
        let micros = START + (hours * HOUR as f64) as i64;
        jiff::Timestamp::from_microsecond(micros).unwrap().to_string()
    };
    let result = root.join("result.json");
    let _ = std::fs::remove_file(&result);
    let output = Command::new(env!("CARGO_BIN_EXE_foresite-featurize"))
        .env("FORESITE_LOG", "lines")
        .env_remove("FORESITE_CONFIG")
        .arg("--data-root")
        .arg(root)
        .arg("--result")
        .arg(&result)
        .args(["--interval-start", &stamp(interval[0] as f64)])
        .args(["--interval-end", &stamp(interval[1] as f64)])
        .args(["--as-of", &stamp(as_of)])
        .args(more)
        .output()
        .unwrap();
    let json = std::fs::read(&result).unwrap_or_default();
    (output, serde_json::from_slice(&json).unwrap_or_default())
}

#[track_caller]
fn done(root: &Path, interval: [i64; 2], as_of: f64, more: &[&str]) -> Json {
    let (output, result) = run(root, interval, as_of, more);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    result
}

fn fresh() -> (tempfile::TempDir, Root) {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    root.create().unwrap();
    (folder, root)
}

fn with_world() -> (tempfile::TempDir, Root) {
    let (folder, root) = fresh();
    World.write(&root);
    (folder, root)
}

fn table(root: &Root, name: &str) -> RecordBatch {
    let def = foresite_schema::catalog::find(name).unwrap();
    root.existing(def).unwrap().read(&Read::all()).unwrap()
}

/// Every value that a recomputation must repeat: all but when and from what it was computed.
fn contents(batch: &RecordBatch) -> Vec<String> {
    let schema = batch.schema();
    let keep: Vec<usize> = (0..schema.fields().len())
        .filter(|index| {
            !matches!(
                schema.field(*index).name().as_str(),
                "ingested_at" | "lineage_id" | "sample_set_id"
            )
        })
        .collect();
    let batch = batch.project(&keep).unwrap();
    let mut rows: Vec<String> = (0..batch.num_rows())
        .map(|row| {
            let cells = batch.columns().iter().map(|column| {
                match column.as_primitive_opt::<Float64Type>() {
                    // To the bit: text would hide a difference in the last digit.
                    Some(values) if values.is_valid(row) => values.value(row).to_bits().to_string(),
                    _ => arrow::util::display::array_value_to_string(column, row).unwrap(),
                }
            });
            cells.collect::<Vec<_>>().join("|")
        })
        .collect();
    rows.sort();
    rows
}

const MAINTENANCE: [&str; 2] = ["--task", "maintenance"];
const SAMPLES: [&str; 4] = ["--step", "samples", "--task", "maintenance"];
/// The whole world, in hours.
const ALL: [i64; 2] = [0, World::HOURS];
const NOW: f64 = World::HOURS as f64 + 0.5;

#[test]
fn a_sample_set_is_made_once_and_can_be_made_again() {
    let (folder, root) = with_world();
    let first = done(folder.path(), ALL, NOW, &SAMPLES);
    assert_eq!(first["status"], "done");
    let set = first["lineage_id"].as_str().unwrap();
    let document = root.read(&format!("samples/maintenance/{set}.json")).unwrap();
    let document: Json = serde_json::from_slice(&document).unwrap();
    let rows = table(&root, "samples_maintenance");
    assert_eq!(document["counts"]["samples"], rows.num_rows());
    let width = document["features"].as_array().unwrap().len();
    let features = rows.column_by_name("features").unwrap().as_list::<i32>();
    assert!((0..rows.num_rows()).all(|row| features.value(row).len() == width));

    let again = done(folder.path(), ALL, NOW, &SAMPLES);
    assert_eq!(again["status"], "unchanged");
    let forced = [&SAMPLES[..], &["--force"]].concat();
    assert_eq!(done(folder.path(), ALL, NOW, &forced)["status"], "done");
    assert_eq!(contents(&rows), contents(&table(&root, "samples_maintenance")));
}

#[test]
fn labels_and_masks_tell_what_happened() {
    let (folder, root) = with_world();
    done(folder.path(), ALL, NOW, &SAMPLES);
    let rows = table(&root, "samples_maintenance");
    let text = |name: &str| rows.column_by_name(name).unwrap().as_string::<i32>().clone();
    let (sites, masks) = (text("entity_id"), text("mask_reason"));
    let cutoffs = rows.column_by_name("cutoff").unwrap().as_primitive::<TimestampMicrosecondType>();
    let labels = rows.column_by_name("labels").unwrap().as_list::<i32>();
    let [start, end] = World::OUTAGE.map(|hour| START + hour * HOUR);
    let mut during = 0;
    for row in (0..rows.num_rows()).filter(|row| sites.value(*row) == "n/s1") {
        let cutoff = cutoffs.value(row);
        let first = labels.value(row).as_primitive::<Float64Type>().iter().next().flatten();
        if cutoff < start && start <= cutoff + 6 * HOUR {
            assert_eq!(first, Some(1.0), "the outage lies in the first bin");
        }
        if (start..end).contains(&cutoff) {
            assert_eq!(masks.value(row), "during_event");
            during += 1;
        }
    }
    assert!(during > 0);
}

#[test]
fn a_wide_interval_equals_many_small_ones() {
    let (wide, wide_root) = with_world();
    let (small, small_root) = with_world();
    let from = World::HOURS - 24;
    done(wide.path(), [from, World::HOURS], NOW, &MAINTENANCE);
    for hour in from..World::HOURS {
        done(small.path(), [hour, hour + 1], hour as f64 + 1.5, &MAINTENANCE);
    }
    let wide = contents(&table(&wide_root, "features_maintenance"));
    assert_eq!(wide.len(), 4 * World::SITES);
    assert_eq!(wide, contents(&table(&small_root, "features_maintenance")));
}

#[test]
fn what_becomes_known_later_changes_no_feature_of_the_past() {
    let (before, before_root) = with_world();
    let (after, after_root) = with_world();
    World.write_late(&after_root);
    for task in ["maintenance", "anomaly", "capacity"] {
        let arguments = ["--task", task];
        let interval = [World::HOURS - 24, World::HOURS];
        for folder in [&before, &after] {
            done(folder.path(), interval, NOW, &["--step", "profiles"]);
            done(folder.path(), interval, NOW, &arguments);
        }
        let name = format!("features_{task}");
        let rows = table(&before_root, &name);
        assert!(rows.num_rows() > 0);
        assert_eq!(contents(&rows), contents(&table(&after_root, &name)), "{task}");
        let lineage = |root: &Root| {
            table(root, &name)
                .column_by_name("lineage_id")
                .unwrap()
                .as_string::<i32>()
                .value(0)
                .to_owned()
        };
        assert_eq!(lineage(&before_root), lineage(&after_root), "{task}");
    }
}

#[test]
fn profiles_give_cells_their_deviation() {
    let (folder, root) = with_world();
    let interval = [World::HOURS - 1, World::HOURS];
    done(folder.path(), interval, NOW, &["--step", "profiles"]);
    done(folder.path(), interval, NOW, &["--task", "anomaly"]);
    let rows = table(&root, "features_anomaly");
    let of = |name: &str, cell: &str| {
        let ids = rows.column_by_name("entity_id").unwrap().as_string::<i32>();
        let row = (0..rows.num_rows()).find(|row| ids.value(*row) == cell).unwrap();
        rows.column_by_name(name).unwrap().as_primitive::<Float64Type>().value(row)
    };
    // The cell has slept for five hours; its neighbour carries a part of its traffic.
    let [asleep, neighbour] = World::SLEEPING;
    assert_eq!(of("silent_steps_traffic_dl_gb", asleep), 5.0);
    assert!(of("silence_traffic_dl_gb", asleep) < -2.0);
    assert!(of("absorbed_traffic_dl_gb", asleep) > 0.1);
    assert!(of("z_traffic_dl_gb", asleep) < -5.0 && of("z_traffic_dl_gb", neighbour) > 0.0);
    let profiles = derived::profiles().name;
    assert!(table(&root, &profiles).num_rows() > 0);
}

#[test]
fn a_dry_run_touches_nothing() {
    let (folder, root) = with_world();
    let dry = [&SAMPLES[..], &["--dry-run"]].concat();
    let result = done(folder.path(), ALL, NOW, &dry);
    assert!(result["numbers"]["samples"].as_u64().unwrap() > 0);
    let tables = root.list("tables/").unwrap();
    assert!(tables.iter().all(|file| !file.path.contains("samples_")), "{tables:?}");
}

#[test]
fn what_cannot_be_done_is_said_in_one_line() {
    let (folder, _root) = fresh();
    let cases: [(&[&str], i32, &str); 4] = [
        (&["--task", "nonsense"], 2, "task `nonsense`: unknown"),
        (&[], 2, "no task is given"),
        (&["--task", "anomaly"], 66, "kpis"),
        (&["--step", "samples", "--task", "maintenance"], 66, "kpis"),
    ];
    for (arguments, code, text) in cases {
        let (output, _) = run(folder.path(), ALL, NOW, arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?} {stderr}");
        let line = stderr.lines().find(|line| line.contains("ERROR")).unwrap_or_default();
        assert!(line.contains(text), "{line}");
    }
}
