//! Gathering the statistics of a file while its batches are written.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray as _, RecordBatch};
use arrow::compute::{max, max_string, min, min_string};
use arrow::datatypes::{
    ArrowNativeTypeOp, DataType, Date32Type, Float32Type, Float64Type, Int32Type, Int64Type,
    TimeUnit, TimestampMicrosecondType,
};
use rayon::prelude::*;
use serde_json::{Map, Value as Json, json};

use crate::constant::is_constant;
use crate::file_writer::columns_a_task;
use crate::time;

/// Text longer than this is left out of the statistics (Delta's readers accept that).
const LONGEST_TEXT: usize = 64;

/// Statistics of the rows written so far.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    rows: usize,
    columns: BTreeMap<String, Column>,
}

#[derive(Debug, Default)]
struct Column {
    nulls: usize,
    bounds: Bounds,
}

/// The least and the greatest value of a column.
#[derive(Debug, Clone, Default, PartialEq)]
enum Bounds {
    /// No value yet.
    #[default]
    Empty,
    Int(i64, i64),
    Date(i32, i32),
    /// Microseconds.
    Time(i64, i64),
    Float(f64, f64),
    Text(String, String),
    /// A value that the statistics cannot carry: none are given.
    Unknown,
}

impl Gathered {
    /// Adds the rows of a batch; lists have no statistics.
    pub(crate) fn add(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows();
        let task = columns_a_task(batch.num_rows());
        let added: Vec<Column> =
            batch.columns().par_iter().with_min_len(task).map(Column::of).collect();
        for (field, added) in batch.schema().fields().iter().zip(added) {
            if matches!(field.data_type(), DataType::List(_)) {
                continue;
            }
            let column = self.columns.entry(field.name().clone()).or_default();
            column.nulls += added.nulls;
            let before = std::mem::take(&mut column.bounds);
            column.bounds = before.joined(added.bounds);
        }
    }

    /// Rows added.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The `stats` text of an `add` action.
    pub(crate) fn to_json(&self) -> String {
        let (mut low, mut high, mut nulls) = (Map::new(), Map::new(), Map::new());
        for (name, column) in &self.columns {
            nulls.insert(name.clone(), json!(column.nulls));
            if let Some((least, greatest)) = column.bounds.to_json() {
                low.insert(name.clone(), least);
                high.insert(name.clone(), greatest);
            }
        }
        json!({"numRecords": self.rows, "minValues": low, "maxValues": high, "nullCount": nulls})
            .to_string()
    }
}

impl Column {
    fn of(array: &ArrayRef) -> Self {
        Self { nulls: array.null_count(), bounds: Bounds::of(array.as_ref()) }
    }
}

impl Bounds {
    fn of(array: &dyn Array) -> Self {
        match array.data_type() {
            _ if array.null_count() == array.len() => Self::Empty,
            DataType::Int32 => {
                ends::<Int32Type>(array, |low, high| Self::Int(low.into(), high.into()))
            }
            DataType::Int64 => ends::<Int64Type>(array, Self::Int),
            DataType::Date32 => ends::<Date32Type>(array, Self::Date),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                ends::<TimestampMicrosecondType>(array, Self::Time)
            }
            DataType::Float32 => {
                ends::<Float32Type>(array, |low, high| Self::float(low.into(), high.into()))
            }
            DataType::Float64 => ends::<Float64Type>(array, Self::float),
            DataType::Utf8 => {
                let values = array.as_string::<i32>();
                let ends = match is_constant(values) {
                    true => (Some(values.value(0)), Some(values.value(0))),
                    false => (min_string(values), max_string(values)),
                };
                match ends {
                    (Some(low), Some(high))
                        if low.len() <= LONGEST_TEXT && high.len() <= LONGEST_TEXT =>
                    {
                        Self::Text(low.into(), high.into())
                    }
                    _ => Self::Unknown,
                }
            }
            _ => Self::Unknown,
        }
    }

    /// NaN sorts at the ends in Arrow and has no JSON form: no bounds then. Zeros are signed so
    /// that readers which tell them apart and readers which do not find both.
    fn float(low: f64, high: f64) -> Self {
        if !low.is_finite() || !high.is_finite() {
            return Self::Unknown;
        }
        let low = if low == 0.0 { -0.0 } else { low };
        let high = if high == 0.0 { 0.0 } else { high };
        Self::Float(low, high)
    }

    fn joined(self, other: Self) -> Self {
        match (self, other) {
            (Self::Empty, bounds) | (bounds, Self::Empty) => bounds,
            (Self::Int(a, b), Self::Int(c, d)) => Self::Int(a.min(c), b.max(d)),
            (Self::Date(a, b), Self::Date(c, d)) => Self::Date(a.min(c), b.max(d)),
            (Self::Time(a, b), Self::Time(c, d)) => Self::Time(a.min(c), b.max(d)),
            (Self::Float(a, b), Self::Float(c, d)) => Self::float(a.min(c), b.max(d)),
            (Self::Text(a, b), Self::Text(c, d)) => Self::Text(a.min(c), b.max(d)),
            _ => Self::Unknown,
        }
    }

    fn to_json(&self) -> Option<(Json, Json)> {
        Some(match self {
            Self::Empty | Self::Unknown => return None,
            Self::Int(low, high) => ((*low).into(), (*high).into()),
            Self::Date(low, high) => {
                (time::date_text(*low)?.into(), time::date_text(*high)?.into())
            }
            Self::Time(low, high) => {
                // Delta's statistics carry milliseconds: the bounds may only widen.
                let ceiling = high.div_euclid(1000) + i64::from(high.rem_euclid(1000) != 0);
                let low = time::stats_text(low.div_euclid(1000))?;
                (low.into(), time::stats_text(ceiling)?.into())
            }
            Self::Float(low, high) => ((*low).into(), (*high).into()),
            Self::Text(low, high) => (low.as_str().into(), high.as_str().into()),
        })
    }
}

fn ends<T: ArrowPrimitiveType>(
    array: &dyn Array,
    bounds: impl Fn(T::Native, T::Native) -> Bounds,
) -> Bounds
where
    T::Native: ArrowNativeTypeOp,
{
    let values = array.as_primitive::<T>();
    match (min(values), max(values)) {
        (Some(low), Some(high)) => bounds(low, high),
        _ => Bounds::Empty,
    }
}
