//! Typed access to the columns of a batch.

use arrow::array::{
    Array, AsArray, BooleanArray, Float64Array, Int32Array, Int64Array, ListArray, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{
    DataType, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};

use crate::Micros;
use crate::error::{KpiError, Result};

/// The columns of one batch by name; a column in another encoding is cast.
#[derive(Debug, Clone, Copy)]
pub struct Columns<'a>(pub &'a RecordBatch);

impl Columns<'_> {
    /// A text column.
    pub fn text(self, name: &str) -> Result<StringArray> {
        Ok(self.get(name, &DataType::Utf8, "text")?.as_string().clone())
    }

    /// A column of 32-bit integers.
    pub fn ints(self, name: &str) -> Result<Int32Array> {
        let array = self.get(name, &DataType::Int32, "int32")?;
        Ok(array.as_primitive::<Int32Type>().clone())
    }

    /// A column of 64-bit integers.
    pub fn longs(self, name: &str) -> Result<Int64Array> {
        let array = self.get(name, &DataType::Int64, "int64")?;
        Ok(array.as_primitive::<Int64Type>().clone())
    }

    /// A column of 64-bit floats.
    pub fn doubles(self, name: &str) -> Result<Float64Array> {
        let array = self.get(name, &DataType::Float64, "float64")?;
        Ok(array.as_primitive::<Float64Type>().clone())
    }

    /// A column of truth values.
    pub fn bools(self, name: &str) -> Result<BooleanArray> {
        let array = self.get(name, &DataType::Boolean, "boolean")?;
        Ok(array.as_boolean().clone())
    }

    /// A time column.
    pub fn times(self, name: &str) -> Result<TimestampMicrosecondArray> {
        let kind = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let array = self.get(name, &kind, "timestamp (µs, UTC)")?;
        Ok(array.as_primitive::<TimestampMicrosecondType>().clone())
    }

    /// A column of lists.
    pub fn lists(self, name: &str) -> Result<ListArray> {
        let array = self.column(name, "list")?;
        array
            .as_list_opt::<i32>()
            .cloned()
            .ok_or_else(|| wrong(name, "list", &array.data_type().to_string()))
    }

    fn column(self, name: &str, expected: &'static str) -> Result<arrow::array::ArrayRef> {
        let missing = || wrong(name, expected, "no such column");
        self.0.column_by_name(name).cloned().ok_or_else(missing)
    }

    fn get(
        self,
        name: &str,
        kind: &DataType,
        expected: &'static str,
    ) -> Result<arrow::array::ArrayRef> {
        let array = self.column(name, expected)?;
        if array.data_type() == kind {
            return Ok(array);
        }
        cast(&array, kind).map_err(|_| wrong(name, expected, &array.data_type().to_string()))
    }
}

fn wrong(column: &str, expected: &'static str, got: &str) -> KpiError {
    KpiError::Column { column: column.into(), expected, got: got.into() }
}

/// The rows of one bucket.
pub fn of_bucket(rows: &RecordBatch, bucket: i32) -> Result<RecordBatch> {
    let buckets = Columns(rows).ints("bucket")?;
    let mine = buckets.iter().map(|value| Some(value == Some(bucket)));
    Ok(filter_record_batch(rows, &mine.collect())?)
}

/// The time in row `row`, `None` where it is null.
pub fn micros(times: &TimestampMicrosecondArray, row: usize) -> Option<Micros> {
    times.is_valid(row).then(|| times.value(row))
}
