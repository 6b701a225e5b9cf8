//! Columns of the rows that an audit looks at.

use arrow::array::{Array as _, AsArray as _, RecordBatch, StringArray, TimestampMicrosecondArray};
use foresite_schema::TableDef;
use foresite_stage::{ErrorKind, Result, StageError};
use foresite_tables::{Micros, Read};

use super::Asked;

/// All versions of the rows of a table whose time in `column` lies in the interval, batch by batch;
/// of a table that is not there, none.
pub(super) fn within(
    asked: &Asked<'_>,
    def: TableDef,
    column: &str,
    columns: &[&str],
    take: impl FnMut(&Cells<'_>, usize, Micros) -> Result<()>,
) -> Result<()> {
    select(asked, def, column, Read::all().columns(columns), take)
}

/// The same of some of the rows.
pub(super) fn select(
    asked: &Asked<'_>,
    def: TableDef,
    column: &str,
    read: Read,
    mut take: impl FnMut(&Cells<'_>, usize, Micros) -> Result<()>,
) -> Result<()> {
    let Some(table) = asked.cx.root().find(def)? else { return Ok(()) };
    for batch in table.scan(&read.since(column, asked.interval.start))? {
        asked.cx.check_stop()?;
        let batch = batch?;
        let cells = Cells(&batch);
        let times = cells.times(column)?;
        for row in (0..batch.num_rows()).filter(|row| times.is_valid(*row)) {
            let at = times.value(row);
            if (asked.interval.start..asked.interval.end).contains(&at) {
                take(&cells, row, at)?;
            }
        }
    }
    Ok(())
}

/// Rows with their columns by name.
pub(super) struct Cells<'a>(&'a RecordBatch);

impl Cells<'_> {
    /// The text of a row; `None` where it is null or blank.
    pub(super) fn text(&self, column: &str, row: usize) -> Result<Option<String>> {
        let texts: &StringArray = self
            .0
            .column_by_name(column)
            .and_then(|array| array.as_string_opt())
            .ok_or_else(|| unfit(column))?;
        let text = texts.is_valid(row).then(|| texts.value(row).trim());
        Ok(text.filter(|text| !text.is_empty()).map(str::to_owned))
    }

    /// The texts of a row's list; none where it is null.
    pub(super) fn texts(&self, column: &str, row: usize) -> Result<Vec<String>> {
        let lists = self
            .0
            .column_by_name(column)
            .and_then(|array| array.as_list_opt::<i32>())
            .ok_or_else(|| unfit(column))?;
        if lists.is_null(row) {
            return Ok(Vec::new());
        }
        let texts = lists.value(row);
        let texts = texts.as_string_opt::<i32>().ok_or_else(|| unfit(column))?;
        Ok(texts.iter().flatten().map(str::to_owned).collect())
    }

    /// The time of a row.
    pub(super) fn time(&self, column: &str, row: usize) -> Result<Option<Micros>> {
        let times = self.times(column)?;
        Ok(times.is_valid(row).then(|| times.value(row)))
    }

    /// The number of a row; 0 where it is null.
    pub(super) fn long(&self, column: &str, row: usize) -> Result<i64> {
        let numbers = self
            .0
            .column_by_name(column)
            .and_then(|array| array.as_primitive_opt::<arrow::datatypes::Int64Type>())
            .ok_or_else(|| unfit(column))?;
        Ok(if numbers.is_valid(row) { numbers.value(row) } else { 0 })
    }

    fn times(&self, column: &str) -> Result<&TimestampMicrosecondArray> {
        let times = self.0.column_by_name(column).and_then(|array| array.as_primitive_opt());
        times.ok_or_else(|| unfit(column))
    }
}

pub(super) fn unfit(column: &str) -> StageError {
    StageError::new(ErrorKind::BadData, format!("column `{column}`: not what the table says"))
}
