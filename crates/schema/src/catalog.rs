//! Every table of Foresite.
//!
//! Grouped by who writes them: [`raw`] by ingest, [`derived`] by validate, derive and featurize,
//! [`outcome`] by the model and advice stages, [`watch`] by monitor, by `--rebuild` and by the
//! erasure of maintain.

#![allow(clippy::too_many_lines)] // column lists are declarations, not control flow

use crate::{Column, DataKind, Keep, TableDef, TableKind};

pub mod derived;
pub mod outcome;
pub mod raw;
pub mod watch;

/// The tasks that Foresite brings along; a task file may declare any other.
pub const BUILT_IN_TASKS: [&str; 3] = ["anomaly", "maintenance", "capacity"];

/// All tables, the per-task ones for the built-in tasks, in the order of the data dictionary.
pub fn all() -> Vec<TableDef> {
    let mut tables = raw::all();
    tables.extend(derived::all());
    for task in BUILT_IN_TASKS {
        tables.extend([derived::features(task), derived::samples(task)]);
    }
    tables.extend(outcome::all());
    tables.extend(watch::all());
    tables.extend(BUILT_IN_TASKS.map(outcome::predictions));
    tables
}

/// The definition of a table by name, per-task tables of any task included.
pub fn find(name: &str) -> Option<TableDef> {
    type Make = fn(&str) -> TableDef;
    let per_task: [(&str, Make); 3] = [
        ("features_", derived::features),
        ("samples_", derived::samples),
        ("predictions_", outcome::predictions),
    ];
    for (prefix, make) in per_task {
        if let Some(task) = name.strip_prefix(prefix) {
            return Some(make(task));
        }
    }
    all().into_iter().find(|table| table.name == name)
}

fn required(name: &str, kind: DataKind, unit: &str, meaning: &str) -> Column {
    Column::required(name, kind, unit, meaning)
}

fn nullable(name: &str, kind: DataKind, unit: &str, meaning: &str) -> Column {
    Column::nullable(name, kind, unit, meaning)
}

/// The partition column.
fn date() -> Column {
    required("date", DataKind::Date, "", "UTC date of the time column; the partition")
}

/// Columns that say which slot a row belongs to.
fn slot_columns() -> Vec<Column> {
    vec![
        required("source", DataKind::Text, "", "where the row came from: a mapping, or `derived`"),
        required(
            "bucket",
            DataKind::Int,
            "",
            "hash of the site (raw: of `ne_dn`) modulo the buckets of the table",
        ),
    ]
}

/// Columns that every row ends with.
fn provenance() -> Vec<Column> {
    vec![
        required(
            "known_at",
            DataKind::Time,
            "",
            "when the fact could be known; as-of reads compare with it",
        ),
        required("ingested_at", DataKind::Time, "", "when Foresite loaded or computed the row"),
        required(
            "lineage_id",
            DataKind::Text,
            "",
            "document `lineage/<id>.json`: inputs, configuration and code of this row",
        ),
    ]
}

/// `provenance` plus the tombstone of derived tables.
fn derived_provenance() -> Vec<Column> {
    let mut columns = vec![required(
        "tombstone",
        DataKind::Bool,
        "",
        "the key vanished at `known_at`; value columns are null",
    )];
    columns.extend(provenance());
    columns
}

/// Columns of a derived table by day: the partition, the slot, its own, the provenance.
fn dated(own: Vec<Column>) -> Vec<Column> {
    [vec![date()], slot_columns(), own, derived_provenance()].concat()
}

/// Assembles a definition; `keys` and `sort` are blank-separated.
fn table(
    name: &str,
    row: &str,
    kind: TableKind,
    keep: Keep,
    keys: &str,
    columns: Vec<Column>,
) -> TableDef {
    TableDef {
        name: name.into(),
        row: row.into(),
        columns,
        keys: keys.split_whitespace().map(str::to_owned).collect(),
        time: None,
        sort: Vec::new(),
        kind,
        keep,
    }
}

trait Layout {
    /// Names the time column and the order of rows inside a file.
    fn layout(self, time: &str, sort: &str) -> Self;
}

impl Layout for TableDef {
    fn layout(mut self, time: &str, sort: &str) -> Self {
        self.time = Some(time.into());
        self.sort = sort.split_whitespace().map(str::to_owned).collect();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_consistent() {
        for table in all() {
            let names: Vec<_> = table.columns.iter().map(|column| column.name.as_str()).collect();
            let unique: std::collections::BTreeSet<_> = names.iter().collect();
            assert_eq!(unique.len(), names.len(), "{}: a column stands twice", table.name);
            let referenced = table.keys.iter().chain(&table.sort).chain(&table.time);
            for name in referenced {
                assert!(names.contains(&name.as_str()), "{}: no column `{name}`", table.name);
            }
            assert!(
                !table.is_partitioned() || table.time.is_some(),
                "{}: date without time",
                table.name
            );
            assert!(names.contains(&"known_at"), "{}: no known_at", table.name);
            assert_eq!(
                table.kind == TableKind::Derived,
                names.contains(&"tombstone"),
                "{}",
                table.name
            );
        }
    }

    #[test]
    fn tables_are_found_by_name() {
        assert_eq!(find("kpis").map(|table| table.name), Some("kpis".into()));
        assert_eq!(find("features_rul").map(|table| table.name), Some("features_rul".into()));
        assert_eq!(find("nothing"), None);
    }
}
