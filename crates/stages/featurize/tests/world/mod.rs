//! A small network in tables: two sites with two cells each, ten weeks of hours.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Field, Schema};
use foresite_schema::catalog::{derived, raw};
use foresite_schema::{Column, DataKind, TableDef};
use foresite_tables::{Commit, Root, Slot};

pub(crate) const HOUR: i64 = 3_600_000_000;
pub(crate) const DAY: i64 = 24 * HOUR;
/// 2026-01-05, a Monday.
pub(crate) const START: i64 = 20_458 * DAY;

const SITES: [&str; 2] = ["n/s1", "n/s2"];
const CELLS: [&str; 4] = ["n/s1/1/a", "n/s1/2/b", "n/s2/1/c", "n/s2/2/d"];
const OF_CELLS: [&str; 10] = [
    "accessibility",
    "drb_retainability",
    "ue_thp_dl",
    "latency_dl",
    "prb_util_dl",
    "traffic_dl_gb",
    "users_mean",
    "availability",
    "rach_att",
    "bler_dl",
];
const OF_SITES: [&str; 4] = ["voltage_v", "rx_power_dbm", "temperature_c", "power_w"];

/// The network.
pub(crate) struct World;

/// One row of `kpis`: entity, hour, hours until known.
struct Row {
    entity: &'static str,
    hour: i64,
    late: i64,
    factor: f64,
}

impl World {
    pub(crate) const HOURS: i64 = 10 * 168;
    pub(crate) const SITES: usize = SITES.len();
    /// Hours of the outage of the first site.
    pub(crate) const OUTAGE: [i64; 2] = [1500, 1513];
    /// A cell that sleeps at the end, and the neighbour that absorbs.
    pub(crate) const SLEEPING: [&'static str; 2] = [CELLS[0], CELLS[1]];

    /// Writes all tables.
    pub(crate) fn write(&self, root: &Root) {
        append(root, raw::inventory(), inventory(), "i1");
        append(root, raw::topology_edges(), edges(), "e1");
        append(root, raw::alarms(), alarms(0..200), "a1");
        append(root, raw::tickets(), tickets(Self::OUTAGE, 2), "t1");
        let rows = (0..Self::HOURS).flat_map(|hour| {
            let entities = CELLS.iter().chain(&SITES);
            entities.map(move |entity| Row { entity, hour, late: 0, factor: 1.0 })
        });
        append(root, channels(derived::kpis()), kpis(rows.collect()), "k1");
    }

    /// Adds what became known after the last hour: corrections, an alarm, a ticket.
    pub(crate) fn write_late(&self, root: &Root) {
        let rows = (0..48).flat_map(|back| {
            let hour = Self::HOURS - 1 - back;
            let entities = CELLS.iter().chain(&SITES);
            entities.map(move |entity| Row { entity, hour, late: 100, factor: 3.0 })
        });
        append(root, channels(derived::kpis()), kpis(rows.collect()), "k2");
        append(root, raw::alarms(), alarms(5000..5010), "a2");
        append(root, raw::tickets(), tickets([Self::HOURS - 30, Self::HOURS - 20], 500), "t2");
    }
}

fn channels(def: TableDef) -> TableDef {
    let column = |name: &&str| Column::nullable(name, DataKind::Double, "", "a channel");
    def.with_columns(OF_CELLS.iter().chain(&OF_SITES).map(column))
}

fn append(root: &Root, def: TableDef, columns: Vec<(&str, ArrayRef)>, lineage: &str) {
    let name = def.name.clone();
    let mut columns = columns;
    let rows = columns[0].1.len();
    let file = texts((0..rows).map(|_| Some(lineage)));
    for name in ["source", "plan", "file_id"] {
        if def.column(name).is_some() && columns.iter().all(|(have, _)| *have != name) {
            columns.push((name, file.clone()));
        }
    }
    if def.column("bucket").is_some() {
        columns.push(("bucket", Arc::new(Int32Array::from(vec![0; rows]))));
    }
    columns.push(("lineage_id", file));
    columns.push(("ingested_at", times((0..rows).map(|_| Some(START)))));
    let field =
        |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), true);
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatch::try_new(schema, arrays).unwrap();
    let commit = Commit {
        lineage_id: format!(
            "{:032x}",
            lineage.bytes().fold(7, |hash, b| hash * 31 + u128::from(b))
        ),
        as_of: i64::MAX,
        ingested_at: START,
        force: false,
        note: serde_json::Value::Null,
    };
    let slot = Slot { equals: [].into(), period: None };
    let table = root.table(def).unwrap();
    table.append(&slot, &batch, &commit).unwrap_or_else(|error| panic!("{name}: {error}"));
}

fn texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(StringArray::from_iter(values))
}

fn times(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter(values).with_timezone("UTC"))
}

fn ints(values: impl Iterator<Item = i32>) -> ArrayRef {
    Arc::new(Int32Array::from_iter_values(values))
}

