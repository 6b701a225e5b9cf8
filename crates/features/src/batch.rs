//! Columns of record batches, whatever encoding they come in.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};

use crate::task::Micros;

/// A batch that lacks a column or holds another type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column `{column}`: {problem}")]
pub struct BatchError {
    /// Name of the column.
    pub column: String,
    /// What was expected and found.
    pub problem: String,
}

/// The type of every time column.
pub(crate) fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The column as `kind`: dictionaries and other encodings are unpacked.
pub(crate) fn column(
    batch: &RecordBatch,
    name: &str,
    kind: &DataType,
) -> Result<ArrayRef, BatchError> {
    let wrong = |problem: String| BatchError { column: name.to_owned(), problem };
    let array = batch.column_by_name(name).ok_or_else(|| wrong("is missing".into()))?;
    if array.data_type() == kind {
        return Ok(array.clone());
    }
    cast(array, kind).map_err(|_| wrong(format!("expected {kind}, got {}", array.data_type())))
}

/// A text column with nulls.
pub(crate) struct Texts(ArrayRef);

impl Texts {
    pub(crate) fn of(batch: &RecordBatch, name: &str) -> Result<Self, BatchError> {
        column(batch, name, &DataType::Utf8).map(Self)
    }

    pub(crate) fn at(&self, row: usize) -> Option<&str> {
        self.0.is_valid(row).then(|| self.0.as_string::<i32>().value(row))
    }

    pub(crate) fn owned(&self, row: usize) -> Option<String> {
        self.at(row).map(str::to_owned)
    }
}

/// A time column with nulls.
pub(crate) struct Times(ArrayRef);

impl Times {
    pub(crate) fn of(batch: &RecordBatch, name: &str) -> Result<Self, BatchError> {
        column(batch, name, &time_type()).map(Self)
    }

    pub(crate) fn at(&self, row: usize) -> Option<Micros> {
        let array = self.0.as_primitive::<TimestampMicrosecondType>();
        array.is_valid(row).then(|| array.value(row))
    }
}
