//! Row conditions: what the statistics of a file do not settle is decided row by row.

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Int32Array, Int64Array, RecordBatch, Scalar, StringArray,
    TimestampMicrosecondArray,
};
use arrow::compute::kernels::cmp::{eq, gt_eq, lt, lt_eq};
use arrow::compute::{and, filter_record_batch};
use arrow::datatypes::DataType;

use crate::read::Read;
use crate::slot::{Micros, Relation, Slot};
use crate::stats::Value;
use crate::{Error, ErrorKind, Result, Table};

/// The conditions of a read that the statistics of a file do not settle.
pub(crate) struct RowFilter {
    equals: Vec<(String, Value)>,
    period: Option<(String, Micros, Micros)>,
    since: Vec<(String, Micros)>,
    as_of: Option<Micros>,
}

impl RowFilter {
    pub(crate) fn new(table: &Table, read: &Read, relation: Relation) -> Self {
        let settled = relation == Relation::Inside;
        let equals = if settled { Vec::new() } else { read.equals.clone().into_iter().collect() };
        let time = table.def().time.clone().filter(|_| !settled);
        let period = time.zip(read.period).map(|(name, (start, end))| (name, start, end));
        let since = read.since.clone().into_iter().collect();
        Self { equals, period, since, as_of: read.as_of }
    }

    pub(crate) fn columns(&self) -> impl Iterator<Item = &str> {
        let equals = self.equals.iter().map(|(name, _)| name.as_str());
        let period = self.period.iter().map(|(name, ..)| name.as_str());
        let since = self.since.iter().map(|(name, _)| name.as_str());
        equals.chain(period).chain(since).chain(self.as_of.map(|_| "known_at"))
    }

    pub(crate) fn apply(&self, batch: RecordBatch) -> Result<RecordBatch> {
        let mut keep: Option<BooleanArray> = None;
        let mut require = |mask: BooleanArray| -> Result<()> {
            keep = Some(match keep.take() {
                Some(so_far) => and(&so_far, &mask)?,
                None => mask,
            });
            Ok(())
        };
        let column = |name: &str| {
            batch
                .column_by_name(name)
                .cloned()
                .ok_or_else(|| Error::new(ErrorKind::BadData, format!("no column `{name}`")))
        };
        for (name, value) in &self.equals {
            let values = column(name)?;
            require(equal_to(&values, value)?)?;
        }
        if let Some((name, start, end)) = &self.period {
            let times = column(name)?;
            require(gt_eq(&times, &instant(*start))?)?;
            require(lt(&times, &instant(*end))?)?;
        }
        for (name, moment) in &self.since {
            require(gt_eq(&column(name)?, &instant(*moment))?)?;
        }
        if let Some(as_of) = self.as_of {
            require(lt_eq(&column("known_at")?, &instant(as_of))?)?;
        }
        Ok(match keep {
            Some(mask) => filter_record_batch(&batch, &mask)?,
            None => batch,
        })
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
