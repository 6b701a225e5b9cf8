//! A slot: the part of a table that one commit replaces as a whole.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::stats::{FileStats, Range, Value};

/// Microseconds since the epoch, UTC.
pub type Micros = i64;

/// Rows that agree in some columns and whose time lies in a half-open period.
///
/// A derived slot is (source, bucket, period); a raw slot is (source, plan). Membership is judged
/// by columns and statistics, never by file names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Slot {
    /// Columns with the one value that rows of the slot have.
    pub equals: BTreeMap<String, Value>,
    /// `[start, end)` of the table's time column; `None` means all times.
    pub period: Option<(Micros, Micros)>,
}

impl Slot {
    /// The slot of a derived table.
    pub fn derived(source: &str, bucket: i32, start: Micros, end: Micros) -> Self {
        let equals = [
            ("source".to_owned(), Value::Text(source.to_owned())),
            ("bucket".to_owned(), Value::Int(i64::from(bucket))),
        ];
        Self { equals: equals.into(), period: Some((start, end)) }
    }

    /// The slot that a plan fills in a raw table.
    pub fn plan(source: &str, plan: &str) -> Self {
        let equals = [("source", source), ("plan", plan)];
        let equals =
            equals.map(|(column, value)| (column.to_owned(), Value::Text(value.to_owned())));
        Self { equals: equals.into(), period: None }
    }

    /// The application id under which a commit records that this slot was filled.
    pub fn app_id(&self) -> String {
        self.to_string()
    }

    /// How the rows of a file lie to the slot, as far as its statistics tell.
    pub(crate) fn relation(&self, stats: &FileStats, time: Option<&str>) -> Relation {
        let mut inside = true;
        for (column, value) in &self.equals {
            match stats.range(column) {
                Some(range) if *value < range.low || *value > range.high => {
                    return Relation::Outside;
                }
                // A row without a value lies between no bounds, so nulls keep a file from being
                // inside.
                _ => inside &= stats.constant(column).is_some(),
            }
        }
        if let (Some((start, end)), Some(time)) = (self.period, time) {
            match stats.range(time) {
                Some(Range { low: Value::Int(low), high: Value::Int(high), is_full }) => {
                    if *high < start || *low >= end {
                        return Relation::Outside;
                    }
                    inside &= *is_full && *low >= start && *high < end;
                }
                _ => inside = false,
            }
        }
        if inside { Relation::Inside } else { Relation::Overlaps }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (column, value)) in self.equals.iter().enumerate() {
            let separator = if index == 0 { "" } else { "/" };
            write!(f, "{separator}{column}={value}")?;
        }
        match self.period {
            Some((start, end)) => write!(f, "/{start}/{end}"),
            None => Ok(()),
        }
    }
}

/// How the rows of a file lie to a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    /// No row belongs to the slot.
    Outside,
    /// Every row belongs to it.
    Inside,
    /// Some may: the rows must be looked at.
    Overlaps,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(source: (&str, &str), time: (i64, i64)) -> FileStats {
        let text = |value: &str| Value::Text(value.to_owned());
        FileStats::from_ranges([
            ("source", (text(source.0), text(source.1))),
            ("bucket", (Value::Int(0), Value::Int(0))),
            ("t", (Value::Int(time.0), Value::Int(time.1))),
        ])
    }

    #[test]
    fn membership_follows_the_statistics() {
        let slot = Slot::derived("a", 0, 100, 200);
        let relation = |stats| slot.relation(&stats, Some("t"));
        assert_eq!(relation(stats(("a", "a"), (100, 199))), Relation::Inside);
        assert_eq!(relation(stats(("a", "a"), (100, 200))), Relation::Overlaps);
        assert_eq!(relation(stats(("a", "a"), (200, 300))), Relation::Outside);
        assert_eq!(relation(stats(("b", "b"), (100, 199))), Relation::Outside);
        assert_eq!(relation(stats(("a", "b"), (100, 199))), Relation::Overlaps);
        assert_eq!(relation(FileStats::default()), Relation::Overlaps);
    }

    #[test]
    fn the_application_id_names_source_bucket_and_period() {
        assert_eq!(Slot::derived("derived", 3, 5, 9).app_id(), "bucket=3/source=derived/5/9");
    }
}
