//! A small `kpis` table: hours of a day, a few cells, one channel.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BooleanArray, Float64Array, Int32Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::Float64Type;
use foresite_schema::{Column, DataKind, TableDef, catalog};
use foresite_tables::{Commit, Read, Root, Slot, Table};
use tempfile::TempDir;

pub(crate) const HOUR: i64 = 3_600_000_000;
/// 2026-01-01T00:00:00Z.
pub(crate) const DAY: i64 = 1_767_225_600_000_000;

pub(crate) fn kpis() -> TableDef {
    catalog::derived::kpis().with_columns([Column::nullable(
        "load",
        DataKind::Double,
        "%",
        "test channel",
    )])
}

pub(crate) fn root() -> (TempDir, Root) {
    let folder = TempDir::new().unwrap();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    (folder, root)
}

/// (cell, hour of the day, load, known_at hour)
pub(crate) type Fact = (&'static str, i64, Option<f64>, i64);

pub(crate) fn rows(facts: &[Fact]) -> RecordBatch {
    let count = facts.len();
    let times = |pick: fn(&Fact) -> i64| -> ArrayRef {
        let values = facts.iter().map(|fact| DAY + pick(fact) * HOUR);
        Arc::new(TimestampMicrosecondArray::from_iter_values(values).with_timezone("UTC"))
    };
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value; count])) };
    RecordBatch::try_from_iter([
        ("source", text("derived")),
        ("bucket", Arc::new(Int32Array::from(vec![0; count])) as ArrayRef),
        ("entity_type", text("cell")),
        (
            "entity_id",
            Arc::new(facts.iter().map(|fact| Some(fact.0)).collect::<StringArray>()) as ArrayRef,
        ),
        ("period_start", times(|fact| fact.1)),
        ("granularity_s", Arc::new(Int32Array::from(vec![3600; count])) as ArrayRef),
        ("load", Arc::new(facts.iter().map(|fact| fact.2).collect::<Float64Array>()) as ArrayRef),
        ("tombstone", Arc::new(BooleanArray::from(vec![false; count])) as ArrayRef),
        ("known_at", times(|fact| fact.3)),
        ("ingested_at", times(|fact| fact.3)),
        ("lineage_id", text("feed")),
    ])
    .unwrap()
}

pub(crate) fn commit(lineage: &str, as_of_hour: i64) -> Commit {
    Commit {
        lineage_id: lineage.into(),
        as_of: DAY + as_of_hour * HOUR,
        ingested_at: DAY + as_of_hour * HOUR,
        force: false,
        note: serde_json::json!({"stage": "test"}),
    }
}

pub(crate) fn slot(from: i64, to: i64) -> Slot {
    Slot::derived("derived", 0, DAY + from * HOUR, DAY + to * HOUR)
}

/// What a reader as of an hour sees: (cell, hour, load).
pub(crate) fn seen(table: &Table, as_of_hour: i64) -> Vec<(String, i64, Option<f64>)> {
    let batch = table.read(&Read::all().as_of(DAY + as_of_hour * HOUR)).unwrap();
    let cells = batch.column_by_name("entity_id").unwrap().as_string::<i32>().clone();
    let times = batch.column_by_name("period_start").unwrap().clone();
    let times = times.as_primitive::<arrow::datatypes::TimestampMicrosecondType>();
    let loads = batch.column_by_name("load").unwrap().as_primitive::<Float64Type>().clone();
    (0..batch.num_rows())
        .map(|row| {
            let load = loads.is_valid(row).then(|| loads.value(row));
            (cells.value(row).to_owned(), (times.value(row) - DAY) / HOUR, load)
        })
        .collect()
}

pub(crate) fn row(cell: &str, hour: i64, load: f64) -> (String, i64, Option<f64>) {
    (cell.into(), hour, Some(load))
}

/// The table after its hours were filled, one commit each, with a row per cell.
pub(crate) fn filled(root: &Root, hours: std::ops::Range<i64>) -> Table {
    let table = root.table(kpis()).unwrap();
    for hour in hours {
        let facts = [("a", hour, Some(hour as f64), 1), ("b", hour, Some(-hour as f64), 1)];
        table
            .replace(&slot(hour, hour + 1), &rows(&facts), &commit(&format!("{hour:02x}"), 1))
            .unwrap();
    }
    // The last handle waits for its checkpoint.
    drop(table);
    root.table(kpis()).unwrap()
}

/// The log folder of `kpis`.
pub(crate) fn log(folder: &TempDir) -> PathBuf {
    folder.path().join("tables/kpis/_delta_log")
}

/// The data files of `kpis` on disk, sorted.
pub(crate) fn data_files(folder: &TempDir) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder.path().join("tables/kpis"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap() != "_delta_log")
        .flat_map(|date| std::fs::read_dir(date).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

/// Days since the epoch of the day that the rows are of.
pub(crate) fn today() -> i32 {
    foresite_tables::date_of(DAY)
}
