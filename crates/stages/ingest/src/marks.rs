//! People's marks: what cannot be true goes to the quarantine, and what a mark is about is written
//! beside it.
//!
//! The console refuses such marks before they land; a file that somebody drops is first seen here.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BooleanArray, Int32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::TimestampMicrosecondType;
use foresite_feedback::{MarkedIds, Predictions, Statement, Versions};
use foresite_pm::mapping::TableBatch;
use foresite_schema::catalog::raw;
use foresite_schema::marks::Mark;
use foresite_schema::{BUCKETS, bucket_of, site_of};
use foresite_stage::{Context, Result};
use foresite_tables::Micros;
use jiff::Timestamp;

use crate::outcome::Outcome;

/// A file of marks as it was read.
pub(crate) type MarkedFile<'a> = (&'a mut Outcome, &'a mut Vec<TableBatch>);

/// Whether a file holds marks.
pub(crate) fn is_marks(outcome: &Outcome) -> bool {
    outcome.kind == raw::feedback().name
}

/// Checks the marks of some files against the predictions that they name, all of them in one look, in
/// the versions of their tables that the plan names.
pub(crate) fn check(
    cx: &Context,
    versions: Option<&Versions>,
    files: Vec<MarkedFile<'_>>,
) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let (mut ids, mut newest) = (MarkedIds::new(), Micros::MIN);
    let of_files = files.iter().flat_map(|(_, batches)| batches.iter());
    for rows in of_files.filter(|rows| is_feedback(rows)).map(Rows::of) {
        let marked = rows.prediction.iter().zip(rows.at.values());
        ids.extend(marked.filter_map(|(id, at)| Some((id?.to_owned(), *at))));
        newest = rows.known_at.values().iter().copied().fold(newest, Micros::max);
    }
    let predictions = match versions {
        Some(versions) => Predictions::find_at(cx.root(), versions, &ids, newest)?,
        None => Predictions::find(cx.root(), &ids, newest)?,
    };
    for (outcome, batches) in files {
        for rows in batches.iter_mut().filter(|rows| is_feedback(rows)) {
            let checked = checked(rows, &predictions, outcome)?;
            rows.batch = checked;
        }
    }
    Ok(())
}

/// Whether the rows are marks: a mapping may fill other tables on the way.
fn is_feedback(rows: &TableBatch) -> bool {
    rows.table.name == raw::feedback().name
}

/// The marks that can be true.
fn checked(
    rows: &TableBatch,
    predictions: &Predictions,
    outcome: &mut Outcome,
) -> Result<RecordBatch> {
    let marks = Rows::of(rows);
    let fault_of = |row| {
        marks
            .statement(row)
            .map_or_else(Some, |said| said.fault(predictions, marks.known_at.value(row)))
    };
    let mut keep = Vec::with_capacity(rows.batch.num_rows());
    for row in 0..rows.batch.num_rows() {
        let fault = fault_of(row);
        keep.push(fault.is_none());
        if let Some(reason) = fault {
            let place = format!("feedback_id {}", marks.id.value(row));
            outcome.set_aside(place, reason, marks.sample(row));
        }
    }
    let placed = marks.placed(&rows.batch, predictions, BUCKETS)?;
    Ok(filter_record_batch(&placed, &BooleanArray::from(keep))?)
}

/// The columns of `feedback`.
struct Rows {
    id: StringArray,
    fact: StringArray,
    at: TimestampMicrosecondArray,
    kind: StringArray,
    entity: StringArray,
    prediction: StringArray,
    task: StringArray,
    incident: StringArray,
    person: StringArray,
    text: StringArray,
    known_at: TimestampMicrosecondArray,
}

impl Rows {
    fn of(rows: &TableBatch) -> Self {
        // The batch has the schema of the table.
        let text = |name: &str| rows.batch[name].as_string::<i32>().clone();
        let time = |name: &str| rows.batch[name].as_primitive::<TimestampMicrosecondType>().clone();
        Self {
            id: text("feedback_id"),
            fact: text("fact"),
            at: time("at"),
            kind: text("entity_type"),
            entity: text("entity_id"),
            prediction: text("prediction_id"),
            task: text("task"),
            incident: text("incident_id"),
            person: text("person"),
            text: text("text"),
            known_at: time("known_at"),
        }
    }

    /// A row as a statement, or why it is none.
    fn statement(&self, row: usize) -> std::result::Result<Statement, String> {
        let word = self.fact.value(row);
        let mark = Mark::from_word(word).ok_or_else(|| {
            format!("the mark is `{word}`, expected confirmed, wrong, done or missed")
        })?;
        let text = |column: &StringArray| filled(column, row).unwrap_or_default().to_owned();
        Ok(Statement {
            mark,
            at: self.at.value(row),
            prediction_id: text(&self.prediction),
            incident_id: text(&self.incident),
            entity_type: text(&self.kind),
            entity_id: text(&self.entity),
            task: text(&self.task),
            person: text(&self.person),
            text: text(&self.text),
        })
    }

