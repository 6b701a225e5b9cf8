//! Reading tables as of the run, remembering what was read and what was not there.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{
    Array as _, AsArray as _, BooleanArray, Float64Array, ListArray, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use foresite_kpi::{Columns, KpiError, micros};
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
        take: impl FnMut(&RecordBatch) -> Result<()>,
    ) -> Result<()> {
        self.scan_until(def, read, Micros::MAX, take)
    }

    /// The same as they were known at `as_of` or at the run's clock, whichever is earlier.
    pub(crate) fn scan_until(
        &mut self,
        def: TableDef,
        read: Read,
        as_of: Micros,
        mut take: impl FnMut(&RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let name = def.name.clone();
        let Some(table) = self.cx.root().find(def)? else {
            self.missing.insert(name);
            return Ok(());
        };
        for batch in table.scan(&read.as_of(as_of.min(self.cx.as_of())))? {
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

/// The version of each row that was known last, and of equals written last, as `Source::resolved` has
/// it, for what is read batch by batch. What does not live is remembered without its content.
#[derive(Debug)]
pub(crate) struct Newest<K, V>(BTreeMap<K, ((Micros, Micros), Option<V>)>);

impl<K: Ord, V> Newest<K, V> {
    pub(crate) fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Takes a version of a row.
    pub(crate) fn offer(&mut self, key: K, version: (Micros, Micros), row: Option<V>) {
        match self.0.get(&key) {
            Some((have, _)) if *have > version => {}
            _ => {
                self.0.insert(key, (version, row));
            }
        }
    }

    /// How many rows it holds.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The rows that live, by key.
    pub(crate) fn live(self) -> impl Iterator<Item = (K, V)> {
        self.0.into_iter().filter_map(|(key, (_, row))| Some((key, row?)))
    }
}

/// When each row of a batch was known and written, and whether it is a tombstone.
pub(crate) struct Versions {
    known: TimestampMicrosecondArray,
    written: TimestampMicrosecondArray,
    tombstones: Option<BooleanArray>,
}

impl Versions {
    pub(crate) fn of(batch: &RecordBatch) -> Result<Self> {
        let columns = Columns(batch);
        let times = |name| columns.times(name).map_err(unfit);
        // Raw tables have none.
        let tombstones = columns.bools("tombstone").ok();
        Ok(Self { known: times("known_at")?, written: times("ingested_at")?, tombstones })
    }

    pub(crate) fn at(&self, row: usize) -> (Micros, Micros) {
        let clock = |times| micros(times, row).unwrap_or_default();
        (clock(&self.known), clock(&self.written))
    }

    pub(crate) fn lives(&self, row: usize) -> bool {
        !self.tombstones.as_ref().is_some_and(|dead| dead.value(row))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_known_last_stands_in_any_order() {
        let mut versions = [((2, 5), None), ((1, 9), Some("old")), ((2, 4), Some("replaced"))];
        for _ in 0..versions.len() {
            versions.rotate_left(1);
            let mut newest = Newest::new();
            newest.offer("stays", (1, 1), Some("a"));
            newest.offer("stays", (1, 2), Some("fixed"));
            versions.iter().for_each(|(version, row)| newest.offer("gone", *version, *row));
            assert_eq!(newest.len(), 2);
            assert_eq!(newest.live().collect::<Vec<_>>(), [("stays", "fixed")]);
        }
    }
}
