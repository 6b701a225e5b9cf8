//! From people's marks to the labels of samples, by the stages that do it.

use std::collections::BTreeMap;

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::{Float32Type, TimestampMicrosecondType};
use foresite_schema::catalog::{derived, raw};
use foresite_tables::{Read, Root};
use foresite_testkit::Rows;

use crate::toy::{self, HOUR};

/// Mark, hours of cutoff and of the mark, person.
type Marked<'a> = (&'a str, Option<i64>, i64, &'a str);

fn mark(root: &Root, marks: &[Marked<'_>]) {
    let ids: Vec<String> = (0..marks.len()).map(|n| format!("m-{n}")).collect();
    Rows::new(marks.len())
        .text("feedback_id", ids.iter().map(|id| Some(id.as_str())))
        .text("fact", marks.iter().map(|mark| Some(mark.0)))
        .times("at", marks.iter().map(|mark| Some(mark.2 * HOUR)))
        .times("known_at", marks.iter().map(|mark| Some((mark.2 + 1) * HOUR)))
        .text("entity_type", marks.iter().map(|_| Some("device")))
        .text("entity_id", marks.iter().map(|_| Some("device-03")))
        .text("task", marks.iter().map(|_| Some("toy")))
        .times("cutoff", marks.iter().map(|mark| mark.1.map(|hour| hour * HOUR)))
        .text("person", marks.iter().map(|mark| Some(mark.3)))
        .write(root, raw::feedback(), 900 * HOUR);
}

#[test]
fn marks_become_labels_of_a_detector_and_acting_does_not() {
    let folder = toy::watched();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    mark(
        &root,
        &[
            ("confirmed", Some(200), 202, "Kim"),
            ("wrong", Some(210), 212, "Kim"),
            ("done", Some(220), 222, "Kim"),
            ("wrong", Some(230), 232, "Kim"),
            ("confirmed", Some(230), 233, "Lee"),
            ("missed", None, 240, "Kim"),
        ],
    );
    toy::sampled(folder.path());
    let samples = root.existing(derived::samples("toy")).unwrap().read(&Read::all()).unwrap();
    let labels = samples.column_by_name("label").unwrap().as_primitive::<Float32Type>();
    let entities = samples.column_by_name("entity_id").unwrap().as_string::<i32>();
    let cutoffs = samples.column_by_name("cutoff").unwrap();
    let cutoffs = cutoffs.as_primitive::<TimestampMicrosecondType>();
    let found: BTreeMap<(i64, &str), f32> = (0..samples.num_rows())
        .filter(|row| labels.is_valid(*row))
        .map(|row| ((cutoffs.value(row) / HOUR, entities.value(row)), labels.value(row)))
        .collect();
    // What was missed at 240 lies in the hour that the look at 241 describes.
    let expected = [(200, 1.0), (210, 0.0), (241, 1.0)];
    assert_eq!(found, expected.map(|(hour, label)| ((hour, "device-03"), label)).into());
}