    /// What the row said, for who looks at the quarantine.
    fn sample(&self, row: usize) -> String {
        let said = |column| filled(column, row).unwrap_or_default();
        let at = self.at.value(row);
        let at =
            Timestamp::from_microsecond(at).map_or_else(|_| at.to_string(), |at| at.to_string());
        let parts = [&self.kind, &self.entity, &self.prediction, &self.task, &self.person];
        let parts = [said(&self.fact), &at].into_iter().chain(parts.map(said));
        parts.chain([said(&self.text), said(&self.incident)]).collect::<Vec<_>>().join(",")
    }

    /// The rows with task and cutoff of their predictions, and the entity where none was given, in
    /// the bucket of its site.
    fn placed(
        &self,
        batch: &RecordBatch,
        predictions: &Predictions,
        buckets: u32,
    ) -> Result<RecordBatch> {
        let rows = 0..batch.num_rows();
        let about = |row: usize| predictions.get(filled(&self.prediction, row)?);
        let has_place = |row: usize| filled(&self.entity, row).is_some();
        let of_entity = |row: usize| about(row).filter(|_| !has_place(row));
        let kinds = rows.clone().map(|row| match of_entity(row) {
            Some(said) => Some(said.entity_type.as_str()),
            None => filled(&self.kind, row),
        });
        let entity_of = |row: usize| match of_entity(row) {
            Some(said) => Some(said.entity_id.as_str()),
            None => filled(&self.entity, row),
        };
        let entities = rows.clone().map(entity_of);
        let bucket_at = |row| bucket_of(site_of(entity_of(row).unwrap_or_default()), buckets);
        let buckets = Int32Array::from_iter_values(rows.clone().map(bucket_at));
        let tasks = rows.clone().map(|row| {
            about(row).map(|said| said.task.as_str()).or_else(|| filled(&self.task, row))
        });
        let cutoffs = rows.map(|row| about(row).map(|said| said.cutoff));
        let cutoffs = cutoffs.collect::<TimestampMicrosecondArray>().with_timezone("UTC");
        let mut columns = batch.columns().to_vec();
        let new: [(&str, ArrayRef); 5] = [
            ("bucket", Arc::new(buckets)),
            ("entity_type", Arc::new(kinds.collect::<StringArray>())),
            ("entity_id", Arc::new(entities.collect::<StringArray>())),
            ("task", Arc::new(tasks.collect::<StringArray>())),
            ("cutoff", Arc::new(cutoffs)),
        ];
        for (name, column) in new {
            columns[batch.schema().index_of(name)?] = column;
        }
        Ok(RecordBatch::try_new(batch.schema(), columns)?)
    }
}

fn filled(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row)).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use arrow::datatypes::Int32Type;
    use foresite_feedback::Predicted;

    use super::*;

    #[test]
    fn an_entity_that_its_prediction_names_lies_in_the_bucket_of_its_site() {
        let text = |value| Arc::new(StringArray::from(vec![value])) as ArrayRef;
        let time = || {
            let time = TimestampMicrosecondArray::from(vec![9]);
            Arc::new(time.with_timezone("UTC")) as ArrayRef
        };
        let texts = ["feedback_id", "fact", "task", "incident_id", "person", "text"];
        let columns = texts.map(|name| (name, text(Some("x")))).into_iter().chain([
            ("prediction_id", text(Some("p1"))),
            ("entity_type", text(None)),
            ("entity_id", text(None)),
            ("at", time()),
            ("known_at", time()),
            ("cutoff", time()),
            ("bucket", Arc::new(Int32Array::from(vec![bucket_of("", 16)])) as ArrayRef),
        ]);
        let nullable = columns.map(|(name, column)| (name, column, true));
        let batch = RecordBatch::try_from_iter_with_nullable(nullable).unwrap();
        let predicted = Predicted {
            task: "anomaly".into(),
            entity_type: "cell".into(),
            entity_id: "north/N001/1".into(),
            cutoff: 4,
            horizon_s: 0,
            was_shown: true,
        };
        let predictions = Predictions::from([("p1".to_owned(), predicted)]);
        let rows = TableBatch { table: raw::feedback(), batch };
        let placed = Rows::of(&rows).placed(&rows.batch, &predictions, 16).unwrap();
        let found = placed["bucket"].as_primitive::<Int32Type>().value(0);
        assert_eq!(found, bucket_of("north/N001", 16));
        assert_ne!(found, bucket_of("", 16));
    }
}
