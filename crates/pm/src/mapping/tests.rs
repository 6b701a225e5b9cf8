//! Mappings on data of their own making, and on public sets where they are.

mod entities;
mod events;
mod hostile;
mod landing;
mod public;
mod samples;
mod shapes;
mod times;

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Schema, TimestampMicrosecondType};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use serde_json::Value as Json;

use super::*;
use crate::Micros;

/// The as-of of the plan that takes the files of these tests.
const TAKEN: &str = "2030-01-01T00:00:00Z";

fn micros(text: &str) -> Micros {
    text.parse::<jiff::Timestamp>().unwrap().as_microsecond()
}

fn provenance() -> Provenance {
    Provenance {
        file_id: "f".repeat(64),
        plan: "plan-1".into(),
        known_at: micros(TAKEN),
        ingested_at: micros(TAKEN) + 1,
        lineage_id: "lineage-1".into(),
        buckets: 4,
    }
}

fn mapping(json: Json) -> Mapping {
    serde_path_to_error::deserialize(json).unwrap()
}

/// The error of a mapping that is wrong, with the path of the key.
fn fault(json: Json) -> String {
    serde_path_to_error::deserialize::<_, Mapping>(json).unwrap_err().to_string()
}

fn try_read(
    mapping: &Mapping,
    path: &str,
    bytes: impl Into<Bytes>,
) -> Result<Mapped, MappingError> {
    let matched = mapping.matches(path).unwrap();
    let input = Input { path, bytes: bytes.into(), joined: &[], limits: Limits::default() };
    let mapped = mapping.read(&matched, &input, &provenance())?;
    assert_conserved(&mapped);
    Ok(mapped)
}

fn read(mapping: &Mapping, path: &str, text: &str) -> Mapped {
    try_read(mapping, path, text.to_owned()).unwrap()
}

fn assert_conserved(mapped: &Mapped) {
    let rejected: u64 = mapped.rejected.iter().map(|entry| entry.rows).sum();
    assert_eq!(mapped.rows_read, mapped.rows_written + rejected);
    for TableBatch { table, batch } in &mapped.batches {
        assert_eq!(batch.schema(), table.schema(), "{}", table.name);
    }
}

fn batch<'a>(mapped: &'a Mapped, table: &str) -> &'a RecordBatch {
    let found = mapped.batches.iter().find(|batch| batch.table.name == table);
    &found.unwrap_or_else(|| panic!("no `{table}`")).batch
}

fn texts(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let column = cast(batch.column_by_name(column).unwrap(), &DataType::Utf8).unwrap();
    column.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

fn numbers(batch: &RecordBatch, column: &str) -> Vec<Option<f64>> {
    batch.column_by_name(column).unwrap().as_primitive::<Float64Type>().iter().collect()
}

fn times(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let column = batch.column_by_name(column).unwrap().as_primitive::<TimestampMicrosecondType>();
    let written = |at| jiff::Timestamp::from_microsecond(at).unwrap().to_string();
    column.iter().map(|at| at.map(written)).collect()
}

fn reasons(mapped: &Mapped) -> Vec<String> {
    mapped.rejected.iter().map(|entry| format!("{}: {}", entry.place, entry.reason)).collect()
}

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Bytes {
    let fields = columns.iter().map(|(name, column)| {
        arrow::datatypes::Field::new(*name, column.data_type().clone(), true)
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let arrays = columns.into_iter().map(|(_, column)| column).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes.into()
}
