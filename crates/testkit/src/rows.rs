//! Rows of a table for a test: the columns that it is about, the others filled in.

#![allow(clippy::expect_used)] // a test that cannot write its tables has nothing to say

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, ListBuilder,
    RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use foresite_schema::{Column, DataKind, TableDef, TableKind};
use foresite_tables::{Commit, Micros, Root, Slot};

/// Source of the rows of a derived table.
const DERIVED: &str = "derived";

/// Columns in the making; what the table wants beside them is filled in.
pub struct Rows {
    count: usize,
    columns: Vec<(String, ArrayRef)>,
}

impl Rows {
    /// As many rows, no column yet.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self { count, columns: Vec::new() }
    }

    fn push(mut self, name: &str, array: ArrayRef) -> Self {
        self.columns.push((name.into(), array));
        self
    }

    /// A text column.
    #[must_use]
    pub fn text<'t>(self, name: &str, values: impl Iterator<Item = Option<&'t str>>) -> Self {
        self.push(name, Arc::new(values.collect::<StringArray>()))
    }

    /// A column of 64-bit floats.
    #[must_use]
    pub fn numbers(self, name: &str, values: impl Iterator<Item = Option<f64>>) -> Self {
        self.push(name, Arc::new(values.collect::<Float64Array>()))
    }

    /// A column of 64-bit integers.
    #[must_use]
    pub fn longs(self, name: &str, values: impl Iterator<Item = i64>) -> Self {
        self.push(name, Arc::new(values.map(Some).collect::<Int64Array>()))
    }

    /// A column of 32-bit integers.
    #[must_use]
    pub fn ints(self, name: &str, values: impl Iterator<Item = i32>) -> Self {
        self.optional_ints(name, values.map(Some))
    }

    /// A column of 32-bit integers, some of them missing.
    #[must_use]
    pub fn optional_ints(self, name: &str, values: impl Iterator<Item = Option<i32>>) -> Self {
        self.push(name, Arc::new(values.collect::<Int32Array>()))
    }

    /// A column of flags.
    #[must_use]
    pub fn flags(self, name: &str, values: impl Iterator<Item = bool>) -> Self {
        self.push(name, Arc::new(values.map(Some).collect::<BooleanArray>()))
    }

    /// A column of times.
    #[must_use]
    pub fn times(self, name: &str, values: impl Iterator<Item = Option<Micros>>) -> Self {
        self.push(
            name,
            Arc::new(values.collect::<TimestampMicrosecondArray>().with_timezone("UTC")),
        )
    }

    /// A column of text lists.
    #[must_use]
    pub fn texts(self, name: &str, values: impl Iterator<Item = Vec<String>>) -> Self {
        let mut lists = ListBuilder::new(StringBuilder::new());
        for row in values {
            lists.append_value(row.into_iter().map(Some));
        }
        self.push(name, Arc::new(lists.finish()))
    }

    /// Writes the rows to the table in one commit, as the one slot of a derived table.
    ///
    /// # Panics
    /// When the table refuses them.
    pub fn write(self, root: &Root, def: TableDef, known_at: Micros) {
        let lineage_id = format!("{:032x}", def.name.len());
        self.write_as(root, def, known_at, &lineage_id);
    }

    /// The same in the name of another run, which what was there does not keep from writing.
    ///
    /// # Panics
    /// When the table refuses them.
    pub fn write_as(self, root: &Root, def: TableDef, known_at: Micros, lineage_id: &str) {
        self.commit(root, def, known_at, (DERIVED, lineage_id));
    }

    /// Writes the rows to a derived table as the one slot of another source.
    ///
    /// # Panics
    /// When the table refuses them.
    pub fn write_from(self, root: &Root, def: TableDef, known_at: Micros, source: &str) {
        let rows = self.count;
        let rows = self.text("source", std::iter::repeat_n(Some(source), rows));
        rows.commit(root, def, known_at, (source, &format!("{:032x}", source.len())));
    }

    fn commit(
        self,
        root: &Root,
        def: TableDef,
        known_at: Micros,
        (source, lineage_id): (&str, &str),
    ) {
        let table = root.table(def.clone()).expect("create the table");
        let batch = self.filled(&def, known_at);
        let commit = Commit {
            lineage_id: lineage_id.into(),
            as_of: known_at,
            ingested_at: known_at,
            force: false,
            note: serde_json::Value::Null,
        };
        if def.kind == TableKind::Derived {
            let slot = Slot::derived(source, 0, Micros::MIN, Micros::MAX);
            table.replace(&slot, &batch, &commit).expect("replace the slot");
        } else {
            table.append(&Slot::plan("fixture", "p1"), &batch, &commit).expect("append the rows");
        }
    }

    fn filled(mut self, def: &TableDef, known_at: Micros) -> RecordBatch {
        let lacking = |name: &str| self.columns.iter().all(|(have, _)| have != name);
        let fill: Vec<Column> = def
            .columns
            .iter()
            .filter(|column| {
                column.nullability == foresite_schema::Nullability::Required
                    && column.name != "date"
                    && lacking(&column.name)
            })
            .cloned()
            .collect();
        for column in fill {
            let rows = self.count;
            let text = if column.name == "source" { DERIVED } else { "fixture" };
            self = match column.kind {
                DataKind::Text => self.text(&column.name, std::iter::repeat_n(Some(text), rows)),
                DataKind::Time => {
                    self.times(&column.name, std::iter::repeat_n(Some(known_at), rows))
                }
                DataKind::Int => self.ints(&column.name, std::iter::repeat_n(0, rows)),
                DataKind::Long => self.longs(&column.name, std::iter::repeat_n(0, rows)),
                DataKind::Float => {
                    self.push(&column.name, Arc::new(Float32Array::from(vec![0.0; rows])))
                }
                DataKind::Bool => self.flags(&column.name, std::iter::repeat_n(false, rows)),
                other => panic!("column {}: no filler for {other:?}", column.name),
            };
        }
        let columns = self.columns.into_iter().map(|(name, array)| (name, array, true));
        RecordBatch::try_from_iter_with_nullable(columns).expect("columns of equal length")
    }
}
