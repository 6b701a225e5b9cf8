//! Rows of `predictions_<task>`.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Float64Builder, Int32Array, Int64Array,
    ListBuilder, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field};
use foresite_features::task::{DAY, Micros, SECOND};
use foresite_schema::catalog::outcome;
use foresite_schema::{BUCKETS, bucket_of, site_of};
use foresite_stage::Result;
use sha2::{Digest as _, Sha256};

/// Digits of a prediction id.
const ID_DIGITS: usize = 24;

/// Digits of the digest of a run.
const DIGEST_DIGITS: usize = 16;

/// What is said about one entity at one cutoff for one horizon.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Statement {
    pub(crate) entity_id: String,
    pub(crate) cutoff: Micros,
    pub(crate) horizon: Micros,
    pub(crate) score: Option<f64>,
    pub(crate) p_value: Option<f64>,
    pub(crate) probability: Option<f64>,
    pub(crate) low: Option<f64>,
    pub(crate) median: Option<f64>,
    pub(crate) high: Option<f64>,
    pub(crate) event_low_at: Option<Micros>,
    pub(crate) event_at: Option<Micros>,
    pub(crate) event_high_at: Option<Micros>,
    pub(crate) values: Vec<f64>,
    pub(crate) drivers: Vec<String>,
    pub(crate) not_scored: Option<String>,
}

impl Statement {
    /// Why an entity has no score.
    pub(crate) fn not_scored(entity_id: &str, cutoff: Micros, reason: &str) -> Self {
        Self {
            entity_id: entity_id.to_owned(),
            cutoff,
            not_scored: Some(reason.to_owned()),
            ..Self::default()
        }
    }
}

/// Hash of everything that is said, to the last bit of every number: two runs that agree in it said
/// the same.
pub(crate) fn digest(statements: &[Statement]) -> String {
    let mut hash = Sha256::new();
    for statement in statements {
        // The debug form prints floats so that they read back equal.
        hash.update(format!("{statement:?}\n").as_bytes());
    }
    let mut text = hex(&hash.finalize());
    text.truncate(DIGEST_DIGITS);
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A driver as text: `name=share (observed, expected)`.
pub(crate) fn driver(name: &str, share: f64, pair: Option<(f64, f64)>) -> String {
    match pair.filter(|(observed, expected)| observed.is_finite() && expected.is_finite()) {
        Some((observed, expected)) => format!("{name}={share:.3} ({observed:.4}, {expected:.4})"),
        None => format!("{name}={share:.3}"),
    }
}

/// What all rows of one run share.
pub(crate) struct Header<'a> {
    pub(crate) task: &'a str,
    pub(crate) entity_type: &'a str,
    pub(crate) model_id: &'a str,
    pub(crate) role: &'a str,
    pub(crate) as_of: Micros,
    pub(crate) now: Micros,
    pub(crate) lineage_id: &'a str,
    /// Cutoffs before this one are replays.
    pub(crate) published: Option<Micros>,
}

impl Header<'_> {
    fn id(&self, statement: &Statement) -> String {
        let key = format!(
            "{}\n{}\n{}\n{}\n{}",
            self.task, self.model_id, statement.entity_id, statement.cutoff, statement.horizon
        );
        let digest = Sha256::digest(key.as_bytes());
        let mut id = hex(&digest);
        id.truncate(ID_DIGITS);
        id
    }

    /// The rows of the statements, in their order.
    pub(crate) fn batch(&self, rows: &[Statement]) -> Result<RecordBatch> {
        let count = rows.len();
        let same = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value; count])) };
        let times = |of: &dyn Fn(&Statement) -> Option<Micros>| -> ArrayRef {
            let array = TimestampMicrosecondArray::from_iter(rows.iter().map(of));
            Arc::new(array.with_timezone("UTC"))
        };
        let number = |of: &dyn Fn(&Statement) -> Option<f64>| -> ArrayRef {
            // A value that is not finite is no statement.
            let finite = |row| of(row).filter(|value| value.is_finite());
            Arc::new(Float64Array::from_iter(rows.iter().map(finite)))
        };
        let text = |of: &dyn Fn(&Statement) -> Option<String>| -> ArrayRef {
            Arc::new(StringArray::from_iter(rows.iter().map(of)))
        };
        let flags = |of: &dyn Fn(&Statement) -> bool| -> ArrayRef {
            Arc::new(BooleanArray::from(rows.iter().map(of).collect::<Vec<_>>()))
        };
        let published = self.published.unwrap_or(Micros::MIN);
        let columns = vec![
            dates(rows.iter().map(|row| row.cutoff)),
            same(SOURCE),
            buckets(rows.iter().map(|row| row.entity_id.as_str())),
            text(&|row| Some(self.id(row))),
            same(self.entity_type),
            text(&|row| Some(row.entity_id.clone())),
            times(&|row| Some(row.cutoff)),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.horizon / SECOND))),
            same(self.model_id),
            same(self.role),
            flags(&|row| row.cutoff < published),
            times(&|_| Some(self.as_of)),
            number(&|row| row.score),
            number(&|row| row.p_value),
            number(&|row| row.probability),
            number(&|row| row.low),
            number(&|row| row.median),
            number(&|row| row.high),
            times(&|row| row.event_low_at),
            times(&|row| row.event_at),
            times(&|row| row.event_high_at),
            doubles(rows.iter().map(|row| row.values.as_slice())),
            texts(rows),
            text(&|row| row.not_scored.clone()),
            flags(&|_| false),
            times(&|_| Some(self.as_of)),
            times(&|_| Some(self.now)),
            same(self.lineage_id),
        ];
        Ok(RecordBatch::try_new(outcome::predictions(self.task).schema(), columns)?)
    }
}

