//! Membership, clocks and groups over time.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema};

use super::*;
use crate::task::DAY;

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from_iter(values.iter().copied()))
}

fn times(values: &[Option<i64>]) -> ArrayRef {
    let days = values.iter().map(|value| value.map(|day| day * DAY));
    Arc::new(TimestampMicrosecondArray::from_iter(days).with_timezone("UTC"))
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<_> = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

/// id, type, parent, valid from, valid to, known at (days)
type Row<'a> = (&'a str, &'a str, &'a str, i64, Option<i64>, i64);

fn network(rows: &[Row<'_>], edges: &[(&str, &str, &str)]) -> Network {
    let all =
        |of: &dyn Fn(&Row<'_>) -> Option<i64>| times(&rows.iter().map(of).collect::<Vec<_>>());
    let none = vec![None; rows.len()];
    let zones: Vec<_> = rows.iter().map(|row| (row.1 == "site").then_some("Asia/Tokyo")).collect();
    let inventory = batch(vec![
        ("entity_id", texts(&rows.iter().map(|row| Some(row.0)).collect::<Vec<_>>())),
        ("entity_type", texts(&rows.iter().map(|row| Some(row.1)).collect::<Vec<_>>())),
        ("parent_id", texts(&rows.iter().map(|row| Some(row.2)).collect::<Vec<_>>())),
        ("valid_from", all(&|row| Some(row.3))),
        ("valid_to", all(&|row| row.4)),
        ("known_at", all(&|row| Some(row.5))),
        ("commissioned_at", all(&|_| None)),
        ("time_zone", texts(&zones)),
        ("holiday_calendar", texts(&none)),
        ("software", texts(&none)),
        ("prb_count", Arc::new(arrow::array::Int32Array::from(vec![273; rows.len()]))),
    ]);
    let zero = vec![Some(0); edges.len()];
    let edges = batch(vec![
        ("a_id", texts(&edges.iter().map(|edge| Some(edge.0)).collect::<Vec<_>>())),
        ("b_id", texts(&edges.iter().map(|edge| Some(edge.1)).collect::<Vec<_>>())),
        ("kind", texts(&edges.iter().map(|edge| Some(edge.2)).collect::<Vec<_>>())),
        ("valid_from", times(&zero)),
        ("valid_to", times(&vec![None; zero.len()])),
        ("known_at", times(&zero)),
    ]);
    Network::read(&[inventory], &[edges]).unwrap()
}

const ROWS: [Row<'_>; 7] = [
    ("n", "region", "", 0, None, 0),
    ("n/s1", "site", "n", 0, None, 0),
    ("n/s1/1", "sector", "n/s1", 0, None, 0),
    ("n/s1/1/a", "cell", "n/s1/1", 0, None, 0),
    ("n/s1/1/a", "cell", "n/s1/1", 0, None, 5),
    ("n/s1/1/b", "cell", "n/s1/1", 3, Some(9), 4),
    ("n/s1/battery", "unit", "n/s1", 0, None, 0),
];

#[test]
fn membership_follows_validity_and_knowledge() {
    let network = network(&ROWS, &[]);
    let cells = |day: i64| network.below("n/s1", &["cell"], day * DAY).len();
    assert_eq!([cells(0), cells(3), cells(4), cells(8), cells(9)], [1, 1, 2, 2, 1]);
    assert_eq!(network.below("n/s1", &["unit", "link"], 0).len(), 1);
    assert_eq!(
        network.same_site("n/s1/1/a", 5 * DAY).into_iter().collect::<Vec<_>>(),
        ["n/s1/1/b"]
    );
    assert_eq!(network.entities("cell", 10 * DAY).count(), 1);
    assert_eq!(network.ever("cell").count(), 2);
    // The snapshot of day 5 repeats what day 0 said.
    assert_eq!(network.changes(), [0, 4 * DAY, 9 * DAY]);
}

#[test]
fn a_cell_keeps_the_time_of_its_site() {
    let network = network(&ROWS, &[]);
    assert_eq!(network.clock("n/s1/1/a").hour_of_week(0), 3 * 24 + 9);
    assert_eq!(network.clock("elsewhere").hour_of_week(0), 3 * 24);
}

#[test]
fn sites_that_share_power_or_backhaul_stay_together() {
    let mut rows = ROWS.to_vec();
    for site in ["n/s2", "n/s3", "n/s4"] {
        rows.push((site, "site", "n", 0, None, 0));
    }
    let edges = [
        ("n/s3", "n/s2", "backhaul"),
        ("n/s2/battery", "n/s1/grid", "power"),
        ("n/s4/1/a", "n/s1/1/a", "neighbour"),
        ("n/s4", "n", "power"),
    ];
    let network = network(&rows, &edges);
    let groups = network.fate_groups();
    assert_eq!(groups["n/s1"], groups["n/s3"]);
    assert_eq!(groups["n/s4"], "n/s4");
    let neighbours = network.neighbours("n/s1/1/a", 0);
    assert_eq!(neighbours.into_iter().collect::<Vec<_>>(), ["n/s4/1/a"]);
}

#[test]
fn a_state_of_then_is_told_as_it_is_known_later() {
    let network = network(
        &[
            ("r/A", "site", "r", 0, None, 5),
            ("r/A", "site", "s", 10, None, 12),
            ("q/B/1", "cell", "q/C", 0, None, 0),
        ],
        &[],
    );
    for (at, known, expected) in [
        (3, 3, None),
        (3, 5, Some("r")),
        (11, 11, Some("r")),
        (11, 12, Some("s")),
        (9, 20, Some("r")),
    ] {
        let state = network.state_as_known("r/A", at * DAY, known * DAY);
        let parent = state.and_then(|state| state.parent_id.as_deref());
        assert_eq!(parent, expected, "day {at} as known on day {known}");
    }
    let named = ["r/A", "r", "s", "q", "q/B", "q/C", "q/D", "r/A/1"].map(|id| network.is_named(id));
    assert_eq!(named, [true, true, true, true, true, true, false, false]);
    assert!(!network.is_listed("r"), "it has no row of its own");
}
