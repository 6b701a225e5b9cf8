//! Series of sectors from rows of their carriers.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema};

use super::*;
use crate::task::{SECOND, WEEK};

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<_> = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

fn texts<'a>(values: impl IntoIterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(StringArray::from_iter(values))
}

fn times(values: impl IntoIterator<Item = Option<Micros>>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter(values).with_timezone("UTC"))
}

/// One sector with a wide and a narrow carrier.
fn network() -> Network {
    let rows = [
        ("n/s/1", "sector", "n/s", None),
        ("n/s/1/a", "cell", "n/s/1", Some(300)),
        ("n/s/1/b", "cell", "n/s/1", Some(100)),
    ];
    let none = || texts(rows.iter().map(|_| None));
    let zero = || times(rows.iter().map(|_| Some(0)));
    let inventory = batch(vec![
        ("entity_id", texts(rows.iter().map(|row| Some(row.0)))),
        ("entity_type", texts(rows.iter().map(|row| Some(row.1)))),
        ("parent_id", texts(rows.iter().map(|row| Some(row.2)))),
        ("prb_count", Arc::new(Int32Array::from_iter(rows.iter().map(|row| row.3)))),
        ("valid_from", zero()),
        ("valid_to", times(rows.iter().map(|_| None))),
        ("known_at", zero()),
        ("commissioned_at", zero()),
        ("time_zone", none()),
        ("holiday_calendar", none()),
        ("software", none()),
    ]);
    Network::read(&[inventory], &[]).unwrap()
}

/// entity, start, length, known at, utilisation, busy hour
type Row = (&'static str, Micros, Micros, Micros, Option<f64>, Option<f64>);

fn kpis(rows: &[Row]) -> RecordBatch {
    let seconds = rows.iter().map(|row| i32::try_from(row.2 / SECOND).unwrap());
    let value = |of: fn(&Row) -> Option<f64>| -> ArrayRef {
        Arc::new(Float64Array::from_iter(rows.iter().map(of)))
    };
    batch(vec![
        ("entity_type", texts(rows.iter().map(|_| Some("cell")))),
        ("entity_id", texts(rows.iter().map(|row| Some(row.0)))),
        ("source", texts(rows.iter().map(|_| Some("derived")))),
        ("period_start", times(rows.iter().map(|row| Some(row.1)))),
        ("known_at", times(rows.iter().map(|row| Some(row.3)))),
        ("granularity_s", Arc::new(Int32Array::from_iter_values(seconds))),
        ("prb_util_dl", value(|row| row.4)),
        ("busy_hour_prb_util_dl", value(|row| row.5)),
    ])
}

#[test]
fn a_sector_weighs_its_carriers_and_takes_its_busy_hour() {
    let task: Task = serde_json::from_str(crate::task::built_in("capacity").unwrap()).unwrap();
    let network = network();
    // A day of history, then a day of hours of which the last is late for the narrow carrier.
    let mut rows: Vec<Row> = vec![
        ("n/s/1/a", 0, DAY, 30 * HOUR, Some(20.0), Some(60.0)),
        ("n/s/1/b", 0, DAY, 30 * HOUR, Some(20.0), Some(40.0)),
    ];
    for hour in 24..48 {
        for (cell, level) in [("n/s/1/a", 40.0), ("n/s/1/b", 80.0)] {
            let late = if cell == "n/s/1/b" && hour == 47 { 10 } else { 0 };
            let known = (hour + 1 + late) * HOUR;
            let value = level + if hour == 47 { 10.0 } else { 0.0 };
            rows.push((cell, hour * HOUR, HOUR, known, Some(value), None));
        }
    }
    let entities = vec!["n/s/1".to_owned()];
    let mut builder = SeriesBuilder::new(&task, &network, entities, (0, 2 * DAY), WEEK);
    let added = builder.push(&kpis(&rows)).unwrap();
    assert_eq!((added.taken, added.skipped), (50, 0));
    let cube = builder.finish();
    assert_eq!(cube.channels(), ["prb_util_dl"]);
    assert_eq!(cube.value(0, 0, 0, WEEK), 55.0);
    assert!(cube.value(0, 0, 0, 29 * HOUR).is_nan());
    // Before the late hour, the day holds the wide carrier's last hour alone: 3 of 4 blocks.
    assert_eq!(cube.value(0, 1, 0, 48 * HOUR), 50.0);
    assert_eq!(cube.value(0, 1, 0, 58 * HOUR), 60.0);
}

#[test]
fn what_is_below_other_entities_is_not_held() {
    let task: Task = serde_json::from_str(crate::task::built_in("capacity").unwrap()).unwrap();
    let network = network();
    let rows = [("n/s/1/a", 0, HOUR, HOUR, Some(20.0), None)];
    for (entity, taken) in [("n/s/1", 1), ("n/s/2", 0)] {
        let span = (0, 2 * DAY);
        let mut builder = SeriesBuilder::new(&task, &network, vec![entity.into()], span, WEEK);
        assert_eq!(builder.push(&kpis(&rows)).unwrap().taken, taken, "{entity}");
    }
}

#[test]
fn entities_are_found_in_rows_of_their_type() {
    let rows = kpis(&[("b", 0, HOUR, HOUR, None, None), ("a", 0, HOUR, HOUR, None, None)]);
    let mut found = BTreeSet::new();
    note_entities(&rows, "cell", &mut found).unwrap();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a", "b"]);
    let mut none = BTreeSet::new();
    note_entities(&rows, "site", &mut none).unwrap();
    assert!(none.is_empty());
}
