//! What a cube shows at which cutoff.

use std::sync::Arc;

use arrow::array::{
    BooleanArray, Float64Array, Int32Array, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;

use super::*;
use crate::clock::LocalClock;
use crate::task::{Aggregate, DAY, HOUR, SECOND};

/// entity, period start in hours, length in hours, source, known at in hours, value
type Row = (&'static str, i64, i64, &'static str, i64, Option<f64>);

fn batch(rows: &[Row]) -> RecordBatch {
    let times = |of: fn(&Row) -> i64| {
        Arc::new(
            TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| of(row) * HOUR))
                .with_timezone("UTC"),
        )
    };
    let time = crate::batch::time_type();
    let schema = Schema::new(vec![
        Field::new("entity_id", arrow::datatypes::DataType::Utf8, false),
        Field::new("source", arrow::datatypes::DataType::Utf8, false),
        Field::new("period_start", time.clone(), false),
        Field::new("known_at", time, false),
        Field::new("granularity_s", arrow::datatypes::DataType::Int32, false),
        Field::new("tombstone", arrow::datatypes::DataType::Boolean, false),
        Field::new("users_mean", arrow::datatypes::DataType::Float64, true),
    ]);
    RecordBatch::try_new(
        Arc::new(schema),
        vec![
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.3))),
            times(|row| row.1),
            times(|row| row.4),
            Arc::new(Int32Array::from_iter_values(
                rows.iter().map(|row| (row.2 * HOUR / SECOND) as i32),
            )),
            Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(row.5.is_none())))),
            Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.5))),
        ],
    )
    .unwrap()
}

fn cube(rows: &[Row], hours: i64) -> Cube {
    let channels = vec!["users_mean".to_owned()];
    let mut cube =
        Cube::new(Grid::covering(0, hours * HOUR, HOUR), ["a".into(), "b".into()], channels);
    cube.add(&batch(rows), &Rows::default()).unwrap();
    cube.finish();
    cube
}

const ROWS: [Row; 6] = [
    ("a", 0, 1, "derived", 1, Some(1.0)),
    ("a", 1, 1, "derived", 2, Some(2.0)),
    ("a", 1, 1, "derived", 9, Some(20.0)),
    ("a", 2, 1, "history", 3, Some(3.0)),
    ("a", 2, 1, "derived", 7, Some(30.0)),
    ("a", 3, 1, "derived", 8, None),
];

fn seen(cube: &Cube, cutoff_hours: i64) -> Vec<f64> {
    cube.series(0, 0, 0..4, cutoff_hours * HOUR)
        .into_iter()
        .map(|x| if x.is_nan() { -1.0 } else { x })
        .collect()
}

