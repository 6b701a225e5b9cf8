//! Stored columns as the table means them.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, Date32Array, RecordBatch, RecordBatchOptions, StringArray, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::snapshot::DataFile;
use crate::{Error, ErrorKind, Result, time, write};

/// The columns of a schema in the order of `names`.
pub(crate) fn project(schema: &Schema, names: &[String]) -> Result<SchemaRef> {
    let fields: Result<Vec<_>, _> =
        names.iter().map(|name| schema.field_with_name(name).cloned()).collect();
    Ok(Arc::new(Schema::new(fields?)))
}

/// Brings decoded rows into the columns of `target`. A column that the file lacks is null (it was
/// added later) or comes from the partition.
///
/// # Errors
/// `BadData` for a column of a type that the table's cannot be made of, and for a required column
/// that the file lacks: it is not a file of this table then.
pub(crate) fn adapt(
    batch: &RecordBatch,
    file: &DataFile,
    target: &SchemaRef,
) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let column = |field: &Arc<Field>| match batch.column_by_name(field.name()) {
        Some(stored) => converted(stored, field),
        None => match file.partition.get(field.name()) {
            Some(value) => partition_column(value, field.data_type(), rows),
            None if field.is_nullable() => Ok(new_null_array(field.data_type(), rows)),
            None => Err(wrong(field, "a required column", "nothing")),
        },
    };
    let columns: Result<Vec<ArrayRef>> = target.fields().iter().map(column).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(target), columns?, &options)?)
}

fn converted(stored: &ArrayRef, field: &Field) -> Result<ArrayRef> {
    let (have, want) = (stored.data_type(), field.data_type());
    if !field.is_nullable() && stored.null_count() > 0 {
        return Err(wrong(field, "no nulls", &format!("{}", stored.null_count())));
    }
    match have == want {
        true => Ok(Arc::clone(stored)),
        false if write::can_cast(have, want) => Ok(cast(stored, want)?),
        false => Err(wrong(field, &want.to_string(), &have.to_string())),
    }
}

fn wrong(field: &Field, expected: &str, got: &str) -> Error {
    let message = format!("column `{}`: expected {expected}, got {got}", field.name());
    Error::new(ErrorKind::BadData, message)
}

fn partition_column(value: &str, data_type: &DataType, rows: usize) -> Result<ArrayRef> {
    if data_type == &DataType::Date32 {
        let days = time::parse_date(value).ok_or_else(|| {
            Error::new(ErrorKind::BadData, format!("partition date `{value}`: not a date"))
        })?;
        return Ok(Arc::new(Date32Array::from_value(days, rows)));
    }
    Ok(cast(&StringArray::from(vec![value; rows]), data_type)?)
}
