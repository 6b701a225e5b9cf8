//! Predictions are found by their ids, wherever they lie, and only those of this data root.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;

use foresite_feedback::Predictions;
use foresite_schema::catalog::outcome;
use foresite_tables::{Micros, Root};
use foresite_testkit::Rows;

const CUTOFF: Micros = 1_773_064_800_000_000;
const DAY: Micros = 86_400_000_000;

fn some<const N: usize>(values: [&str; N]) -> impl Iterator<Item = Option<&str>> {
    values.into_iter().map(Some)
}

fn ids<const N: usize>(ids: [&str; N]) -> BTreeSet<String> {
    ids.map(str::to_owned).into()
}

fn write(root: &Root) {
    Rows::new(3)
        .text("prediction_id", some(["new", "month", "year"]))
        .text("entity_type", some(["cell"; 3]))
        .text("entity_id", some(["r/A/1", "r/A/2", "r/B/1"]))
        .times("cutoff", [0, 20, 300].map(|days| Some(CUTOFF - days * DAY)).into_iter())
        .texts("drivers", [vec!["latency_dl=0.5 (9, 3)".to_owned()], vec![], vec![]].into_iter())
        .write(root, outcome::predictions("anomaly"), CUTOFF);
    Rows::new(1)
        .text("prediction_id", some(["own"]))
        .text("entity_id", some(["r/C"]))
        .times("cutoff", [Some(CUTOFF - DAY)].into_iter())
        .write(root, outcome::predictions("rul"), CUTOFF - DAY);
    Rows::new(1).text("task", some(["rul"])).write(root, outcome::registry_events(), CUTOFF - DAY);
}

#[test]
fn ids_are_found_wherever_they_lie() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    write(&root);
    let found =
        Predictions::find(&root, &ids(["new", "month", "year", "own", "foreign"]), CUTOFF + 1)
            .unwrap();
    let entity = |id: &str| found.get(id).map(|prediction| prediction.entity_id.as_str());
    assert_eq!(
        ["new", "month", "year", "own", "foreign"].map(entity),
        [Some("r/A/1"), Some("r/A/2"), Some("r/B/1"), Some("r/C"), None]
    );
    let new = found.get("new").unwrap();
    assert_eq!((new.task.as_str(), new.cutoff), ("anomaly", CUTOFF));
    assert_eq!(["capacity", "rul", "weather"].map(|task| found.knows(task)), [true, true, false]);
    assert_eq!(new.drivers, ["latency_dl=0.5 (9, 3)"]);
}

#[test]
fn what_was_predicted_later_is_not_known_yet() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    assert_eq!(Predictions::find(&root, &ids(["new"]), CUTOFF).unwrap(), Predictions::from([]));
    write(&root);
    let found = Predictions::find(&root, &ids(["new", "own"]), CUTOFF - 1).unwrap();
    assert_eq!((found.get("new"), found.get("own").is_some()), (None, true));
}