fn inventory() -> Vec<(&'static str, ArrayRef)> {
    let sectors = ["n/s1/1", "n/s1/2", "n/s2/1", "n/s2/2"];
    let mut rows: Vec<(&str, &str, &str)> = SITES.map(|id| (id, "site", "n")).to_vec();
    rows.extend(sectors.map(|id| (id, "sector", &id[..4])));
    rows.extend(CELLS.map(|id| (id, "cell", &id[..6])));
    let each = || rows.iter();
    vec![
        ("entity_id", texts(each().map(|row| Some(row.0)))),
        ("entity_type", texts(each().map(|row| Some(row.1)))),
        ("parent_id", texts(each().map(|row| Some(row.2)))),
        ("prb_count", ints(each().map(|_| 273))),
        ("time_zone", texts(each().map(|row| (row.1 == "site").then_some("Europe/Berlin")))),
        ("commissioned_at", times(each().map(|_| Some(START - 400 * DAY)))),
        ("valid_from", times(each().map(|_| Some(START - 400 * DAY)))),
        ("valid_to", times(each().map(|_| None))),
        ("known_at", times(each().map(|_| Some(START - 400 * DAY)))),
    ]
}

fn edges() -> Vec<(&'static str, ArrayRef)> {
    let one = |time: Option<i64>| times(std::iter::once(time));
    vec![
        ("a_id", texts(std::iter::once(Some(CELLS[0])))),
        ("b_id", texts(std::iter::once(Some(CELLS[1])))),
        ("kind", texts(std::iter::once(Some("neighbour")))),
        ("valid_from", one(Some(START - 400 * DAY))),
        ("valid_to", one(None)),
        ("known_at", one(Some(START - 400 * DAY))),
    ]
}

/// Alarms raised every seventh hour on the sites in turn; numbers beyond 5000 became known late.
fn alarms(numbers: std::ops::Range<i64>) -> Vec<(&'static str, ArrayRef)> {
    let rows: Vec<(String, &str, i64, i64)> = numbers
        .flat_map(|n| {
            let (at, known) = match n < 5000 {
                true => (n * 7, n * 7 + 1),
                false => (World::HOURS - 10, World::HOURS + n),
            };
            [
                (format!("A{n}"), "raised", at, known),
                (format!("A{n}"), "cleared", at + 3, known + 3),
            ]
        })
        .collect();
    let each = || rows.iter();
    let site =
        |row: &(String, &str, i64, i64)| SITES[usize::from(row.0.ends_with(['1', '3', '5']))];
    vec![
        ("alarm_id", texts(each().map(|row| Some(row.0.as_str())))),
        ("fact", texts(each().map(|row| Some(row.1)))),
        ("at", times(each().map(|row| Some(START + row.2 * HOUR)))),
        ("entity_id", texts(each().map(|row| Some(site(row))))),
        (
            "specific_problem",
            texts(each().map(|row| {
                Some(if row.0.ends_with('2') { "Mains Failure" } else { "Cabinet Door Open" })
            })),
        ),
        ("severity", texts(each().map(|_| Some("MAJOR")))),
        ("known_at", times(each().map(|row| Some(START + row.3 * HOUR)))),
    ]
}

fn tickets([start, end]: [i64; 2], late: i64) -> Vec<(&'static str, ArrayRef)> {
    let id = format!("T{start}");
    let rows = [("opened", start, None), ("closed", end, Some(end))];
    let each = || rows.iter();
    let time = |hour: i64| Some(START + hour * HOUR);
    vec![
        ("ticket_id", texts(each().map(|_| Some(id.as_str())))),
        ("fact", texts(each().map(|row| Some(row.0)))),
        ("at", times(each().map(|row| time(row.1)))),
        ("entity_id", texts(each().map(|_| Some("n/s1")))),
        ("start_at", times(each().map(|_| time(start)))),
        ("end_at", times(each().map(|row| row.2.and_then(time)))),
        ("cause", texts(each().map(|row| row.2.map(|_| "power")))),
        ("known_at", times(each().map(|row| time(row.1 + late)))),
    ]
}

fn kpis(rows: Vec<Row>) -> Vec<(&'static str, ArrayRef)> {
    let each = || rows.iter();
    let mut columns = vec![
        ("entity_id", texts(each().map(|row| Some(row.entity)))),
        (
            "entity_type",
            texts(
                each().map(|row| Some(if SITES.contains(&row.entity) { "site" } else { "cell" })),
            ),
        ),
        ("period_start", times(each().map(|row| Some(START + row.hour * HOUR)))),
        ("granularity_s", ints(each().map(|_| 3600))),
        ("tombstone", Arc::new(BooleanArray::from(vec![false; rows.len()])) as ArrayRef),
        (
            "known_at",
            times(each().map(|row| Some(START + (row.hour + 1 + row.late) * HOUR + HOUR / 6))),
        ),
    ];
    for (index, name) in OF_CELLS.iter().chain(&OF_SITES).enumerate() {
        let is_own = |row: &Row| SITES.contains(&row.entity) == (index >= OF_CELLS.len());
        let value = |row: &Row| is_own(row).then(|| row.factor * level(row, name, index));
        columns.push((name, Arc::new(Float64Array::from_iter(each().map(value)))));
    }
    columns
}

fn level(row: &Row, name: &str, index: usize) -> f64 {
    let day = (row.hour % 24) as f64 / 24.0 * std::f64::consts::TAU;
    let noise =
        ((row.hour * 7919 + index as i64 * 31 + row.entity.len() as i64) % 101) as f64 / 500.0;
    let usual = 10.0 + index as f64 + 4.0 * day.sin() + noise;
    let is_load = ["traffic_dl_gb", "users_mean", "rach_att"].contains(&name);
    let asleep = row.hour >= World::HOURS - 5 && is_load;
    match row.entity {
        id if asleep && id == World::SLEEPING[0] => 0.0,
        id if asleep && id == World::SLEEPING[1] => 1.5 * usual,
        _ => usual,
    }
}
