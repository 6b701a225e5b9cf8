//! Streaming rows: files, row groups and rows that cannot match are left out, the rest is decoded
//! side by side, a few row groups at a time.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use parquet::arrow::arrow_reader::{ArrowPredicateFn, RowFilter as ParquetFilter};
use rayon::prelude::*;

use crate::columns::{adapt, project};
use crate::data_file::{OpenFile, place};
use crate::filter::RowFilter;
use crate::read::Read;
use crate::snapshot::DataFile;
use crate::{Context as _, Error, Result, Table};

/// Rows per batch that readers get.
pub(crate) const BATCH_ROWS: usize = 65_536;

/// Row groups that are held at a time: the memory of a reader, whatever the size of the table.
const GROUPS_AT_ONCE: usize = 8;

/// What a reader has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadCounters {
    /// Files opened.
    pub files: u64,
    /// Files that their statistics ruled out.
    pub files_skipped: u64,
    /// Row groups decoded.
    pub row_groups: u64,
    /// Row groups that their statistics ruled out.
    pub row_groups_skipped: u64,
    /// Bytes fetched from the store.
    pub bytes: u64,
    /// Rows handed out.
    pub rows: u64,
}

/// Which columns and rows of which table.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) table: Table,
    pub(crate) schema: SchemaRef,
    pub(crate) columns: Vec<String>,
    pub(crate) read: Read,
}

/// The rows of a read, batch by batch, in the order of the files.
pub struct Scan {
    source: Source,
    files: VecDeque<DataFile>,
    groups: VecDeque<Group>,
    ready: VecDeque<Result<RecordBatch>>,
    counters: ReadCounters,
}

/// A row group that may have matching rows.
struct Group {
    open: Arc<OpenFile>,
    index: usize,
    filter: RowFilter,
}

/// Decoded rows of a group, and the bytes fetched for them.
type Decoded = (Vec<RecordBatch>, u64);

impl Scan {
    /// Reads those of `files` that the statistics in the log do not rule out.
    pub(crate) fn over(source: Source, files: &[DataFile]) -> Self {
        let mut scan = Self {
            source,
            files: VecDeque::new(),
            groups: VecDeque::new(),
            ready: VecDeque::new(),
            counters: ReadCounters::default(),
        };
        for file in files {
            match scan.source.filter(&file.stats) {
                Some(_) => scan.files.push_back(file.clone()),
                None => scan.counters.files_skipped += 1,
            }
        }
        scan
    }

    /// What was read so far.
    pub fn counters(&self) -> ReadCounters {
        self.counters
    }

    /// The columns of its batches.
    pub(crate) fn schema(&self) -> Result<SchemaRef> {
        project(&self.source.schema, &self.source.columns)
    }

    fn width() -> usize {
        rayon::current_num_threads().clamp(1, GROUPS_AT_ONCE)
    }

    /// Opens files until enough row groups are known.
    fn open_files(&mut self) -> Result<()> {
        while self.groups.len() < Self::width() && !self.files.is_empty() {
            let count = Self::width().min(self.files.len());
            let files: Vec<DataFile> = self.files.drain(..count).collect();
            let table = &self.source.table;
            let opened: Vec<Result<OpenFile>> =
                files.par_iter().map(|file| OpenFile::open(table, file)).collect();
            for open in opened {
                let open = Arc::new(open?);
                self.counters.files += 1;
                self.counters.bytes += open.tail_bytes();
                for index in 0..open.groups() {
                    match self.source.group_filter(&open, index) {
                        Some(filter) => {
                            self.groups.push_back(Group { open: Arc::clone(&open), index, filter });
                        }
                        None => self.counters.row_groups_skipped += 1,
                    }
                }
            }
        }
        Ok(())
    }

    fn decode_groups(&mut self) -> Result<()> {
        let count = Self::width().min(self.groups.len());
        let groups: Vec<Group> = self.groups.drain(..count).collect();
        let decoded: Vec<Result<Decoded>> =
            groups.into_par_iter().map(|group| self.source.decode(group)).collect();
        for group in decoded {
            let (batches, bytes) = group?;
            self.counters.row_groups += 1;
            self.counters.bytes += bytes;
            self.ready.extend(batches.into_iter().filter(|rows| rows.num_rows() > 0).map(Ok));
        }
        Ok(())
    }

    fn advance(&mut self) -> Result<()> {
        self.open_files()?;
        self.decode_groups()
    }
}

impl Iterator for Scan {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() && !(self.files.is_empty() && self.groups.is_empty()) {
            if let Err(error) = self.advance() {
                self.files.clear();
                self.groups.clear();
                self.ready.push_back(Err(error));
            }
        }
        let next = self.ready.pop_front()?;
        self.counters.rows += next.as_ref().map_or(0, |batch| batch.num_rows() as u64);
        Some(next)
    }
}

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scan").field("counters", &self.counters).finish_non_exhaustive()
    }
}

impl Source {
    fn filter(&self, stats: &crate::stats::FileStats) -> Option<RowFilter> {
        RowFilter::against(&self.read, self.table.def().time.as_deref(), stats)
    }

    /// What is left to check row by row; `None` where no row of the group can match.
    fn group_filter(&self, open: &OpenFile, group: usize) -> Option<RowFilter> {
        let filter = self.filter(&open.group_stats(group))?;
        // A column that the file does not store is null in all its rows.
        let is_stored = filter.columns().all(|name| open.stored().index_of(name).is_ok());
        is_stored.then_some(filter)
    }

    fn decode(&self, group: Group) -> Result<Decoded> {
        let place = || place(&self.table, &group.open.file);
        let decode = || -> Result<Decoded> {
            let (open, filter) = (&group.open, &group.filter);
            let shown = open.mask(self.columns.iter().map(String::as_str));
            let needed = open.mask(filter.columns());
            let pushed = (!filter.is_empty()).then(|| self.push_down(open, filter));
            let pushed = pushed.transpose()?;
            let wanted = (shown, needed);
            let decoder = open.decode(&self.table, group.index, wanted, pushed, BATCH_ROWS)?;
            let target = project(&self.schema, &self.columns)?;
            let batches = decoder.batches.map(|batch| adapt(&batch?, &open.file, &target));
            Ok((batches.collect::<Result<_>>()?, decoder.bytes))
        };
        decode().context(place)
    }

    /// The filter as the Parquet reader takes it: other columns are decoded for matching rows only.
    fn push_down(&self, open: &OpenFile, filter: &RowFilter) -> Result<ParquetFilter> {
        let names: Vec<String> = filter.columns().map(str::to_owned).collect();
        let target = project(&self.schema, &names)?;
        let (file, filter) = (open.file.clone(), filter.clone());
        let outside = |error: Error| ArrowError::ExternalError(Box::new(error));
        let mask = open.mask(names.iter().map(String::as_str));
        let predicate = ArrowPredicateFn::new(mask, move |batch| {
            let rows = adapt(&batch, &file, &target).map_err(outside)?;
            filter.mask(&rows).map_err(outside)
        });
        Ok(ParquetFilter::new(vec![Box::new(predicate)]))
    }
}
