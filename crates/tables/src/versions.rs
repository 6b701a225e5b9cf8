//! Versions of a fact: what a reader as of a time sees, and what a recomputation leaves behind.
//!
//! Rows of one key differ in `known_at`. A recomputation replaces rows with the same `known_at`
//! (a fix), adds rows with a later one (a correction) and marks vanished keys with a tombstone;
//! older rows stay, so that a read as of an earlier time gives what was known then.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray as _, BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray,
    UInt32Array, new_null_array,
};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::TimestampMicrosecondType;
use arrow::row::{RowConverter, Rows, SortField};
use foresite_schema::TableDef;

use crate::slot::Micros;
use crate::{Error, ErrorKind, Result};

/// What tombstones carry.
#[derive(Debug, Clone)]
pub(crate) struct Stamp {
    /// The run's clock: when a vanished key became known to have vanished.
    pub(crate) as_of: Micros,
    /// When the row is written.
    pub(crate) ingested_at: Micros,
    /// Lineage of the commit.
    pub(crate) lineage_id: String,
}

/// The columns besides the keys that decide which row of a key is seen.
pub(crate) const DECIDING: [&str; 3] = ["known_at", "ingested_at", "tombstone"];

/// Whether a column says something about the fact, and not when and by which run its row was written.
pub(crate) fn is_value(column: &str) -> bool {
    !matches!(column, "known_at" | "ingested_at" | "lineage_id")
}

/// Keeps per key the row with the greatest `known_at` (of equals the one that was written last, so
/// that compaction may order rows anew), drops tombstones and sorts by key.
pub(crate) fn resolve(batch: &RecordBatch, keys: &[String]) -> Result<RecordBatch> {
    let rows = encode(batch, |name| keys.iter().any(|key| key == name))?;
    let known_at = times(batch, "known_at")?;
    let ingested_at = times(batch, "ingested_at")?;
    let age = |index: u32| (known_at.value(index as usize), ingested_at.value(index as usize));
    let mut newest: HashMap<arrow::row::Row<'_>, u32> = HashMap::with_capacity(batch.num_rows());
    for (index, row) in (0_u32..).zip(rows.iter()) {
        newest
            .entry(row)
            .and_modify(|best| {
                if age(index) >= age(*best) {
                    *best = index;
                }
            })
            .or_insert(index);
    }
    let tombstones = batch.column_by_name("tombstone").map(|column| column.as_boolean());
    let is_dead = |index: u32| tombstones.is_some_and(|dead| dead.value(index as usize));
    let mut kept: Vec<_> = newest.into_iter().filter(|(_, index)| !is_dead(*index)).collect();
    kept.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let indices = UInt32Array::from_iter_values(kept.into_iter().map(|(_, index)| index));
    Ok(take_record_batch(batch, &indices)?)
}

/// The rows that a slot holds after `new` was computed over what it held before (`old`).
pub(crate) fn merge(
    old: &RecordBatch,
    new: &RecordBatch,
    keys: &[String],
    def: &TableDef,
    stamp: &Stamp,
) -> Result<RecordBatch> {
    let all = concat_batches(&old.schema(), [old, new])?;
    let first_new = old.num_rows() as u32;
    let key_rows = encode(&all, |name| keys.iter().any(|key| key == name))?;
    let value_rows = encode(&all, is_value)?;
    let known_at = times(&all, "known_at")?;
    let tombstone = all.column_by_name("tombstone").map(|column| column.as_boolean().clone());

    let mut groups: HashMap<arrow::row::Row<'_>, Vec<u32>> = HashMap::new();
    for (index, row) in (0_u32..).zip(key_rows.iter()) {
        groups.entry(row).or_default().push(index);
    }
    let (mut kept, mut vanished) = (Vec::with_capacity(all.num_rows()), Vec::new());
    for indices in groups.into_values() {
        // Later indices win: a new row replaces an old one of the same `known_at`.
        let versions: BTreeMap<Micros, u32> =
            indices.iter().map(|&index| (known_at.value(index as usize), index)).collect();
        let has_new = indices.iter().any(|&index| index >= first_new);
        let known = versions.range(..=stamp.as_of).next_back().map(|(_, &index)| index);
        let gone = known.filter(|&index| {
            !has_new && !tombstone.as_ref().is_some_and(|dead| dead.value(index as usize))
        });
        let mut previous: Option<u32> = None;
        for (&at, &index) in &versions {
            let repeats = previous.is_some_and(|last| {
                value_rows.row(last as usize) == value_rows.row(index as usize)
            });
            if repeats || (gone.is_some() && at == stamp.as_of) {
                continue;
            }
            previous = Some(index);
            kept.push(index);
        }
        vanished.extend(gone);
    }
    kept.sort_unstable();
    vanished.sort_unstable();
    let rows = take_record_batch(&all, &UInt32Array::from(kept))?;
    let dead = bury(&take_record_batch(&all, &UInt32Array::from(vanished))?, keys, def, stamp)?;
    Ok(concat_batches(&rows.schema(), [&rows, &dead])?)
}

/// Turns rows into tombstones: keys and required columns stay, values become null.
fn bury(rows: &RecordBatch, keys: &[String], def: &TableDef, stamp: &Stamp) -> Result<RecordBatch> {
    let count = rows.num_rows();
    let times = |value| {
        Arc::new(TimestampMicrosecondArray::from_value(value, count).with_timezone("UTC"))
            as ArrayRef
    };
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(rows.columns()).map(|(field, column)| {
        match field.name().as_str() {
            "tombstone" => Arc::new(BooleanArray::from(vec![true; count])) as ArrayRef,
            "known_at" => times(stamp.as_of),
            "ingested_at" => times(stamp.ingested_at),
            "lineage_id" => {
                Arc::new(StringArray::from(vec![stamp.lineage_id.as_str(); count])) as ArrayRef
            }
            name if field.is_nullable()
                && !keys.iter().any(|key| key == name)
                && def.sort.iter().all(|key| key != name) =>
            {
                new_null_array(field.data_type(), count)
            }
            _ => Arc::clone(column),
        }
    });
    Ok(RecordBatch::try_new(Arc::clone(&schema), columns.collect())?)
}

/// Rows of two batches with the same types compare as bytes.
pub(crate) fn encode(batch: &RecordBatch, wanted: impl Fn(&str) -> bool) -> Result<Rows> {
    let schema = batch.schema();
    let (fields, columns): (Vec<_>, Vec<_>) = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .filter(|(field, _)| wanted(field.name()))
        .map(|(field, column)| (SortField::new(field.data_type().clone()), Arc::clone(column)))
        .unzip();
    Ok(RowConverter::new(fields)?.convert_columns(&columns)?)
}

fn times(batch: &RecordBatch, name: &str) -> Result<TimestampMicrosecondArray> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>())
        .cloned()
        .ok_or_else(|| Error::new(ErrorKind::BadData, format!("no column `{name}` of times")))
}
