//! Two tiny stages that fulfil the whole stage contract and nothing else.
//!
//! `tiny-count` takes lines `cell,hour,value` out of files in `landing/` into a raw table, once a
//! file; `tiny-sum` adds them up per cell and hour into a derived table. With them the process tests
//! prove slots, as-of reads, late files, two live copies and every row of the exit table, without
//! the weight of the real stages.

pub mod count;
pub mod sum;
pub mod writer;

use foresite_schema::{Column, DataKind, Keep, TableDef, TableKind};

/// Microseconds of an hour.
pub const HOUR: i64 = 3_600_000_000;

fn table(name: &str, kind: TableKind, keys: &str, columns: Vec<Column>) -> TableDef {
    TableDef {
        name: name.into(),
        row: "one value".into(),
        columns,
        keys: keys.split_whitespace().map(str::to_owned).collect(),
        time: Some("period_start".into()),
        sort: vec!["cell".into(), "period_start".into()],
        kind,
        keep: Keep::Forever,
    }
}

fn columns(own: Vec<Column>) -> Vec<Column> {
    let text = |name: &str| Column::required(name, DataKind::Text, "", "");
    let time = |name: &str| Column::required(name, DataKind::Time, "", "");
    let mut all = vec![
        Column::required("date", DataKind::Date, "", ""),
        text("source"),
        Column::required("bucket", DataKind::Int, "", ""),
        text("cell"),
        time("period_start"),
    ];
    all.extend(own);
    all.extend([time("known_at"), time("ingested_at"), text("lineage_id")]);
    all
}

/// The raw table: one value of one file.
pub fn values() -> TableDef {
    let own = vec![
        Column::required("value", DataKind::Double, "", ""),
        Column::required("file_id", DataKind::Text, "", ""),
    ];
    table("tiny_values", TableKind::Raw, "cell period_start file_id", columns(own))
}

/// The derived table: the sum of a cell and hour.
pub fn sums() -> TableDef {
    let own = vec![
        Column::nullable("sum", DataKind::Double, "", ""),
        Column::required("tombstone", DataKind::Bool, "", ""),
    ];
    table("tiny_sums", TableKind::Derived, "cell period_start", columns(own))
}
