//! The time machine: what was published, computed again as it was known then, and compared.

use std::path::Path;

use arrow::array::AsArray as _;
use foresite_schema::TableDef;
use foresite_schema::catalog::{outcome, watch};
use foresite_tables::{Commit, Read, Root, Slot};
use foresite_testkit::{Binary, Run};
use serde_json::json;

use crate::toy::{above, featurized, model, predict, prepared, promoted, stage, with_champion};

/// A rebuild, by its verdict and how many computations it repeated.
pub(crate) fn told(run: &Run) -> (&str, f64) {
    let verdict = run.result["verdict"].as_str().unwrap_or_default();
    (verdict, run.number("computations").unwrap_or(f64::NAN))
}

/// Repeats what a stage published.
pub(crate) fn rebuilt(stage: Binary) -> Run {
    stage.args("--rebuild").exits(0)
}

fn store(root: &Path) -> Root {
    Root::open(root.to_str().unwrap()).unwrap()
}

/// All that the stage published.
fn everything() -> Slot {
    Slot::derived("derived", 0, i64::MIN, i64::MAX)
}

fn commit() -> Commit {
    Commit {
        lineage_id: "00cd".into(),
        as_of: i64::MAX,
        ingested_at: i64::MAX / 2,
        force: false,
        note: json!({}),
    }
}

/// Files below the data root, without the outcome of rebuilds and their documents.
fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            match path.is_dir() {
                _ if name == "tables/rebuilds" || name == "lineage" => {}
                true => folders.push(path),
                false => found.push(name),
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_prediction_is_made_again_with_the_model_of_its_time() {
    let root = prepared(above);
    featurized(root.path());
    let nothing = rebuilt(predict(root.path()));
    assert_eq!(told(&nothing), ("nothing_published", 0.0));
    let [first, ..] = promoted(root.path());
    predict(root.path()).exits(0);
    // Nobody serves any more; then it was that one.
    let revoke = stage(root.path(), "promote").args("--action revoke --reason leak --model");
    revoke.arg(model(&first)).exits(0);
    assert_eq!(predict(root.path()).exits(0).result["verdict"], "no_model");

    let before = files(root.path());
    let again = rebuilt(predict(root.path()));
    assert_eq!(told(&again), ("equal", 1.0), "{}", again.stderr);
    assert_eq!(again.number("predictions_toy_rows"), Some(12.0));
    assert_eq!(before, files(root.path()), "nothing was written besides");
    rebuilt(predict(root.path()));
    let table = store(root.path()).existing(watch::rebuilds()).unwrap();
    let rows = table.read_all(&Read::all()).unwrap();
    assert_eq!(rows.num_rows(), 2, "every rebuild is an entry");
    let column = |name: &str| rows.column_by_name(name).unwrap().as_string::<i32>().clone();
    let (published, rebuilt) = (column("published_sha256"), column("rebuilt_sha256"));
    assert_eq!((published.value(0), published.value(1)), (rebuilt.value(1), rebuilt.value(0)));
}

#[test]
fn a_published_row_that_somebody_changed_is_found() {
    let (root, _) = with_champion();
    predict(root.path()).exits(0);
    let table = store(root.path()).existing(outcome::predictions("toy")).unwrap();
    let rows = table.read_all(&Read::all()).unwrap();
    let index = rows.schema().index_of("probability").unwrap();
    let mut columns = rows.columns().to_vec();
    let halved = columns[index].as_primitive::<arrow::datatypes::Float64Type>();
    columns[index] =
        std::sync::Arc::new(halved.unary::<_, arrow::datatypes::Float64Type>(|p| p / 2.0));
    let changed = arrow::array::RecordBatch::try_new(rows.schema(), columns).unwrap();
    table.replace(&everything(), &changed, &commit()).unwrap();

    let again = rebuilt(predict(root.path()));
    assert_eq!(told(&again), ("different", 1.0), "{}", again.stderr);
    let first = again.result["numbers"]["first_different"].as_str().unwrap();
    assert!(first.contains("predictions_toy: 12 of 12 rows differ in probability"), "{first}");
    let line = again.stderr.lines().find(|line| line.contains("not as published")).unwrap();
    assert!(!line.contains("revision"), "the same code: {line}");
}

/// Gives `predictions_toy` the columns of a release that did not know `drivers`.
fn without_drivers(root: &Path) {
    let def = outcome::predictions("toy");
    let rows = store(root).existing(def.clone()).unwrap().read_all(&Read::all()).unwrap();
    let schema = rows.schema();
    let older = |name: &str| name != "drivers";
    let kept = schema.fields().iter().enumerate().filter(|(_, field)| older(field.name()));
    let rows = rows.project(&kept.map(|(at, _)| at).collect::<Vec<_>>()).unwrap();
    let columns = def.columns.iter().filter(|column| older(&column.name)).cloned().collect();
    std::fs::remove_dir_all(root.join("tables/predictions_toy")).unwrap();
    let table = store(root).table(TableDef { columns, ..def }).unwrap();
    table.replace(&everything(), &rows, &commit()).unwrap();
}

#[test]
fn a_table_of_an_older_release_is_compared_by_its_own_columns_and_gets_none() {
    let (root, _) = with_champion();
    predict(root.path()).exits(0);
    without_drivers(root.path());
    let version = || {
        let table = store(root.path()).existing(outcome::predictions("toy")).unwrap();
        table.version().unwrap()
    };
    let before = version();
    let again = rebuilt(predict(root.path()));
    assert_eq!(told(&again), ("equal", 1.0), "{} {}", again.result, again.stderr);
    assert_eq!(version(), before, "no column was added");
}

#[test]
fn a_model_that_never_served_is_asked_about_the_past_and_shown_to_nobody() {
    let (root, _) = with_champion();
    predict(root.path()).exits(0);
    let config = json!({ "tasks": root.path().join("tasks"), "seed": 9, "candidates": [] });
    let other = model(&stage(root.path(), "train").config(&config).exits(0));
    let unsigned = predict(root.path()).args("--model").arg(&other).exits(65);
    assert!(unsigned.error_line().contains("no trusted key has signed it"));
    stage(root.path(), "evaluate").exits(0);
    stage(root.path(), "promote").args("--action challenge").exits(0);
    let asked = predict(root.path()).args("--model").arg(&other).exits(0);
    assert_eq!((asked.result["verdict"].as_str(), asked.status()), (Some("replay"), "done"));

    let table = store(root.path()).existing(outcome::predictions("toy")).unwrap();
    let replays = table.read(&Read::all().text("source", "replay")).unwrap();
    assert_eq!(replays.num_rows(), 12);
    let marked = replays.column_by_name("replay").unwrap().as_boolean();
    assert!(marked.iter().all(|replay| replay == Some(true)));
    let id = replays.column_by_name("prediction_id").unwrap().as_string::<i32>().value(0);
    let why = Binary::stage("maintain").root(root.path()).args("--step why --prediction").arg(id);
    let page = why.exits(0).stdout;
    assert!(page.contains(&format!(" --task toy --model {other} ")), "{page}");
    assert_eq!(told(&rebuilt(predict(root.path()))), ("equal", 1.0), "a replay is no publication");
}

#[test]
fn a_stage_without_published_slots_says_so() {
    let root = prepared(above);
    let refused = stage(root.path(), "promote").args("--rebuild").exits(2);
    assert!(refused.error_line().contains("publishes no slots"), "{}", refused.error_line());
    let both = predict(root.path()).args("--rebuild --force").exits(2);
    assert!(both.stderr.contains("--force"), "{}", both.stderr);
}
