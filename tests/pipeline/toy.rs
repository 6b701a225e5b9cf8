//! A task of one's own whose answer is known: devices in trouble depend on what they measured.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use foresite_schema::catalog::derived;
use foresite_schema::{Column, DataKind};
use foresite_tables::{Commit, Root, Slot};
use foresite_testkit::{Binary, Run};
use serde_json::json;
use tempfile::TempDir;

pub(crate) const HOUR: i64 = 3_600_000_000;
pub(crate) const DEVICES: i64 = 12;
pub(crate) const HOURS: i64 = 24 * 70;
/// 1970-03-12T00:00:00Z, the end of the data.
pub(crate) const END: &str = "1970-03-12T00:00:00Z";

/// Whether a device is in trouble depends on what it measured, most of the time.
pub(crate) fn noise(at: i64) -> f64 {
    let mixed = (at.unsigned_abs() + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40) as f64 / f64::from(1 << 24)
}

/// Trouble begins above a level, the usual case.
pub(crate) fn above(x: f64) -> bool {
    x > 0.7
}

pub(crate) fn kpis(root: &Path, in_trouble: fn(f64) -> bool) {
    let rows: Vec<(i64, i64)> =
        (0..DEVICES).flat_map(|device| (0..HOURS).map(move |hour| (device, hour))).collect();
    let x = |(device, hour): &(i64, i64)| noise(device * HOURS + hour);
    let y = |row: &(i64, i64)| {
        let measured = x(row) + 0.3 * (noise(7 - row.0 * HOURS - row.1) - 0.5);
        f64::from(u8::from(in_trouble(measured)))
    };
    let count = rows.len();
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value; count])) };
    let time = |of: fn(i64) -> i64| -> ArrayRef {
        let values = rows.iter().map(|row| of(row.1) * HOUR);
        Arc::new(TimestampMicrosecondArray::from_iter_values(values).with_timezone("UTC"))
    };
    let number = |of: &dyn Fn(&(i64, i64)) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(rows.iter().map(of)))
    };
    let ids = rows.iter().map(|row| format!("device-{:02}", row.0));
    let days = rows.iter().map(|row| i32::try_from(row.1 / 24).unwrap());
    let channel = |name: &str| Column::nullable(name, DataKind::Double, "", "made up");
    let def = derived::kpis().with_columns([channel("x"), channel("y")]);
    let columns: Vec<ArrayRef> = def
        .columns
        .iter()
        .map(|column| match column.name.as_str() {
            "date" => Arc::new(Date32Array::from_iter_values(days.clone())),
            "source" => text("derived"),
            "bucket" | "quality" => Arc::new(Int32Array::from(vec![0; count])) as ArrayRef,
            "granularity_s" => Arc::new(Int32Array::from(vec![3600; count])),
            "entity_type" => text("device"),
            "entity_id" => Arc::new(StringArray::from_iter_values(ids.clone())),
            "period_start" => time(|hour| hour),
            "known_at" | "ingested_at" => time(|hour| hour + 1),
            "tombstone" => Arc::new(BooleanArray::from(vec![false; count])),
            "lineage_id" => text("00ab"),
            "x" => number(&x),
            _ => number(&y),
        })
        .collect();
    let batch = RecordBatch::try_new(def.schema(), columns).unwrap();
    let root = Root::open(root.to_str().unwrap()).unwrap();
    let commit = Commit {
        lineage_id: "00ab".into(),
        as_of: HOURS * HOUR,
        ingested_at: HOURS * HOUR,
        force: false,
        note: json!({}),
    };
    let slot = Slot::derived("derived", 0, 0, HOURS * HOUR);
    root.table(def).unwrap().replace(&slot, &batch, &commit).unwrap();
}

pub(crate) fn prepared(in_trouble: fn(f64) -> bool) -> TempDir {
    let root = TempDir::new().unwrap();
    kpis(root.path(), in_trouble);
    let task = json!({
        "task": "toy", "about": "Devices in trouble.", "entity_type": "device",
        "head": { "kind": "binary" }, "cutoffs": { "step": "6h" }, "look_back": "6h",
        "inputs": {
            "granularity": "1h", "wall_clock": false,
            "rolling": [{ "channels": ["x"], "windows": ["6h"], "statistics": ["last", "mean"] }]
        },
        "label": { "rule": "point", "channel": "y" },
        "slices": { "rule": { "by": "time", "fractions": [0.4, 0.1, 0.2, 0.15, 0.15] } },
        "metrics": ["pr_auc"], "baselines": ["base_rate"]
    });
    std::fs::create_dir(root.path().join("tasks")).unwrap();
    std::fs::write(root.path().join("tasks/toy.json"), task.to_string()).unwrap();
    root
}

/// The same devices for a detector, which has no labels of its own.
pub(crate) fn watched() -> TempDir {
    let root = prepared(above);
    let task = json!({
        "task": "toy", "about": "Devices unlike themselves.", "entity_type": "device",
        "head": { "kind": "anomaly" }, "cutoffs": { "step": "1h" }, "look_back": "6h",
        "inputs": { "granularity": "1h", "wall_clock": false, "channels": ["x"] },
        "label": { "rule": "none" },
        "slices": { "rule": { "by": "time", "fractions": [0.4, 0.1, 0.2, 0.15, 0.15] } },
        "metrics": ["vus_pr"], "baselines": ["random"]
    });
    std::fs::write(root.path().join("tasks/toy.json"), task.to_string()).unwrap();
    root
}

pub(crate) fn stage(root: &Path, name: &str) -> Binary {
    Binary::stage(name).root(root).args("--task toy --as-of").arg(END)
}

pub(crate) fn with_tasks(root: &Path, name: &str) -> Binary {
    stage(root, name).config(&json!({ "tasks": root.join("tasks") }))
}

/// The samples of all hours.
pub(crate) fn sampled(root: &Path) {
    let stage = with_tasks(root, "featurize").interval("1970-01-01T00:00:00Z", END);
    stage.args("--step samples").exits(0);
}

pub(crate) fn featurized(root: &Path) {
    sampled(root);
    with_tasks(root, "featurize").interval("1970-03-11T18:00:00Z", END).exits(0);
}

pub(crate) fn predict(root: &Path) -> Binary {
    stage(root, "predict").interval("1970-03-11T18:00:00Z", END)
}

/// Trains, evaluates and promotes; returns the three runs.
pub(crate) fn promoted(root: &Path) -> [Run; 3] {
    let train = with_tasks(root, "train").exits(0);
    [train, stage(root, "evaluate").exits(0), stage(root, "promote").exits(0)]
}

/// A root whose only model is the champion, and the runs of [`promoted`].
pub(crate) fn with_champion() -> (TempDir, [Run; 3]) {
    let root = prepared(above);
    featurized(root.path());
    let runs = promoted(root.path());
    (root, runs)
}

/// The id of the model that a run speaks of.
pub(crate) fn model(run: &Run) -> String {
    run.result["numbers"]["model_id"].as_str().unwrap().to_owned()
}
