//! Slices, purge and groups.

use super::*;
use crate::task::DAY;

fn task(slices: &str) -> Task {
    let text = crate::task::built_in("maintenance").unwrap();
    let mut value: serde_json::Value = serde_json::from_str(text).unwrap();
    value["slices"] = serde_json::from_str(slices).unwrap();
    serde_json::from_value(value).unwrap()
}

fn entities(count: usize) -> BTreeMap<String, String> {
    let pair = |n: usize| (format!("n/s{n:03}"), format!("group-{}", n / 2));
    (0..count).map(pair).collect()
}

#[test]
fn labels_end_before_the_next_slice_begins() {
    let task = task(r#"{ "rule": { "by": "time", "fractions": [0.5, 0.1, 0.2, 0.1, 0.1] } }"#);
    let slicer = Slicer::new(&task, (0, 1000 * DAY), 1100 * DAY, &entities(4));
    let fit = slicer.place("n/s001", 499 * DAY);
    assert_eq!((fit.slice, fit.until), (SliceName::Fit, 493 * DAY));
    let calibrate = slicer.place("n/s001", 600 * DAY);
    assert_eq!((calibrate.slice, calibrate.until), (SliceName::Calibrate, 793 * DAY));
    let test = slicer.place("n/s001", 999 * DAY);
    assert_eq!((test.slice, test.until), (SliceName::Test, 1100 * DAY));
}

#[test]
fn dates_are_taken_as_given() {
    let task = task(
        r#"{ "rule": { "by": "dates", "starts": ["1970-01-11T00:00:00Z", "1970-01-21T00:00:00Z",
             "1970-02-01T00:00:00Z", "1970-03-01T00:00:00Z"] }, "purge": "30d" }"#,
    );
    let slicer = Slicer::new(&task, (0, 90 * DAY), 120 * DAY, &entities(1));
    let slices = [0, 10, 20, 31, 59].map(|day| slicer.place("n/s000", day * DAY).slice);
    assert_eq!(slices, SliceName::ALL);
    assert_eq!(slicer.place("n/s000", 0).until, 10 * DAY);
}

#[test]
fn groups_stay_together_when_entities_are_divided() {
    let task = task(
        r#"{ "rule": { "by": "entities", "fractions": [0.5, 0.1, 0.1, 0.1, 0.2] }, "group": "site" }"#,
    );
    let entities = entities(200);
    let slicer = Slicer::new(&task, (0, DAY), 2 * DAY, &entities);
    let slice = |id: &str| slicer.place(id, 0).slice;
    for n in (0..200).step_by(2) {
        assert_eq!(slice(&format!("n/s{n:03}")), slice(&format!("n/s{:03}", n + 1)));
    }
    let fitted = entities.keys().filter(|id| slice(id) == SliceName::Fit).count();
    assert_eq!(fitted, 100);
    assert_eq!(slicer.place("n/s000", 0).until, 2 * DAY);
}

#[test]
fn the_test_units_of_a_set_are_named_by_prefix() {
    let task = task(
        r#"{ "rule": { "by": "entities", "fractions": [0.6, 0.2, 0.1, 0.1, 0.0], "test_prefix": "n/s00" } }"#,
    );
    let slicer = Slicer::new(&task, (0, DAY), DAY, &entities(100));
    let tests = entities(100).into_keys().filter(|id| slicer.place(id, 0).slice == SliceName::Test);
    assert_eq!(tests.count(), 10);
}

#[test]
fn held_out_groups_are_unseen_only_where_things_are_fitted() {
    let task = task(
        r#"{ "rule": { "by": "time", "fractions": [0.5, 0.1, 0.2, 0.1, 0.1] }, "unseen": 0.2 }"#,
    );
    let slicer = Slicer::new(&task, (0, 100 * DAY), 100 * DAY, &entities(100));
    let unseen = |day: i64| {
        let ids = entities(100).into_keys();
        ids.filter(|id| !slicer.place(id, day * DAY).is_seen).count()
    };
    assert_eq!([unseen(0), unseen(55), unseen(70), unseen(99)], [20, 20, 0, 0]);
}