#[test]
fn a_window_sees_what_was_known_at_its_cutoff() {
    let cube = cube(&ROWS, 4);
    assert_eq!(seen(&cube, 2), [1.0, 2.0, -1.0, -1.0]);
    assert_eq!(seen(&cube, 3), [1.0, 2.0, 3.0, -1.0]);
    assert_eq!(seen(&cube, 7), [1.0, 2.0, 30.0, -1.0]);
    assert_eq!(seen(&cube, 9), [1.0, 20.0, 30.0, -1.0]);
    assert!(cube.is_plain(0, 0..1, HOUR) && !cube.is_plain(0, 0..2, 3 * HOUR));
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let forwards = cube(&ROWS, 4);
    let mut rows = ROWS;
    rows.reverse();
    let backwards = cube(&rows, 4);
    for cutoff in 0..10 {
        assert_eq!(seen(&forwards, cutoff), seen(&backwards, cutoff), "{cutoff}");
        let mut windows = [Vec::new(), Vec::new()];
        forwards.gather(0, 0..4, cutoff * HOUR, &mut windows[0]);
        backwards.gather(0, 0..4, cutoff * HOUR, &mut windows[1]);
        let bits = windows.map(|window| window.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
        assert_eq!(bits[0], bits[1]);
    }
}

#[test]
fn a_day_stands_for_its_hours_until_hours_are_known() {
    let rows = [("a", 0, 24, "history", 30, Some(240.0)), ("a", 5, 1, "derived", 40, Some(7.0))];
    let mut cube = Cube::new(Grid::covering(0, DAY, HOUR), ["a".into()], vec!["users_mean".into()]);
    let additive = ["users_mean".to_owned()];
    let how = Rows { additive: &additive, ..Rows::default() };
    let added = cube.add(&batch(&rows), &how).unwrap();
    cube.finish();
    assert_eq!((added.taken, added.skipped), (2, 0));
    assert_eq!(cube.value(0, 5, 0, 30 * HOUR), 10.0);
    assert_eq!(cube.value(0, 5, 0, 40 * HOUR), 7.0);
    assert!(cube.value(0, 5, 0, 29 * HOUR).is_nan());
}

#[test]
fn local_days_take_their_busy_hour() {
    let mut rows: Vec<Row> =
        (0..48).map(|h| ("a", h, 1, "derived", h + 1, Some(h as f64))).collect();
    rows.push(("a", 20, 1, "derived", 60, Some(99.0)));
    let hourly = cube(&rows, 48);
    let mut daily =
        Cube::new(Grid::covering(0, 2 * DAY, DAY), ["a".into()], vec!["users_mean".into()]);
    // Berlin in January: the local day 1970-01-02 runs from 23:00 to 23:00 UTC.
    let berlin = |_: &str| LocalClock::new("Europe/Berlin", "").unwrap();
    coarsen(&hourly, &mut daily, berlin, Aggregate::Max, 0.9);
    daily.finish();
    assert_eq!(daily.value(0, 1, 0, 47 * HOUR), 46.0);
    assert!(daily.value(0, 1, 0, 46 * HOUR).is_nan());
    // Twenty-three of the first day's hours lie in the grid; the correction at hour 60 shows later.
    assert_eq!(daily.value(0, 0, 0, 59 * HOUR), 22.0);
    assert_eq!(daily.value(0, 0, 0, 60 * HOUR), 99.0);
}

#[test]
fn grids_hold_whole_steps() {
    let grid = Grid::covering(HOUR / 2, 4 * HOUR + 1, HOUR);
    assert_eq!((grid.start, grid.steps, grid.origin()), (HOUR, 3, 1));
    assert_eq!(grid.index(HOUR / 2), None);
    assert_eq!(grid.index(4 * HOUR - 1), Some(2));
    assert_eq!(grid.before(3 * HOUR + 5, 9), 0..2);
    assert_eq!(grid.before(4 * HOUR + 9, 2), 1..3);
    assert_eq!(grid.before(9 * HOUR, 2), 3..3);
}

#[test]
fn a_partial_sum_is_no_sum() {
    let rows = [("a", 0, 1, "derived", 2, Some(3.0)), ("a", 1, 1, "derived", 2, Some(4.0))];
    let plain = batch(&rows);
    let quality = arrow::array::Int32Array::from(vec![1 << 2, 0]);
    let schema = plain.schema();
    let columns = schema.fields().iter().map(|field| field.name().clone());
    let mut all: Vec<(String, arrow::array::ArrayRef)> =
        columns.zip(plain.columns().iter().cloned()).collect();
    all.push(("quality".into(), std::sync::Arc::new(quality)));
    let rows = RecordBatch::try_from_iter(all).unwrap();
    let additive = ["users_mean".to_owned()];
    for (additive, first) in [(&additive[..], f32::NAN), (&[][..], 3.0)] {
        let grid = Grid::covering(0, DAY, HOUR);
        let mut cube = Cube::new(grid, ["a".into()], vec!["users_mean".into()]);
        cube.add(&rows, &Rows { additive, ..Rows::default() }).unwrap();
        cube.finish();
        let seen = cube.value(0, 0, 0, 3 * HOUR);
        assert!(seen == first || (seen.is_nan() && first.is_nan()), "{seen}");
        assert_eq!(cube.value(0, 1, 0, 3 * HOUR), 4.0);
    }
}
