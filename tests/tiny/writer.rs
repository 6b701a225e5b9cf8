//! One slot of `tiny_sums` replaced by rows that all carry one token.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use foresite_tables::{Commit, Error, Outcome, Slot, Table};

use crate::HOUR;

/// A replacement.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// The slot.
    pub hour: i64,
    /// What all its rows carry as their sum.
    pub token: i64,
    /// The writer, so that two of them never compute the same.
    pub name: &'a str,
    /// Rows of the slot.
    pub rows: i64,
}

impl Job<'_> {
    /// Identity of the replacement.
    pub fn lineage_id(&self) -> String {
        foresite_tables::sha256_hex(format!("{}/{}", self.name, self.token).as_bytes())
    }
}

/// Replaces the slot of a job.
///
/// # Errors
/// As [`Table::replace`].
pub fn replace(table: &Table, job: &Job<'_>) -> Result<Outcome, Error> {
    let count = usize::try_from(job.rows).unwrap_or_default();
    let text = |value: &str| Arc::new(StringArray::from(vec![value; count])) as ArrayRef;
    let time = |at: i64| {
        Arc::new(TimestampMicrosecondArray::from_value(at, count).with_timezone("UTC")) as ArrayRef
    };
    let cells: StringArray = (0..job.rows).map(|cell| Some(format!("cell-{cell:05}"))).collect();
    let lineage_id = job.lineage_id();
    let rows = RecordBatch::try_from_iter([
        ("source", text("derived")),
        ("bucket", Arc::new(Int32Array::from(vec![0; count])) as ArrayRef),
        ("cell", Arc::new(cells) as ArrayRef),
        ("period_start", time(job.hour * HOUR)),
        ("sum", Arc::new(Float64Array::from(vec![job.token as f64; count])) as ArrayRef),
        ("tombstone", Arc::new(BooleanArray::from(vec![false; count])) as ArrayRef),
        ("known_at", time(100 * HOUR)),
        ("ingested_at", time(100 * HOUR)),
        ("lineage_id", text(&lineage_id)),
    ])?;
    let slot = Slot::derived("derived", 0, job.hour * HOUR, (job.hour + 1) * HOUR);
    let commit = Commit {
        lineage_id,
        as_of: 100 * HOUR,
        ingested_at: 100 * HOUR,
        force: false,
        note: serde_json::json!({"token": job.token, "writer": job.name}),
    };
    table.replace(&slot, &rows, &commit)
}
