//! The columns that every row of this stage ends with.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray as _, BooleanArray, Int32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Field, Int32Type, Schema};
use foresite_features::task::Micros;
use foresite_schema::{BUCKETS, bucket_of, site_of};
use foresite_stage::{Context, Interval, Lineage, Report, Result};
use foresite_tables::{Slot, Table};

/// Source of the rows that this stage writes.
pub(crate) const SOURCE: &str = "derived";

/// A column of times.
pub(crate) fn times(values: impl IntoIterator<Item = Option<Micros>>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter(values).with_timezone("UTC"))
}

/// A column of texts.
pub(crate) fn texts<'a>(values: impl IntoIterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(StringArray::from_iter(values))
}

/// A column with one text in every row.
pub(crate) fn text(value: &str, rows: usize) -> ArrayRef {
    Arc::new(StringArray::from(vec![value; rows]))
}

/// A column that is false in every row.
pub(crate) fn falses(rows: usize) -> ArrayRef {
    Arc::new(BooleanArray::from(vec![false; rows]))
}

/// The bucket of every entity.
pub(crate) fn buckets<'a>(entities: impl IntoIterator<Item = &'a str>) -> ArrayRef {
    let bucket = |entity| bucket_of(site_of(entity), BUCKETS);
    Arc::new(Int32Array::from_iter_values(entities.into_iter().map(bucket)))
}

/// A batch of named columns.
pub(crate) fn batch(columns: Vec<(String, ArrayRef)>) -> Result<RecordBatch> {
    let field =
        |(name, array): &(String, ArrayRef)| Field::new(name, array.data_type().clone(), true);
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    Ok(RecordBatch::try_new(Arc::new(schema), arrays)?)
}

/// Replaces the slots of an interval, one per bucket.
pub(crate) fn replace(
    cx: &Context,
    table: &Table,
    interval: Interval,
    rows: &RecordBatch,
    lineage: &Lineage,
    report: &mut Report,
) -> Result<()> {
    for bucket in 0..i32::try_from(BUCKETS).unwrap_or(i32::MAX) {
        let slot = Slot::derived(SOURCE, bucket, interval.start, interval.end);
        let of_bucket = match rows.column_by_name("bucket") {
            Some(buckets) => {
                let is_here = |have| have == Some(bucket);
                let buckets = buckets.as_primitive::<Int32Type>();
                let mask: BooleanArray = buckets.iter().map(is_here).map(Some).collect();
                filter_record_batch(rows, &mask)?
            }
            None => rows.clone(),
        };
        cx.replace(table, &slot, &of_bucket, lineage, report)?;
    }
    Ok(())
}
