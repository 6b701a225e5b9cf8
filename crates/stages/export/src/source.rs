//! Reading tables as of the run, remembering what was read and what was not there.

use std::collections::BTreeSet;

use arrow::array::{Array as _, AsArray as _, Float64Array, ListArray, RecordBatch, StringArray};
use foresite_kpi::KpiError;
use foresite_schema::TableDef;
use foresite_stage::{Context, ErrorKind, Inputs, Result, StageError};
use foresite_tables::{Micros, Read};

/// The tables of one run. A table that is not there is an empty one: a data root in which nobody has
/// marked anything yet is exported too, and the result names what was missing.
pub(crate) struct Source<'a> {
    pub(crate) cx: &'a Context,
    pub(crate) inputs: Inputs,
    pub(crate) missing: BTreeSet<String>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(cx: &'a Context) -> Self {
        Self { cx, inputs: Inputs::new(), missing: BTreeSet::new() }
    }

    /// All versions of the rows, batch by batch.
    pub(crate) fn scan(
        &mut self,
        def: TableDef,
        read: Read,
        mut take: impl FnMut(&RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let name = def.name.clone();
        let Some(table) = self.cx.root().find(def)? else {
            self.missing.insert(name);
            return Ok(());
        };
        for batch in table.scan(&read.as_of(self.cx.as_of()))? {
            self.cx.check_stop()?;
            let batch = batch?;
            self.inputs.add_rows(&name, &batch, id_of(&batch))?;
            take(&batch)?;
        }
        Ok(())
    }

    /// The rows as they were known at `as_of` or at the run's clock, whichever is earlier, one per
    /// key; `None` where there is no such table.
    pub(crate) fn resolved(
        &mut self,
        def: TableDef,
        read: Read,
        as_of: Micros,
    ) -> Result<Option<RecordBatch>> {
        self.cx.check_stop()?;
        let name = def.name.clone();
        let Some(table) = self.cx.root().find(def)? else {
            self.missing.insert(name);
            return Ok(None);
        };
        let rows = table.read(&read.as_of(as_of.min(self.cx.as_of())))?;
        self.inputs.add_rows(&name, &rows, id_of(&rows))?;
        Ok(Some(rows))
    }
}

/// Raw tables name files, derived ones computations.
fn id_of(batch: &RecordBatch) -> &'static str {
    if batch.column_by_name("file_id").is_some() { "file_id" } else { "lineage_id" }
}

/// A column that is not what the table says.
pub(crate) fn unfit(error: KpiError) -> StageError {
    StageError::new(ErrorKind::BadData, error.to_string()).because(error)
}

/// The text of a row; `None` where it is null or empty.
pub(crate) fn text(column: &StringArray, row: usize) -> Option<String> {
    let filled = column.is_valid(row) && !column.value(row).is_empty();
    filled.then(|| column.value(row).to_owned())
}

/// The number of a row; `None` where it is null, and where it is no number: JSON has no word for NaN.
pub(crate) fn number(column: &Float64Array, row: usize) -> Option<f64> {
    column.is_valid(row).then(|| column.value(row)).filter(|value| value.is_finite())
}

/// The texts of a row's list.
pub(crate) fn texts(column: &ListArray, row: usize) -> Vec<String> {
    if !column.is_valid(row) {
        return Vec::new();
    }
    let list = column.value(row);
    let texts = list.as_string_opt::<i32>().into_iter().flatten();
    texts.flatten().map(str::to_owned).collect()
}
