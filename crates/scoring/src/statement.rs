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
pub struct Statement {
    /// The entity.
    pub entity_id: String,
    /// Nothing after this time was used.
    pub cutoff: Micros,
    /// How far ahead; 0 for a statement about the cutoff itself.
    pub horizon: Micros,
    /// Anomaly score, probability or predicted value.
    pub score: Option<f64>,
    /// Conformal p-value of the score.
    pub p_value: Option<f64>,
    /// Calibrated probability of the event within the horizon.
    pub probability: Option<f64>,
    /// Lower end of the 80 % interval.
    pub low: Option<f64>,
    /// Central forecast.
    pub median: Option<f64>,
    /// Upper end of the 80 % interval.
    pub high: Option<f64>,
    /// Earliest plausible date of the event.
    pub event_low_at: Option<Micros>,
    /// Median date of the event.
    pub event_at: Option<Micros>,
    /// Latest plausible date of the event.
    pub event_high_at: Option<Micros>,
    /// Hazards, quantiles or class probabilities in the model's order.
    pub values: Vec<f64>,
    /// What moved the score, greatest first.
    pub drivers: Vec<String>,
    /// Why there is no score.
    pub not_scored: Option<String>,
}

impl Statement {
    /// Why an entity has no score.
    pub fn not_scored(entity_id: &str, cutoff: Micros, reason: &str) -> Self {
        Self {
            entity_id: entity_id.to_owned(),
            cutoff,
            not_scored: Some(reason.to_owned()),
            ..Self::default()
        }
    }

    /// Id of the prediction: equal for equal task, model, entity, cutoff and horizon.
    pub fn id(&self, task: &str, model_id: &str) -> String {
        let key =
            format!("{task}\n{model_id}\n{}\n{}\n{}", self.entity_id, self.cutoff, self.horizon);
        let mut id = hex(&Sha256::digest(key.as_bytes()));
        id.truncate(ID_DIGITS);
        id
    }
}

/// Hash of everything that is said, to the last bit of every number: two runs that agree in it said
/// the same.
pub fn digest(statements: &[Statement]) -> String {
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
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// A driver as text: `name=share (observed, expected)`.
pub fn driver(name: &str, share: f64, pair: Option<(f64, f64)>) -> String {
    match pair.filter(|(observed, expected)| observed.is_finite() && expected.is_finite()) {
        Some((observed, expected)) => format!("{name}={share:.3} ({observed:.4}, {expected:.4})"),
        None => format!("{name}={share:.3}"),
    }
}

/// What all rows of one run share.
pub struct Header<'a> {
    /// The task.
    pub task: &'a str,
    /// Type of the entities.
    pub entity_type: &'a str,
    /// The model.
    pub model_id: &'a str,
    /// The alias that the model serves under.
    pub role: &'a str,
    /// Whose slots the rows belong to: [`SOURCE`], [`SHADOW`] or [`REPLAY`].
    pub source: &'a str,
    /// The run's clock.
    pub as_of: Micros,
    /// When the rows are written.
    pub now: Micros,
    /// Identity of the computation.
    pub lineage_id: &'a str,
    /// Cutoffs before this one are replays.
    pub published: Option<Micros>,
}

impl Header<'_> {
    /// The rows of the statements, in their order.
    ///
    /// # Errors
    /// `BadData` should Arrow refuse them.
    pub fn batch(&self, rows: &[Statement]) -> Result<RecordBatch> {
        let of = Columns(rows);
        let published = self.published.unwrap_or(Micros::MIN);
        let columns = vec![
            dates(rows.iter().map(|row| row.cutoff)),
            of.same(self.source),
            buckets(rows.iter().map(|row| row.entity_id.as_str())),
            of.text(&|row| Some(row.id(self.task, self.model_id))),
            of.same(self.entity_type),
            of.text(&|row| Some(row.entity_id.clone())),
            of.times(&|row| Some(row.cutoff)),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.horizon / SECOND))),
            of.same(self.model_id),
            of.same(self.role),
            of.flags(&|row| row.cutoff < published),
            of.times(&|_| Some(self.as_of)),
            of.numbers(&|row| row.score),
            of.numbers(&|row| row.p_value),
            of.numbers(&|row| row.probability),
            of.numbers(&|row| row.low),
            of.numbers(&|row| row.median),
            of.numbers(&|row| row.high),
            of.times(&|row| row.event_low_at),
            of.times(&|row| row.event_at),
            of.times(&|row| row.event_high_at),
            doubles(rows.iter().map(|row| row.values.as_slice())),
            texts(rows),
            of.text(&|row| row.not_scored.clone()),
            of.flags(&|_| false),
            of.times(&|_| Some(self.as_of)),
            of.times(&|_| Some(self.now)),
            of.same(self.lineage_id),
        ];
        Ok(RecordBatch::try_new(outcome::predictions(self.task).schema(), columns)?)
    }
}

/// Columns with a value for each of the statements.
struct Columns<'a>(&'a [Statement]);

impl Columns<'_> {
    fn same(&self, value: &str) -> ArrayRef {
        Arc::new(StringArray::from(vec![value; self.0.len()]))
    }

    fn text(&self, of: &dyn Fn(&Statement) -> Option<String>) -> ArrayRef {
        Arc::new(StringArray::from_iter(self.0.iter().map(of)))
    }

    fn times(&self, of: &dyn Fn(&Statement) -> Option<Micros>) -> ArrayRef {
        let array = TimestampMicrosecondArray::from_iter(self.0.iter().map(of));
        Arc::new(array.with_timezone("UTC"))
    }

    /// A value that is not finite is no statement.
    fn numbers(&self, of: &dyn Fn(&Statement) -> Option<f64>) -> ArrayRef {
        let finite = |row| of(row).filter(|value| value.is_finite());
        Arc::new(Float64Array::from_iter(self.0.iter().map(finite)))
    }

    fn flags(&self, of: &dyn Fn(&Statement) -> bool) -> ArrayRef {
        Arc::new(BooleanArray::from(self.0.iter().map(of).collect::<Vec<_>>()))
    }
}

/// Source of the rows of a model that serves.
pub const SOURCE: &str = "derived";
/// Source of the rows of a challenger, in slots of its own.
pub const SHADOW: &str = "shadow";

/// Source of the rows of a model that was asked about the past; all of them are replays.
pub const REPLAY: &str = "replay";

/// The date column of cutoffs.
pub fn dates(cutoffs: impl Iterator<Item = Micros>) -> ArrayRef {
    let day = |at: Micros| i32::try_from(at.div_euclid(DAY)).unwrap_or(0);
    Arc::new(Date32Array::from_iter_values(cutoffs.map(day)))
}

/// The bucket column of entities.
pub fn buckets<'a>(entities: impl Iterator<Item = &'a str>) -> ArrayRef {
    let bucket = |entity| bucket_of(site_of(entity), BUCKETS);
    Arc::new(Int32Array::from_iter_values(entities.map(bucket)))
}

/// A list column; an empty list is null.
pub fn doubles<'a>(lists: impl Iterator<Item = &'a [f64]>) -> ArrayRef {
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
            source: SOURCE,
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
