//! Where a prediction comes from, as `maintain --step why` tells it.

use std::path::Path;

use arrow::array::RecordBatch;
use foresite_schema::catalog::outcome::predictions;
use foresite_tables::{Read, Root, sha256_hex};
use foresite_testkit::Binary;
use serde_json::Value as Json;

use crate::rebuild;

/// The first prediction of a task names the run that made it, the training and the decisions of its
/// model, and raw files that are there with the content that was read; and its call makes it anew,
/// compares, and changes nothing.
pub(crate) fn is_told(root: &Path, task: &str) {
    let id = first_prediction(root, task);
    let why = |more: &str| {
        let call = format!("--step why --prediction {id} {more}");
        Binary::stage("maintain").root(root).args(&call).exits(0).stdout
    };
    let told: Json = serde_json::from_str(&why("--json")).unwrap();
    let maker = told["made_by"].as_str().unwrap();
    assert_eq!(told["runs"][maker]["stage"], "predict", "{task}");
    assert_eq!(told["runs"][maker]["task"], task);
    let trained = told["training"].as_object().unwrap().values().next().unwrap();
    assert_eq!(trained["stage"], "train", "{task}");
    let decisions: Vec<&str> =
        told["decisions"].as_array().unwrap().iter().filter_map(|d| d["event"].as_str()).collect();
    assert_eq!(decisions, ["registered", "promoted"], "{task}");

    let files = told["files"].as_array().unwrap();
    for file in files {
        let landed = root.join("landing").join(file["path"].as_str().unwrap());
        let content = std::fs::read(&landed).unwrap_or_else(|error| panic!("{landed:?}: {error}"));
        assert_eq!(sha256_hex(&content), file["sha256"].as_str().unwrap(), "{landed:?}");
    }
    // Three days of hourly files of four elements, less one that was damaged and one that never came.
    let measured = files.iter().filter(|file| file["kind"] == "pm").count();
    assert_eq!(measured, 287, "{task}");

    let page = why("");
    let configuration = told["runs"][maker]["configuration"].to_string();
    assert!(page.contains(&configuration), "{task}: {page}");
    let before = rows(root, task);
    let again = once_more(&page).exits(0);
    assert_eq!(rebuild::told(&again), ("equal", 1.0), "{task}: {} {}", again.result, again.stderr);
    assert_eq!(rows(root, task), before, "{task}: it only compares");
}

/// The call that a page names, with the configuration that it prints for it.
pub(crate) fn once_more(page: &str) -> Binary {
    let call = page.lines().find_map(|line| line.trim().strip_prefix("foresite-predict ")).unwrap();
    let binary = Binary::stage("predict");
    let Some((_, rest)) = page.split_once("echo '") else { return binary.args(call) };
    let config: Json = serde_json::from_str(rest.split_once("' >predict.json").unwrap().0).unwrap();
    binary.config(&config).args(&call.replace("--config predict.json", ""))
}

/// All versions of what was said about a task.
fn rows(root: &Path, task: &str) -> RecordBatch {
    let store = Root::open(root.to_str().unwrap()).unwrap();
    store.existing(predictions(task)).unwrap().read_all(&Read::all()).unwrap()
}

/// A prediction that is in no table is said to be missing, and none at all is wrong usage.
pub(crate) fn is_missed(root: &Path) {
    let why = |more: &str, code| {
        Binary::stage("maintain").root(root).args("--step why").args(more).exits(code)
    };
    let unknown = why("--prediction 0123456789abcdef01234567", 66);
    assert!(unknown.error_line().contains("in no table"), "{}", unknown.error_line());
    assert!(why("", 2).error_line().contains("--prediction ID"));
}

fn first_prediction(root: &Path, task: &str) -> String {
    let store = Root::open(root.to_str().unwrap()).unwrap();
    let rows = store.existing(predictions(task)).unwrap().read(&Read::all()).unwrap();
    let ids = rows.column_by_name("prediction_id").unwrap();
    arrow::array::AsArray::as_string::<i32>(ids).value(0).to_owned()
}