/// Source of the rows that this stage writes.
pub(crate) const SOURCE: &str = "derived";

pub(crate) fn dates(cutoffs: impl Iterator<Item = Micros>) -> ArrayRef {
    let day = |at: Micros| i32::try_from(at.div_euclid(DAY)).unwrap_or(0);
    Arc::new(Date32Array::from_iter_values(cutoffs.map(day)))
}

pub(crate) fn buckets<'a>(entities: impl Iterator<Item = &'a str>) -> ArrayRef {
    let bucket = |entity| bucket_of(site_of(entity), BUCKETS);
    Arc::new(Int32Array::from_iter_values(entities.map(bucket)))
}

/// A list column; an empty list is null.
pub(crate) fn doubles<'a>(lists: impl Iterator<Item = &'a [f64]>) -> ArrayRef {
    let field = Field::new("element", DataType::Float64, true);
    let mut builder = ListBuilder::new(Float64Builder::new()).with_field(Arc::new(field));
    for list in lists {
        for value in list {
            builder.values().append_option(value.is_finite().then_some(*value));
        }
        builder.append(!list.is_empty());
    }
    Arc::new(builder.finish())
}

fn texts(rows: &[Statement]) -> ArrayRef {
    let field = Field::new("element", DataType::Utf8, true);
    let mut builder = ListBuilder::new(StringBuilder::new()).with_field(Arc::new(field));
    for row in rows {
        for driver in &row.drivers {
            builder.values().append_value(driver);
        }
        builder.append(!row.drivers.is_empty());
    }
    Arc::new(builder.finish())
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array as _, AsArray as _};

    use super::*;

    #[test]
    fn rows_fit_the_table_and_older_cutoffs_are_replays() {
        let header = Header {
            task: "anomaly",
            entity_type: "cell",
            model_id: "m",
            role: "champion",
            as_of: 9 * DAY,
            now: 9 * DAY,
            lineage_id: "ab",
            published: Some(5 * DAY),
        };
        let scored = Statement {
            entity_id: "north/N001/1/n78".into(),
            cutoff: 4 * DAY,
            score: Some(2.0),
            median: Some(f64::NAN),
            values: vec![1.0],
            drivers: vec![driver("users_mean", 0.5, Some((3.0, 9.0)))],
            ..Statement::default()
        };
        let silent = Statement::not_scored("north/N001/2/n78", 5 * DAY, "no_data");
        let batch = header.batch(&[scored, silent]).unwrap();
        let column = |name: &str| batch.column_by_name(name).unwrap();
        let replays = column("replay").as_boolean();
        assert_eq!((replays.value(0), replays.value(1)), (true, false));
        assert!(column("median").is_null(0) && column("values").is_null(1));
        let ids = column("prediction_id").as_string::<i32>();
        assert_eq!((ids.value(0).len(), ids.value(0) == ids.value(1)), (24, false));
        assert_eq!(driver("a", 0.25, None), "a=0.250");
        assert_eq!(driver("a", 0.25, Some((1.0, f64::NAN))), "a=0.250");
    }
}
