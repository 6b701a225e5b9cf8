//! Minimum and maximum of the columns of a file, as the Delta log carries them.

use std::collections::BTreeMap;
use std::fmt;

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::time;

mod gather;
#[cfg(test)]
mod tests;

pub(crate) use gather::Gathered;

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

/// What is known about the values of one column in one file or row group.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Range {
    pub(crate) low: Value,
    pub(crate) high: Value,
    /// Whether every row has a value; false where nobody counted the nulls.
    pub(crate) is_full: bool,
}

/// Row count and value ranges of one file.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct FileStats {
    /// Rows in the file; `None` where the writer did not say.
    pub(crate) rows: Option<u64>,
    ranges: BTreeMap<String, Range>,
}

impl FileStats {
    pub(crate) fn new(rows: u64, ranges: BTreeMap<String, Range>) -> Self {
        Self { rows: Some(rows), ranges }
    }

    #[cfg(test)]
    pub(crate) fn from_ranges<const N: usize>(ranges: [(&str, (Value, Value)); N]) -> Self {
        let full = |(low, high)| Range { low, high, is_full: true };
        Self::new(1, ranges.map(|(name, range)| (name.to_owned(), full(range))).into())
    }

    /// The range of a column, where the file has one.
    pub(crate) fn range(&self, column: &str) -> Option<&Range> {
        self.ranges.get(column)
    }

    /// The one value that all rows have in a column, where that is sure.
    pub(crate) fn constant(&self, column: &str) -> Option<&Value> {
        let range = self.ranges.get(column)?;
        (range.is_full && range.low == range.high).then_some(&range.low)
    }

    /// Sets the value of a partition column: the log has it beside the statistics.
    pub(crate) fn set_constant(&mut self, column: &str, value: Value) {
        let range = Range { low: value.clone(), high: value, is_full: true };
        self.ranges.insert(column.to_owned(), range);
    }

    /// Reads the `stats` text of an `add` action; `schema` tells which numbers are times.
    pub(crate) fn parse(text: &str, schema: &arrow::datatypes::Schema) -> Option<Self> {
        let stats: Json = serde_json::from_str(text).ok()?;
        let mut ranges = BTreeMap::new();
        for field in schema.fields() {
            let bound = |side: &str| value_of_json(&stats[side][field.name()], field.data_type());
            if let (Some(low), Some(high)) = (bound("minValues"), bound("maxValues")) {
                let is_full = stats["nullCount"][field.name()].as_u64() == Some(0);
                let high = widened(high, field.data_type());
                ranges.insert(field.name().clone(), Range { low, high, is_full });
            }
        }
        Some(Self { rows: Some(stats["numRecords"].as_u64()?), ranges })
    }
}

/// Delta's statistics carry times in milliseconds and other writers cut the rest off, so the
/// greatest time may lie up to a millisecond above what the log says.
fn widened(high: Value, data_type: &DataType) -> Value {
    match (high, data_type) {
        (Value::Int(micros), DataType::Timestamp(..)) if micros.rem_euclid(1000) == 0 => {
            Value::Int(micros.saturating_add(999))
        }
        (high, _) => high,
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
