//! A task of one's own from `kpis` to predictions: train, evaluate, promote, predict, roll back; and
//! what happens to a bundle that somebody changed.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray as _, BooleanArray, Date32Array, Float64Array, Int32Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::Float64Type;
use foresite_schema::catalog::{derived, outcome};
use foresite_schema::{Column, DataKind};
use foresite_tables::{Commit, Read, Root, Slot};
use foresite_testkit::{Binary, Run};
use serde_json::json;
use tempfile::TempDir;

const HOUR: i64 = 3_600_000_000;
const DEVICES: i64 = 12;
const HOURS: i64 = 24 * 70;
/// 1970-03-12T00:00:00Z, the end of the data.
const END: &str = "1970-03-12T00:00:00Z";

/// Whether a device is in trouble depends on what it measured, most of the time.
fn noise(at: i64) -> f64 {
    let mixed = (at.unsigned_abs() + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40) as f64 / f64::from(1 << 24)
}

/// Trouble begins above a level, the usual case.
fn above(x: f64) -> bool {
    x > 0.7
}

fn kpis(root: &Path, in_trouble: fn(f64) -> bool) {
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

fn prepared(in_trouble: fn(f64) -> bool) -> TempDir {
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

fn stage(root: &Path, name: &str) -> Binary {
    Binary::stage(name).root(root).args("--task toy --as-of").arg(END)
}

fn with_tasks(root: &Path, name: &str) -> Binary {
    stage(root, name).config(&json!({ "tasks": root.join("tasks") }))
}

fn featurized(root: &Path) {
    let span = ["1970-01-01T00:00:00Z", END];
    with_tasks(root, "featurize").interval(span[0], span[1]).args("--step samples").exits(0);
    with_tasks(root, "featurize").interval("1970-03-11T18:00:00Z", END).exits(0);
}

fn predict(root: &Path) -> Binary {
    stage(root, "predict").interval("1970-03-11T18:00:00Z", END)
}

/// Trains, evaluates and promotes; returns the three runs.
fn promoted(root: &Path) -> [Run; 3] {
    let train = with_tasks(root, "train").exits(0);
    [train, stage(root, "evaluate").exits(0), stage(root, "promote").exits(0)]
}

fn verdict(run: &Run) -> &str {
    run.result["verdict"].as_str().unwrap_or_default()
}

fn model(run: &Run) -> String {
    run.result["numbers"]["model_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_model_is_made_judged_promoted_and_used() {
    let root = prepared(above);
    featurized(root.path());
    assert_eq!(verdict(&predict(root.path()).exits(0)), "no_model");
    let [train, evaluate, promote] = promoted(root.path());
    assert_eq!((verdict(&evaluate), verdict(&promote)), ("PASS", "champion"));
    assert_eq!(with_tasks(root.path(), "train").exits(0).status(), "unchanged");
    assert_eq!(stage(root.path(), "promote").exits(0).status(), "unchanged");

    let said = predict(root.path()).exits(0);
    assert_eq!((verdict(&said), said.status()), ("champion", "done"));
    assert_eq!(predict(root.path()).exits(0).status(), "unchanged");
    let store = Root::open(root.path().to_str().unwrap()).unwrap();
    let table = store.existing(outcome::predictions("toy")).unwrap();
    let rows = table.read(&Read::all()).unwrap();
    assert_eq!(i64::try_from(rows.num_rows()).unwrap(), DEVICES);
    let p = rows.column_by_name("probability").unwrap().as_primitive::<Float64Type>();
    let ids = rows.column_by_name("entity_id").unwrap().as_string::<i32>();
    for (id, p) in ids.iter().flatten().zip(p.iter().flatten()) {
        let device: i64 = id.trim_start_matches("device-").parse().unwrap();
        let x = noise(device * HOURS + HOURS - 1);
        assert!(if x > 0.9 { p > 0.8 } else { x > 0.5 || p < 0.2 }, "{id}: x {x}, p {p}");
    }
    let bundle = root.path().join(format!("models/toy/{}/bundle", model(&train)));
    let card = std::fs::read_to_string(bundle.join("card.md")).unwrap();
    assert!(card.contains("## Candidates against the linear path"), "{card}");
    assert_eq!(card.contains("so there is no `network.pt`"), !bundle.join("network.pt").exists());
}

#[test]
fn a_changed_bundle_is_refused_and_a_revoked_model_serves_no_more() {
    let root = prepared(above);
    featurized(root.path());
    let [train, ..] = promoted(root.path());
    let card = root.path().join(format!("models/toy/{}/bundle/card.md", model(&train)));
    let honest = std::fs::read(&card).unwrap();
    std::fs::write(&card, "# A better model\n").unwrap();
    let refused = predict(root.path()).exits(65);
    assert!(refused.error_line().contains("file `card.md` is not what `SHA256SUMS` says"));
    std::fs::write(&card, honest).unwrap();
    std::fs::remove_dir_all(root.path().join("keys")).unwrap();
    let refused = predict(root.path()).exits(65);
    assert!(refused.error_line().contains("no trusted key has signed it"));

    let revoke = stage(root.path(), "promote").args("--action revoke --reason leak --model");
    assert_eq!(verdict(&revoke.arg(model(&train)).exits(0)), "revoked");
    assert_eq!(verdict(&predict(root.path()).exits(0)), "no_model");
    assert_eq!(stage(root.path(), "promote").args("--action rollback").exits(2).code, Some(2));
}

#[test]
fn a_network_that_ships_is_exported_and_made_again_bit_by_bit() {
    let made = || {
        // Trouble at both ends: no line tells it apart.
        let root = prepared(|x| (x - 0.5).abs() > 0.3);
        featurized(root.path());
        let options = json!({ "architecture": "residual", "learning_rate": 0.01 });
        let config = json!({
            "tasks": root.path().join("tasks"),
            "candidates": [{ "kind": "network", "options": options }],
        });
        let train = stage(root.path(), "train").config(&config).exits(0);
        let bundle = root.path().join(format!("models/toy/{}/bundle", model(&train)));
        let file = |name: &str| std::fs::read(bundle.join(name)).unwrap();
        (file("network.pt"), file("weights.safetensors"), file("SHA256SUMS"), file("card.md"))
    };
    let (once, again) = (made(), made());
    let [sums, card] = [&once.2, &once.3].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(
        sums.contains("  network.pt\n") && card.contains("`network.pt` is the network"),
        "{card}"
    );
    assert!(once.0.starts_with(b"PK"), "no archive");
    assert!(once.0 == again.0 && once.1 == again.1, "the same training gave other bytes");
}

#[test]
fn a_model_whose_event_was_lost_is_registered_by_the_next_run() {
    let root = prepared(above);
    featurized(root.path());
    let train = with_tasks(root.path(), "train").exits(0);
    std::fs::remove_dir_all(root.path().join("tables/registry_events")).unwrap();
    stage(root.path(), "evaluate").exits(66);
    assert_eq!(model(&with_tasks(root.path(), "train").exits(0)), model(&train));
    stage(root.path(), "evaluate").exits(0);
}

#[test]
fn another_champion_makes_another_evaluation() {
    let root = prepared(above);
    featurized(root.path());
    let seeded = |seed: u64| {
        let tasks = root.path().join("tasks");
        let config = json!({ "tasks": tasks, "seed": seed, "candidates": [] });
        model(&stage(root.path(), "train").config(&config).exits(0))
    };
    let first = seeded(1);
    stage(root.path(), "evaluate").exits(0);
    assert_ne!(seeded(2), first);
    stage(root.path(), "evaluate").exits(0);
    stage(root.path(), "promote").exits(0);
    let again = || stage(root.path(), "evaluate").args("--model").arg(&first).exits(0);
    assert_eq!(again().status(), "done");
    assert_eq!(again().status(), "unchanged");
}

#[test]
fn what_is_missing_is_named() {
    let root = prepared(above);
    let run = with_tasks(root.path(), "train").exits(66);
    assert!(run.error_line().contains("samples of task `toy`: no sample set is known"));
    let run = stage(root.path(), "evaluate").exits(66);
    assert!(run.error_line().contains("task `toy`: no model is registered"));
    featurized(root.path());
    with_tasks(root.path(), "train").exits(0);
    let run = stage(root.path(), "evaluate").args("--model no-such-model").exits(66);
    assert!(run.error_line().contains("model `no-such-model` is not registered"));
    let run = stage(root.path(), "train").exits(2);
    assert!(run.error_line().contains("task `toy`: unknown"));
}
