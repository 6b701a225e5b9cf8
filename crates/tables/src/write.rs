//! Writing data files: rows in the table's order and encoding, one file per partition and slot.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Date32Array, RecordBatch, new_null_array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::kernels::cmp::{eq, lt};
use arrow::compute::{
    SortColumn, cast, lexsort_to_indices, max, min, partition, take_record_batch,
};
use arrow::datatypes::{DataType, Date32Type, Schema, TimestampMicrosecondType};
use foresite_schema::TableDef;
use rayon::prelude::*;

use crate::constant::is_constant;
pub(crate) use crate::file_writer::{EncodedFile, FileWriter};
use crate::{Error, ErrorKind, Result, time};

/// Columns that are constant inside a file, so that statistics decide slot membership.
const FILE_CONSTANTS: [&str; 4] = ["date", "source", "bucket", "plan"];

/// Brings `batch` into the table's columns, order and types: absent nullable columns become null,
/// `date` is computed, unknown columns are an error.
///
/// # Errors
/// `BadData` for a missing required column, an unknown one or one of another type.
pub(crate) fn conform(batch: &RecordBatch, def: &TableDef, schema: &Schema) -> Result<RecordBatch> {
    if let Some(stray) =
        batch.schema().fields().iter().find(|field| schema.index_of(field.name()).is_err())
    {
        return Err(bad_column(def, stray.name(), "unknown", "a column of the table"));
    }
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let array = match batch.column_by_name(field.name()) {
            _ if field.name() == "date" && def.is_partitioned() => dates(batch, def)?,
            Some(array) if array.data_type() == field.data_type() => Arc::clone(array),
            Some(array) if can_cast(array.data_type(), field.data_type()) => {
                cast(array, field.data_type())?
            }
            Some(array) => {
                let got = array.data_type().to_string();
                return Err(bad_column(def, field.name(), &got, &field.data_type().to_string()));
            }
            None if field.is_nullable() => new_null_array(field.data_type(), batch.num_rows()),
            None => {
                return Err(bad_column(def, field.name(), "nothing", "a required column"));
            }
        };
        if !field.is_nullable() && array.null_count() > 0 {
            let got = format!("{} nulls", array.null_count());
            return Err(bad_column(def, field.name(), &got, "none"));
        }
        columns.push(array);
    }
    Ok(RecordBatch::try_new(Arc::new(schema.clone()), columns)?)
}

/// Lossless changes only: a dictionary unpacked, a time zone spelt otherwise, a width extended.
pub(crate) fn can_cast(from: &DataType, to: &DataType) -> bool {
    match (from, to) {
        (DataType::Dictionary(_, value), to) => value.as_ref() == to,
        (DataType::LargeUtf8 | DataType::Utf8View, DataType::Utf8) => true,
        (DataType::Timestamp(..), DataType::Timestamp(..)) => true,
        (DataType::Int32, DataType::Int64 | DataType::Float64) => true,
        (DataType::Float32, DataType::Float64) => true,
        (DataType::List(from), DataType::List(to)) => from.data_type() == to.data_type(),
        _ => false,
    }
}

fn bad_column(def: &TableDef, column: &str, got: &str, expected: &str) -> Error {
    let message =
        format!("column `{column}` of table `{}`: expected {expected}, got {got}", def.name);
    Error::new(ErrorKind::BadData, message)
}

fn dates(batch: &RecordBatch, def: &TableDef) -> Result<ArrayRef> {
    let name = def.time.as_deref().unwrap_or_default();
    let column =
        batch.column_by_name(name).ok_or_else(|| bad_column(def, name, "nothing", "a time"))?;
    let times = column.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(|| {
        bad_column(def, name, &column.data_type().to_string(), "a time in microseconds")
    })?;
    let dates: Date32Array = times.unary::<_, Date32Type>(time::date_of);
    for edge in [min(&dates), max(&dates)].into_iter().flatten() {
        if time::date_text(edge).is_none() {
            return Err(bad_column(def, name, "a time outside them", "years 1 to 9999"));
        }
    }
    Ok(Arc::new(dates))
}

