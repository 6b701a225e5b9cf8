//! The row of a prediction.

use arrow::array::{Array as _, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use foresite_schema::catalog;
use foresite_stage::{Context, ErrorKind, Result, StageError};
use foresite_tables::{Micros, Read};

use crate::tables;

const PREFIX: &str = "predictions_";
const DAY: Micros = 86_400_000_000;
/// What is asked about most.
const NEAR: Micros = 3 * DAY;
/// Whatever the clock of the call says, nothing newer is left out.
const AHEAD: Micros = 4000 * DAY;

/// One row of a table of predictions.
#[derive(Debug)]
pub(super) struct Prediction {
    pub(super) id: String,
    pub(super) task: String,
    pub(super) model_id: String,
    pub(super) lineage_id: String,
    /// Columns that hold something, as text, in the order of the table.
    pub(super) values: Vec<(String, String)>,
}

impl Prediction {
    /// Looks through the predictions of all tasks, or of the one that the call names; what is not a
    /// replay comes first.
    ///
    /// # Errors
    /// `Missing` where no table holds the id.
    pub(super) fn find(cx: &Context, id: &str) -> Result<Self> {
        let tasks = match cx.task() {
            Ok(task) => vec![task.to_owned()],
            Err(_) => tasks(cx)?,
        };
        for (from, to) in spans(cx)? {
            for task in &tasks {
                let Some(table) = cx.root().find(catalog::outcome::predictions(task))? else {
                    continue;
                };
                let read = Read::all().text("prediction_id", id).period(from, to);
                let rows = table.read(&read)?;
                if rows.num_rows() > 0 {
                    return Self::of(task, &rows);
                }
            }
        }
        Err(StageError::new(ErrorKind::Missing, format!("prediction `{id}`: in no table"))
            .hint("predictions are kept for 395 days; an id has 24 hexadecimal digits"))
    }

    fn of(task: &str, rows: &RecordBatch) -> Result<Self> {
        let row = (0..rows.num_rows())
            .find(|&row| cell(rows, "replay", row).is_ok_and(|text| text == "false"))
            .unwrap_or(0);
        let schema = rows.schema();
        let mut values = Vec::new();
        for (field, column) in schema.fields().iter().zip(rows.columns()) {
            if column.is_valid(row) {
                values.push((field.name().clone(), cell(rows, field.name(), row)?));
            }
        }
        Ok(Self {
            id: cell(rows, "prediction_id", row)?,
            task: task.to_owned(),
            model_id: cell(rows, "model_id", row)?,
            lineage_id: cell(rows, "lineage_id", row)?,
            values,
        })
    }
}

impl Prediction {
    /// Whether it was said about the past, and shown to nobody.
    pub(super) fn is_replay(&self) -> bool {
        self.value("replay") == Some("true")
    }

    /// A column as text; `None` where it holds nothing.
    pub(super) fn value(&self, column: &str) -> Option<&str> {
        let found = self.values.iter().find(|(name, _)| name == column);
        found.map(|(_, value)| value.as_str())
    }
}

/// The spans to look through: the interval of the call, or else the last days before all others. An id
/// is a hash, so a table has to be read whole for it, and people ask about what was just said.
fn spans(cx: &Context) -> Result<Vec<(Micros, Micros)>> {
    if let Some(interval) = cx.interval_if_given()? {
        return Ok(vec![(interval.start, interval.end)]);
    }
    let near = cx.as_of() - NEAR;
    Ok(vec![(near, cx.as_of() + AHEAD), (0, near)])
}

/// Tasks with a table of predictions.
fn tasks(cx: &Context) -> Result<Vec<String>> {
    let names = tables::existing(cx)?;
    Ok(names.iter().filter_map(|name| name.strip_prefix(PREFIX)).map(str::to_owned).collect())
}

/// A value as text; times by RFC 3339.
///
/// # Errors
/// `BadData` where the table lacks the column.
pub(super) fn cell(rows: &RecordBatch, column: &str, row: usize) -> Result<String> {
    let values = rows.column_by_name(column).ok_or_else(|| {
        StageError::new(ErrorKind::BadData, format!("column `{column}` is missing"))
    })?;
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(values, &options)
        .map_err(|error| StageError::new(ErrorKind::BadData, column.to_owned()).because(error))?;
    Ok(formatter.value(row).to_string())
}
