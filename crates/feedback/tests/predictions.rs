//! Predictions are found by their ids, wherever they lie, and only those of this data root.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use foresite_feedback::{MarkedIds, Predictions, reach};
use foresite_schema::catalog::outcome;
use foresite_tables::{Micros, Root};
use foresite_testkit::Rows;
use jiff::Timestamp;

const CUTOFF: Micros = 1_773_064_800_000_000;
const DAY: Micros = 86_400_000_000;

fn some<const N: usize>(values: [&str; N]) -> impl Iterator<Item = Option<&str>> {
    values.into_iter().map(Some)
}

fn marked<const N: usize>(ids: [&str; N], at: Micros) -> MarkedIds {
    ids.map(|id| (id.to_owned(), at)).into()
}

fn write(root: &Root) {
    Rows::new(3)
        .text("prediction_id", some(["new", "month", "year"]))
        .text("entity_type", some(["cell"; 3]))
        .text("entity_id", some(["r/A/1", "r/A/2", "r/B/1"]))
        .times("cutoff", [0, 20, 300].map(|days| Some(CUTOFF - days * DAY)).into_iter())
        .write(root, outcome::predictions("anomaly"), CUTOFF);
    Rows::new(1)
        .text("prediction_id", some(["own"]))
        .text("entity_id", some(["r/C"]))
        .times("cutoff", [Some(CUTOFF - DAY)].into_iter())
        .write(root, outcome::predictions("rul"), CUTOFF - DAY);
    Rows::new(1).text("task", some(["rul"])).write(root, outcome::registry_events(), CUTOFF - DAY);
}

#[test]
fn ids_are_found_within_the_reach_of_their_marks() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    write(&root);
    let mut wanted = marked(["new", "month", "own", "foreign"], CUTOFF + 1);
    wanted.insert(("year".into(), CUTOFF - 300 * DAY + reach("anomaly")));
    let found = Predictions::find(&root, &wanted, CUTOFF + 1).unwrap();
    let entity = |id: &str| found.get(id).map(|prediction| prediction.entity_id.as_str());
    assert_eq!(
        ["new", "month", "year", "own", "foreign"].map(entity),
        [Some("r/A/1"), Some("r/A/2"), Some("r/B/1"), Some("r/C"), None]
    );
    let new = found.get("new").unwrap();
    assert_eq!((new.task.as_str(), new.cutoff), ("anomaly", CUTOFF));
    assert_eq!(["capacity", "rul", "weather"].map(|task| found.knows(task)), [true, true, false]);
    let early = Predictions::find(&root, &marked(["new"], CUTOFF - 1), CUTOFF + 1).unwrap();
    assert!(early.get("new").is_some(), "a mark before its cutoff is told so");
}

#[test]
fn who_plans_may_mark_what_was_foretold_a_horizon_ago() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    let then = CUTOFF - 92 * DAY;
    for task in ["capacity", "anomaly"] {
        Rows::new(1)
            .text("prediction_id", some([task]))
            .text("entity_id", some(["r/A/1"]))
            .times("cutoff", [Some(then)].into_iter())
            .write(&root, outcome::predictions(task), then);
    }
    let found = Predictions::find(&root, &marked(["capacity", "anomaly"], CUTOFF), CUTOFF).unwrap();
    assert_eq!(["capacity", "anomaly"].map(|id| found.get(id).is_some()), [true, false]);
}

#[test]
fn an_unknown_id_costs_no_look_at_all_that_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    write(&root);
    // Whoever reads the file of the old prediction fails from now on.
    let old = CUTOFF - 300 * DAY;
    let mut removed = 0;
    for file in root.list("tables/predictions_anomaly").unwrap() {
        let day = Timestamp::from_microsecond(old).unwrap().strftime("%Y-%m-%d").to_string();
        if file.path.contains(&day) {
            std::fs::remove_file(folder.path().join(&file.path)).unwrap();
            removed += 1;
        }
    }
    assert_eq!(removed, 1);
    let near = marked(["year", "foreign"], CUTOFF + 1);
    assert_eq!(Predictions::find(&root, &near, CUTOFF + 1).unwrap().get("year"), None);
    assert!(Predictions::find(&root, &marked(["foreign"], old), CUTOFF + 1).is_err());
}

#[test]
fn what_was_predicted_later_is_not_known_yet() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    let find = |ids, until| Predictions::find(&root, &ids, until).unwrap();
    assert_eq!(find(marked(["new"], CUTOFF), CUTOFF), Predictions::from([]));
    write(&root);
    let found = find(marked(["new", "own"], CUTOFF - 1), CUTOFF - 1);
    assert_eq!((found.get("new"), found.get("own").is_some()), (None, true));
}

#[test]
fn replays_and_challengers_are_told_apart_from_what_was_shown() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    Rows::new(4)
        .text("prediction_id", some(["both", "both", "replayed", "shadow"]))
        .text("entity_id", some(["r/A/1", "r/A/1", "r/A/2", "r/A/3"]))
        .times("cutoff", std::iter::repeat_n(Some(CUTOFF), 4))
        .text("role", some(["champion", "champion", "champion", "challenger"]))
        .flags("replay", [false, true, true, false].into_iter())
        .write(&root, outcome::predictions("anomaly"), CUTOFF);
    let ids = marked(["both", "replayed", "shadow"], CUTOFF + 1);
    let found = Predictions::find(&root, &ids, CUTOFF + 1).unwrap();
    let shown = |id: &str| found.get(id).unwrap().was_shown;
    assert_eq!(["both", "replayed", "shadow"].map(shown), [true, false, false]);
}

#[test]
fn a_version_of_the_tables_stays_what_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    assert!(Predictions::versions(&root).unwrap().is_empty());
    write(&root);
    let versions = Predictions::versions(&root).unwrap();
    assert_eq!(versions.keys().collect::<Vec<_>>(), ["anomaly", "rul"]);
    Rows::new(1)
        .text("prediction_id", some(["late"]))
        .times("cutoff", [Some(CUTOFF)].into_iter())
        .write(&root, outcome::predictions("capacity"), CUTOFF);
    let ids = marked(["new", "late"], CUTOFF + 1);
    let then = Predictions::find_at(&root, &versions, &ids, CUTOFF + 1).unwrap();
    assert!(then.get("new").is_some() && then.get("late").is_none());
    assert!(Predictions::find(&root, &ids, CUTOFF + 1).unwrap().get("late").is_some());
}
