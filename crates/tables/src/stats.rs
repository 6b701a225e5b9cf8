//! Minimum and maximum of the columns of a file, as the Delta log carries them.

use std::collections::BTreeMap;
use std::fmt;

use arrow::array::{Array, AsArray as _, RecordBatch};
use arrow::compute::{max, max_string, min, min_string};
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use crate::time;

/// A value that slots and statistics compare: text, or a number of days, microseconds or units.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Integers, dates (days) and times (microseconds).
    Int(i64),
    /// Text.
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
        }
    }
}

/// Text longer than this is left out of the statistics (Delta's readers accept that).
const LONGEST_TEXT: usize = 64;

/// Row count and value ranges of one file.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct FileStats {
    /// Rows in the file.
    pub(crate) rows: u64,
    ranges: BTreeMap<String, (Value, Value)>,
}

impl FileStats {
    #[cfg(test)]
    pub(crate) fn from_ranges<const N: usize>(ranges: [(&str, (Value, Value)); N]) -> Self {
        Self { rows: 1, ranges: ranges.map(|(name, range)| (name.to_owned(), range)).into() }
    }

    /// Least and greatest value of a column, where the file has them.
    pub(crate) fn range(&self, column: &str) -> Option<(&Value, &Value)> {
        self.ranges.get(column).map(|(low, high)| (low, high))
    }

    /// Reads the `stats` text of an `add` action; `schema` tells which numbers are times.
    pub(crate) fn parse(text: &str, schema: &arrow::datatypes::Schema) -> Option<Self> {
        let stats: Json = serde_json::from_str(text).ok()?;
        let mut ranges = BTreeMap::new();
        for field in schema.fields() {
            let bound = |side: &str| value_of_json(&stats[side][field.name()], field.data_type());
            if let (Some(low), Some(high)) = (bound("minValues"), bound("maxValues")) {
                ranges.insert(field.name().clone(), (low, high));
            }
        }
        Some(Self { rows: stats["numRecords"].as_u64()?, ranges })
    }
}

fn value_of_json(json: &Json, data_type: &DataType) -> Option<Value> {
    match data_type {
        DataType::Timestamp(..) => time::parse(json.as_str()?).map(Value::Int),
        DataType::Date32 => {
            time::parse_date(json.as_str()?).map(|days| Value::Int(i64::from(days)))
        }
        DataType::Utf8 => json.as_str().map(|text| Value::Text(text.to_owned())),
        DataType::Int32 | DataType::Int64 => json.as_i64().map(Value::Int),
        _ => None,
    }
}

/// The `stats` text of an `add` action for a file that holds `batch`.
pub(crate) fn stats_json(batch: &RecordBatch) -> String {
    let (mut low, mut high, mut nulls) = (Map::new(), Map::new(), Map::new());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if matches!(field.data_type(), DataType::List(_)) {
            continue;
        }
        nulls.insert(field.name().clone(), json!(column.null_count()));
        if let Some((least, greatest)) = bounds(column.as_ref()) {
            low.insert(field.name().clone(), least);
            high.insert(field.name().clone(), greatest);
        }
    }
    json!({"numRecords": batch.num_rows(), "minValues": low, "maxValues": high, "nullCount": nulls})
        .to_string()
}

fn bounds(column: &dyn Array) -> Option<(Json, Json)> {
    let pair = |low: Json, high: Json| Some((low, high));
    match column.data_type() {
        DataType::Int32 => {
            let values = column.as_primitive::<Int32Type>();
            pair(min(values)?.into(), max(values)?.into())
        }
        DataType::Int64 => {
            let values = column.as_primitive::<Int64Type>();
            pair(min(values)?.into(), max(values)?.into())
        }
        DataType::Float32 => {
            let values = column.as_primitive::<Float32Type>();
            finite(f64::from(min(values)?), f64::from(max(values)?))
        }
        DataType::Float64 => {
            let values = column.as_primitive::<Float64Type>();
            finite(min(values)?, max(values)?)
        }
        DataType::Date32 => {
            let values = column.as_primitive::<Date32Type>();
            pair(time::date_text(min(values)?).into(), time::date_text(max(values)?).into())
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let values = column.as_primitive::<TimestampMicrosecondType>();
            // Delta's statistics carry milliseconds: the bounds may only widen.
            let (low, high) = (min(values)?, max(values)?);
            let ceiling = high.div_euclid(1000) + i64::from(high.rem_euclid(1000) != 0);
            pair(time::stats_text(low.div_euclid(1000)).into(), time::stats_text(ceiling).into())
        }
        DataType::Utf8 => {
            let values = column.as_string::<i32>();
            let (low, high) = (min_string(values)?, max_string(values)?);
            (low.len() <= LONGEST_TEXT && high.len() <= LONGEST_TEXT)
                .then(|| (low.into(), high.into()))
        }
        _ => None,
    }
}

/// NaN sorts above all numbers in Arrow and has no JSON form: no bounds then.
fn finite(low: f64, high: f64) -> Option<(Json, Json)> {
    (low.is_finite() && high.is_finite()).then(|| (low.into(), high.into()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int32Array, StringArray, TimestampMicrosecondArray};

    use super::*;

    #[test]
    fn statistics_survive_the_log() {
        let times =
            TimestampMicrosecondArray::from(vec![1_700_000_000_000_001, 1_700_000_003_600_000])
                .with_timezone("UTC");
        let batch = RecordBatch::try_from_iter([
            ("t", Arc::new(times) as _),
            ("n", Arc::new(Int32Array::from(vec![Some(3), None])) as _),
            ("s", Arc::new(StringArray::from(vec!["b", "a"])) as _),
            ("x", Arc::new(Float64Array::from(vec![f64::NAN, 1.0])) as _),
        ])
        .unwrap();
        let stats = FileStats::parse(&stats_json(&batch), &batch.schema()).unwrap();
        assert_eq!(stats.rows, 2);
        assert_eq!(stats.range("n"), Some((&Value::Int(3), &Value::Int(3))));
        assert_eq!(stats.range("s"), Some((&Value::Text("a".into()), &Value::Text("b".into()))));
        let (low, high) = stats.range("t").unwrap();
        assert_eq!(low, &Value::Int(1_700_000_000_000_000), "the lower bound may only fall");
        assert_eq!(high, &Value::Int(1_700_000_003_600_000));
        assert_eq!(stats.range("x"), None);
    }
}
