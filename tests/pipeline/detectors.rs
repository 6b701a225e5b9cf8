//! Detectors: no loss compares them, so that a new one is measured beside the one that serves.

use std::path::Path;

use arrow::array::AsArray as _;
use arrow::datatypes::Float64Type;
use foresite_testkit::Run;
use serde_json::{Value as Json, json};

use crate::landing::{rows, texts};
use crate::toy::{model, sampled, stage, watched};

const ALERTS: &str = "alerts_per_entity_day";

/// A detector that was trained to raise so many alerts per entity and day, and judged.
fn judged(root: &Path, budget: f64) -> (String, Run) {
    let config = json!({
        "tasks": root.join("tasks"), "candidates": [], "anomaly": { ALERTS: budget },
    });
    let train = stage(root, "train").config(&config).exits(0);
    let run = stage(root, "evaluate").exits(0);
    assert_eq!(run.result["verdict"], "INSUFFICIENT", "nobody knows what was an anomaly");
    (model(&train), run)
}

/// Beside whom an evaluation measured a detector, as `promote` reads it.
fn beside(root: &Path, (id, run): &(String, Run)) -> Json {
    let lineage = run.result["lineage_id"].as_str().unwrap();
    let path = format!("models/toy/{id}/evaluation/{lineage}/evaluation.json");
    let told: Json = serde_json::from_slice(&std::fs::read(root.join(path)).unwrap()).unwrap();
    told["serving"].clone()
}

/// The figures of the model that served, on the gate slice of another.
fn figures_beside(root: &Path, id: &str) -> Vec<(String, f64)> {
    let rows = rows(root, "evaluations");
    let [models, slices, metrics, baselines] =
        ["model_id", "slice", "metric", "baseline"].map(|name| texts(&rows, name));
    let values = rows.column_by_name("value").unwrap().as_primitive::<Float64Type>();
    (0..rows.num_rows())
        .filter(|row| (models[*row].as_str(), slices[*row].as_str()) == (id, "gate"))
        .filter(|row| baselines[*row] == "champion")
        .map(|row| (metrics[row].clone(), values.value(row)))
        .collect()
}

#[test]
fn a_detector_takes_the_place_of_another_unless_it_is_clearly_louder() {
    let folder = watched();
    let root = folder.path();
    sampled(root);
    let first = judged(root, 0.06);
    assert_eq!(beside(root, &first), json!({ "model_id": null, "worse": null }), "nobody served");
    let promote = || stage(root, "promote").exits(0).result["verdict"].clone();
    assert_eq!(promote(), "provisional");

    let loud = judged(root, 1.0);
    let [own, theirs] = [&loud, &first].map(|(_, run)| run.number(ALERTS).unwrap());
    let why = format!("{ALERTS} is {own:.4}, more than 1.5 times the {theirs:.4} of that model");
    assert_eq!(loud.1.result["numbers"]["worse_than_serving"], why);
    assert_eq!(beside(root, &loud), json!({ "model_id": first.0, "worse": why }));
    assert_eq!(figures_beside(root, &loud.0), [(ALERTS.to_owned(), theirs)]);
    let rejected = format!("rejected: clearly worse than `{}`, which serves: {why}", first.0);
    assert_eq!(promote(), rejected);

    let quiet = judged(root, 0.02);
    assert_eq!(beside(root, &quiet), json!({ "model_id": first.0, "worse": null }));
    assert_eq!(promote(), "provisional");
}
