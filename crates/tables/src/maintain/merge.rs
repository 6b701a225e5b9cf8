//! Merging sorted files into one, batch by batch.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::row::{OwnedRow, RowConverter, Rows, SortField};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use crate::columns::adapt;
use crate::data_file::{OpenFile, place};
use crate::log::StagedFile;
use crate::snapshot::{DataFile, Snapshot};
use crate::write::{self, FileWriter};
use crate::{Context as _, Result, Table};

/// Rows decoded of each file at a time.
const ROWS_AHEAD: usize = 8192;

/// Rows written at a time.
const ROWS_OUT: usize = 65_536;

/// A file's sorted rows with a place among them. `None` sorts all rows as equal: they stay in the
/// order of their files.
struct Cursor<'a> {
    table: &'a Table,
    open: OpenFile,
    schema: SchemaRef,
    group: usize,
    decoder: Option<ParquetRecordBatchReader>,
    keys: Option<Rows>,
    /// Index of its batch among those that are held.
    batch: usize,
    row: usize,
    rows: usize,
}

/// The rows of several files in the table's order.
pub(super) struct Merge<'a> {
    cursors: Vec<Cursor<'a>>,
    order: Vec<usize>,
    converter: Option<RowConverter>,
    heap: BinaryHeap<Reverse<(Option<OwnedRow>, usize)>>,
    held: Vec<RecordBatch>,
}

impl<'a> Merge<'a> {
    pub(super) fn new(table: &'a Table, snapshot: &Snapshot, files: &[DataFile]) -> Result<Self> {
        let schema = &snapshot.schema;
        let order: Vec<usize> =
            write::order(table.def()).filter_map(|name| schema.index_of(name).ok()).collect();
        let fields = order.iter().map(|&at| SortField::new(schema.field(at).data_type().clone()));
        let converter = match order.is_empty() {
            true => None,
            false => Some(RowConverter::new(fields.collect())?),
        };
        let mut merge = Self {
            cursors: Vec::new(),
            order,
            converter,
            heap: BinaryHeap::new(),
            held: Vec::new(),
        };
        for file in files {
            merge.cursors.push(Cursor {
                table,
                open: OpenFile::open(table, file)?,
                schema: Arc::clone(schema),
                group: 0,
                decoder: None,
                keys: None,
                batch: 0,
                row: 0,
                rows: 0,
            });
            merge.load(merge.cursors.len() - 1)?;
        }
        Ok(merge)
    }

    /// Writes everything to files of about `target` bytes; nobody sees them yet.
    pub(super) fn write(mut self, table: &Table, target: u64) -> Result<Vec<StagedFile>> {
        let mut staged = Vec::new();
        let mut writer: Option<FileWriter> = None;
        while let Some(rows) = self.next_rows()? {
            let open = match writer.take() {
                Some(open) => open,
                None => FileWriter::begin(&rows, table.def())?,
            };
            let open = writer.insert(open);
            open.write(&rows, table.def())?;
            if open.size() as u64 >= target
                && let Some(full) = writer.take()
            {
                staged.extend(table.put_files(vec![full.finish()?])?);
            }
        }
        if let Some(last) = writer {
            staged.extend(table.put_files(vec![last.finish()?])?);
        }
        Ok(staged)
    }

    fn next_rows(&mut self) -> Result<Option<RecordBatch>> {
        let mut picks: Vec<(usize, usize)> = Vec::with_capacity(ROWS_OUT);
        while picks.len() < ROWS_OUT
            && let Some(Reverse((_, at))) = self.heap.pop()
        {
            let cursor = &mut self.cursors[at]; // unwrap safety: the heap holds indices of cursors
            picks.push((cursor.batch, cursor.row));
            cursor.row += 1;
            match cursor.row < cursor.rows {
                true => self.enter(at),
                false => self.load(at)?,
            }
        }
        if picks.is_empty() {
            return Ok(None);
        }
        let rows = interleave_record_batch(&self.held.iter().collect::<Vec<_>>(), &picks)?;
        self.let_go();
        Ok(Some(rows))
    }

    /// Puts the current row of a cursor among the candidates.
    fn enter(&mut self, at: usize) {
        let cursor = &self.cursors[at]; // unwrap safety: callers pass indices of cursors
        let key = cursor.keys.as_ref().map(|keys| keys.row(cursor.row).owned());
        self.heap.push(Reverse((key, at)));
    }

    /// Loads the next batch of a cursor, if it has one.
    fn load(&mut self, at: usize) -> Result<()> {
        let cursor = &mut self.cursors[at]; // unwrap safety: callers pass indices of cursors
        let Some(batch) = cursor.next_batch()? else {
            cursor.rows = 0;
            return Ok(());
        };
        let keys: Vec<_> = self.order.iter().map(|&column| batch.column(column).clone()).collect();
        let convert = |converter: &RowConverter| converter.convert_columns(&keys);
        cursor.keys = self.converter.as_ref().map(convert).transpose()?;
        (cursor.batch, cursor.row, cursor.rows) = (self.held.len(), 0, batch.num_rows());
        self.held.push(batch);
        self.enter(at);
        Ok(())
    }

    /// Forgets the batches that no cursor is in.
    fn let_go(&mut self) {
        let mut kept = Vec::with_capacity(self.cursors.len());
        for cursor in self.cursors.iter_mut().filter(|cursor| cursor.row < cursor.rows) {
            kept.extend(self.held.get(cursor.batch).cloned());
            cursor.batch = kept.len() - 1;
        }
        self.held = kept;
    }
}

impl Cursor<'_> {
    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        let table = self.table;
        self.decode_next().context(|| place(table, &self.open.file))
    }

    fn decode_next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.decoder.as_mut().and_then(Iterator::next) {
                let rows = adapt(&batch?, &self.open.file, &self.schema)?;
                if rows.num_rows() > 0 {
                    return Ok(Some(rows));
                }
                continue;
            }
            if self.group == self.open.groups() {
                return Ok(None);
            }
            let names = self.schema.fields().iter().map(|field| field.name().as_str());
            let all = self.open.mask(names);
            let wanted = (all.clone(), all);
            let decoder = self.open.decode(self.table, self.group, wanted, None, ROWS_AHEAD)?;
            self.decoder = Some(decoder.batches);
            self.group += 1;
        }
    }
}
