//! Rows on their way into data files that nobody sees yet, in bounded memory.

use std::collections::{BTreeMap, HashSet};

use arrow::array::{AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use foresite_pm::mapping::TableBatch;
use foresite_pm::{Batcher, Load, MeasFile, Written};
use foresite_schema::TableDef;
use foresite_schema::catalog::raw;
use foresite_stage::{Context, Result};
use foresite_tables::{Read, StagedFile};
use rayon::prelude::*;

/// Gathers rows per table and stages them whenever enough came together.
pub(crate) struct Staging<'a> {
    cx: &'a Context,
    /// Numbers held before they are written out.
    limit: usize,
    measured: Batcher,
    /// Rows by table and mapping: two mappings may add different columns to one table.
    mapped: BTreeMap<(String, String), Gathered>,
    known_sets: HashSet<String>,
    /// Staged files by table.
    pub(crate) files: BTreeMap<String, Vec<StagedFile>>,
    pub(crate) counter_rows: u64,
    pub(crate) histogram_rows: u64,
}

struct Gathered {
    table: TableDef,
    batches: Vec<RecordBatch>,
    cells: usize,
}

impl<'a> Staging<'a> {
    pub(crate) fn new(cx: &'a Context, limit: usize) -> Result<Self> {
        Ok(Self {
            cx,
            limit: limit.max(1),
            measured: Batcher::default(),
            mapped: BTreeMap::new(),
            known_sets: known_sets(cx)?,
            files: BTreeMap::new(),
            counter_rows: 0,
            histogram_rows: 0,
        })
    }

    /// Adds a performance file and returns what its rows hold.
    pub(crate) fn add_measured(&mut self, file: &MeasFile, load: &Load) -> Result<Written> {
        let written = self.measured.push(file, load);
        if self.measured.pending_values() >= self.limit {
            self.flush_measured()?;
        }
        Ok(written)
    }

    /// Adds rows of a tabular file.
    pub(crate) fn add_mapped(&mut self, source: &str, rows: TableBatch) -> Result<()> {
        let key = (rows.table.name.clone(), source.to_owned());
        let gathered = self.mapped.entry(key).or_insert_with(|| Gathered {
            table: rows.table,
            batches: Vec::new(),
            cells: 0,
        });
        gathered.cells += rows.batch.num_rows() * rows.batch.num_columns();
        gathered.batches.push(rows.batch);
        if gathered.cells >= self.limit {
            let batches = std::mem::take(&mut gathered.batches);
            gathered.cells = 0;
            let table = gathered.table.clone();
            self.stage(table, &batches)?;
        }
        Ok(())
    }

    /// Stages what is left, tables side by side: a long history is many small files, one a day,
    /// and each waits for the disk.
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.flush_measured()?;
        let cx = self.cx;
        let gathered: Vec<_> = std::mem::take(&mut self.mapped).into_values().collect();
        let tables = with_all_columns(&gathered);
        let staged: Vec<_> = gathered
            .into_par_iter()
            .map(|Gathered { table: TableDef { name, .. }, batches, .. }| {
                let files = stage(cx, tables[&name].clone(), &batches)?;
                Ok((name, files))
            })
            .collect::<Result<_>>()?;
        staged.into_iter().for_each(|(name, files)| self.note(name, files));
        Ok(())
    }

    fn flush_measured(&mut self) -> Result<()> {
        let batches = self.measured.finish()?;
        let sets = self.new_sets(&batches.counter_sets)?;
        self.counter_rows += batches.pm_counters.num_rows() as u64;
        self.histogram_rows += batches.pm_histograms.num_rows() as u64;
        self.stage(raw::counter_sets(), &[sets])?;
        self.stage(raw::pm_counters(), &[batches.pm_counters])?;
        self.stage(raw::pm_histograms(), &[batches.pm_histograms])
    }

    /// The sets that the table does not have yet.
    fn new_sets(&mut self, sets: &RecordBatch) -> Result<RecordBatch> {
        let keys = sets.column(0).as_string::<i32>();
        let known = &mut self.known_sets;
        let is_new = keys.iter().flatten().map(|key| known.insert(key.to_owned()));
        Ok(filter_record_batch(sets, &is_new.map(Some).collect::<BooleanArray>())?)
    }

    fn stage(&mut self, table: TableDef, batches: &[RecordBatch]) -> Result<()> {
        let name = table.name.clone();
        let files = stage(self.cx, table, batches)?;
        self.note(name, files);
        Ok(())
    }

    fn note(&mut self, table: String, files: Vec<StagedFile>) {
        if !files.is_empty() {
            self.files.entry(table).or_default().extend(files);
        }
    }
}

/// Tables by name, with the columns of all their mappings: whoever opens one first makes it the same.
fn with_all_columns(gathered: &[Gathered]) -> BTreeMap<String, TableDef> {
    let mut tables = BTreeMap::<String, TableDef>::new();
    for Gathered { table, .. } in gathered {
        let known = tables.remove(&table.name).unwrap_or_else(|| table.clone());
        tables.insert(table.name.clone(), known.with_columns(table.columns.iter().cloned()));
    }
    tables
}

/// Writes rows to files that nobody sees yet; a dry run writes none.
fn stage(cx: &Context, table: TableDef, batches: &[RecordBatch]) -> Result<Vec<StagedFile>> {
    let Some(first) = batches.first() else {
        return Ok(Vec::new());
    };
    let rows = concat_batches(&first.schema(), batches)?;
    if rows.num_rows() == 0 || cx.is_dry_run() {
        return Ok(Vec::new());
    }
    Ok(cx.root().table(table)?.stage(&rows)?)
}

fn known_sets(cx: &Context) -> Result<HashSet<String>> {
    let mut known = HashSet::new();
    let Some(table) = cx.root().find(raw::counter_sets())? else {
        return Ok(known);
    };
    for batch in table.scan(&Read::all().columns(["counter_set"]))? {
        let batch = batch?;
        let keys = batch.column(0).as_string::<i32>();
        known.extend(keys.iter().flatten().map(str::to_owned));
    }
    Ok(known)
}