/// Cuts conformed rows into files and encodes them.
pub(crate) fn encode(batch: &RecordBatch, def: &TableDef) -> Result<Vec<EncodedFile>> {
    if batch.num_rows() == 0 {
        return Ok(Vec::new());
    }
    // Rows do not differ in a constant column: it neither orders nor cuts them.
    let differing = |name: &str| batch.column_by_name(name).filter(|values| !is_constant(values));
    let sort: Vec<SortColumn> = order(def)
        .filter_map(differing)
        .map(|values| SortColumn { values: Arc::clone(values), options: None })
        .collect();
    if sort.is_empty() {
        return Ok(vec![encode_file(batch, def)?]);
    }
    let sorted = match is_sorted(&sort)? {
        true => batch.clone(),
        false => take_record_batch(batch, &lexsort_to_indices(&sort, None)?)?,
    };
    let cuts: Vec<ArrayRef> = FILE_CONSTANTS
        .into_iter()
        .filter(|name| differing(name).is_some())
        .filter_map(|name| sorted.column_by_name(name))
        .cloned()
        .collect();
    if cuts.is_empty() {
        return Ok(vec![encode_file(&sorted, def)?]);
    }
    let ranges = partition(&cuts)?.ranges();
    ranges
        .into_par_iter()
        .map(|range| encode_file(&sorted.slice(range.start, range.len()), def))
        .collect()
}

/// Whether rows are in order already, as most are: a look costs far less than moving them all.
fn is_sorted(columns: &[SortColumn]) -> Result<bool> {
    let rows = columns.first().map_or(0, |column| column.values.len());
    if rows < 2 || columns.iter().any(|column| column.values.null_count() > 0) {
        return Ok(rows < 2);
    }
    // Pairs of neighbours that are equal in the columns so far.
    let mut ties = BooleanBuffer::new_set(rows - 1);
    for column in columns {
        let (before, after) = (column.values.slice(0, rows - 1), column.values.slice(1, rows - 1));
        if (&ties & lt(&after, &before)?.values()).count_set_bits() > 0 {
            return Ok(false);
        }
        ties = &ties & eq(&after, &before)?.values();
        if ties.count_set_bits() == 0 {
            break;
        }
    }
    Ok(true)
}

/// The columns by which the rows of a file are sorted, first the constant ones.
pub(crate) fn order(def: &TableDef) -> impl Iterator<Item = &str> {
    let constants = FILE_CONSTANTS.into_iter().filter(|name| def.column(name).is_some());
    constants.chain(def.sort.iter().map(String::as_str))
}

fn encode_file(rows: &RecordBatch, def: &TableDef) -> Result<EncodedFile> {
    let mut writer = FileWriter::begin(rows, def)?;
    writer.write(rows, def)?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int32Array, StringArray};

    use super::*;

    fn sorted(text: &[&str], numbers: &[Option<i32>]) -> bool {
        let text: ArrayRef = Arc::new(StringArray::from(text.to_vec()));
        let numbers: ArrayRef = Arc::new(Int32Array::from(numbers.to_vec()));
        let columns = [text, numbers].map(|values| SortColumn { values, options: None });
        is_sorted(&columns).unwrap()
    }

    #[test]
    fn order_is_judged_by_the_first_column_that_differs() {
        assert!(sorted(&["a", "a", "b"], &[Some(1), Some(2), Some(0)]));
        assert!(sorted(&["a", "a"], &[Some(1), Some(1)]));
        assert!(!sorted(&["a", "a", "b"], &[Some(2), Some(1), Some(3)]));
        assert!(!sorted(&["b", "a"], &[Some(1), Some(2)]));
        assert!(sorted(&[], &[]) && sorted(&["z"], &[None]));
    }

    #[test]
    fn rows_without_a_value_are_sorted_anew() {
        assert!(!sorted(&["a", "b"], &[Some(1), None]));
    }
}
