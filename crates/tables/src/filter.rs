//! Row conditions: what the statistics of a file do not settle is decided row by row.

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Int32Array, Int64Array, RecordBatch, Scalar, StringArray,
    TimestampMicrosecondArray,
};
use arrow::compute::and;
use arrow::compute::kernels::cmp::{eq, gt_eq, lt, lt_eq};
use arrow::datatypes::DataType;

use crate::read::Read;
use crate::slot::{Micros, Slot};
use crate::stats::{FileStats, Range, Value};
use crate::{Error, ErrorKind, Result};

const KNOWN_AT: &str = "known_at";

/// The conditions of a read that statistics do not settle.
#[derive(Debug, Clone)]
pub(crate) struct RowFilter {
    equals: Vec<(String, Value)>,
    period: Option<(String, Micros, Micros)>,
    since: Vec<(String, Micros)>,
    as_of: Option<Micros>,
}

impl RowFilter {
    /// What is left to check for rows with these statistics; `None` when no row can match.
    pub(crate) fn against(read: &Read, time: Option<&str>, stats: &FileStats) -> Option<Self> {
        let mut equals = Vec::new();
        for (name, value) in &read.equals {
            match stats.range(name) {
                Some(range) if *value < range.low || *value > range.high => return None,
                _ if stats.constant(name).is_some() => {}
                _ => equals.push((name.clone(), value.clone())),
            }
        }
        let mut period = None;
        if let (Some((start, end)), Some(name)) = (read.period, time) {
            match times(stats, name) {
                Some((low, high, _)) if high < start || low >= end => return None,
                Some((low, high, true)) if low >= start && high < end => {}
                _ => period = Some((name.to_owned(), start, end)),
            }
        }
        let mut since = Vec::new();
        for (name, moment) in &read.since {
            match times(stats, name) {
                Some((_, high, _)) if high < *moment => return None,
                Some((low, _, true)) if low >= *moment => {}
                _ => since.push((name.clone(), *moment)),
            }
        }
        let mut as_of = read.as_of;
        if let (Some(limit), Some((low, high, is_full))) = (as_of, times(stats, KNOWN_AT)) {
            if low > limit {
                return None;
            }
            as_of = Some(limit).filter(|_| !is_full || high > limit);
        }
        Some(Self { equals, period, since, as_of })
    }

    /// Whether every row matches.
    pub(crate) fn is_empty(&self) -> bool {
        self.columns().next().is_none()
    }

    /// The columns that have to be looked at.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &str> {
        let equals = self.equals.iter().map(|(name, _)| name.as_str());
        let period = self.period.iter().map(|(name, ..)| name.as_str());
        let since = self.since.iter().map(|(name, _)| name.as_str());
        equals.chain(period).chain(since).chain(self.as_of.map(|_| KNOWN_AT))
    }

    /// Which rows match.
    pub(crate) fn mask(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        let mut keep = BooleanArray::from(vec![true; batch.num_rows()]);
        let column = |name: &str| {
            batch
                .column_by_name(name)
                .cloned()
                .ok_or_else(|| Error::new(ErrorKind::BadData, format!("no column `{name}`")))
        };
        for (name, value) in &self.equals {
            keep = and(&keep, &equal_to(&column(name)?, value)?)?;
        }
        if let Some((name, start, end)) = &self.period {
            let times = column(name)?;
            keep = and(&keep, &gt_eq(&times, &instant(*start))?)?;
            keep = and(&keep, &lt(&times, &instant(*end))?)?;
        }
        for (name, moment) in &self.since {
            keep = and(&keep, &gt_eq(&column(name)?, &instant(*moment))?)?;
        }
        if let Some(as_of) = self.as_of {
            keep = and(&keep, &lt_eq(&column(KNOWN_AT)?, &instant(as_of))?)?;
        }
        Ok(keep)
    }
}

/// Least and greatest time of a column, and whether every row has one.
fn times(stats: &FileStats, column: &str) -> Option<(Micros, Micros, bool)> {
    match stats.range(column)? {
        Range { low: Value::Int(low), high: Value::Int(high), is_full } => {
            Some((*low, *high, *is_full))
        }
        _ => None,
    }
}

fn instant(micros: Micros) -> Scalar<TimestampMicrosecondArray> {
    Scalar::new(TimestampMicrosecondArray::from_value(micros, 1).with_timezone("UTC"))
}

fn equal_to(values: &ArrayRef, value: &Value) -> Result<BooleanArray> {
    Ok(match (value, values.data_type()) {
        (Value::Text(text), DataType::Utf8) => {
            eq(values, &Scalar::new(StringArray::from(vec![text.as_str()])))?
        }
        (Value::Int(number), DataType::Int32) => match i32::try_from(*number) {
            Ok(number) => eq(values, &Scalar::new(Int32Array::from_value(number, 1)))?,
            Err(_) => BooleanArray::from(vec![false; values.len()]),
        },
        (Value::Int(number), DataType::Int64) => {
            eq(values, &Scalar::new(Int64Array::from_value(*number, 1)))?
        }
        (Value::Int(days), DataType::Date32) => eq(
            values,
            &Scalar::new(Date32Array::from_value(i32::try_from(*days).unwrap_or(i32::MAX), 1)),
        )?,
        (Value::Int(micros), DataType::Timestamp(..)) => eq(values, &instant(*micros))?,
        (value, other) => {
            return Err(Error::new(
                ErrorKind::Usage,
                format!("cannot compare `{value}` with a column of type {other}"),
            ));
        }
    })
}

/// Which rows of `batch` belong to the slot.
pub(crate) fn slot_mask(
    slot: &Slot,
    time: Option<&str>,
    batch: &RecordBatch,
) -> Result<BooleanArray> {
    let mut inside = BooleanArray::from(vec![true; batch.num_rows()]);
    for (name, value) in &slot.equals {
        let values = batch
            .column_by_name(name)
            .ok_or_else(|| Error::new(ErrorKind::BadData, format!("no column `{name}`")))?;
        inside = and(&inside, &equal_to(values, value)?)?;
    }
    if let (Some((start, end)), Some(times)) =
        (slot.period, time.and_then(|name| batch.column_by_name(name)))
    {
        inside = and(&inside, &and(&gt_eq(times, &instant(start))?, &lt(times, &instant(end))?)?)?;
    }
    Ok(inside)
}
