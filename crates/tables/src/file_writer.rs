//! Encoding one data file: its columns side by side, a row group at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::{Date32Type, SchemaRef};
use bytes::Bytes;
use foresite_schema::TableDef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::errors::Result as ParquetResult;
use parquet::file::writer::SerializedFileWriter;
use rayon::prelude::*;

use crate::encoding::{self, ROW_GROUP_ROWS};
use crate::log::StagedFile;
use crate::stats::Gathered;
use crate::{Result, time};

/// Values that are worth handing to another thread.
const VALUES_A_TASK: usize = 65_536;

/// A data file in memory, ready to be put.
pub(crate) struct EncodedFile {
    pub(crate) bytes: Bytes,
    /// Its sha256 is made while it is put.
    pub(crate) staged: StagedFile,
}

/// Encodes one data file, batch by batch.
pub(crate) struct FileWriter {
    writer: SerializedFileWriter<Vec<u8>>,
    groups: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    open: Option<OpenGroup>,
    partition: BTreeMap<String, String>,
    stats: Gathered,
}

/// The row group that is being filled.
struct OpenGroup {
    columns: Vec<ArrowColumnWriter>,
    rows: usize,
}

impl FileWriter {
    /// A file for rows like these: of one partition and in the table's order.
    pub(crate) fn begin(rows: &RecordBatch, def: &TableDef) -> Result<Self> {
        let mut partition = BTreeMap::new();
        if def.is_partitioned()
            && let Some(dates) = rows.column_by_name("date")
        {
            let date = dates.as_primitive::<Date32Type>().value(0);
            partition.extend(time::date_text(date).map(|text| ("date".to_owned(), text)));
        }
        let stored = stored(rows, def)?;
        let (schema, properties) = (stored.schema(), encoding::properties(&stored));
        let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties))?;
        let (writer, groups) = writer.into_serialized_writer()?;
        Ok(Self { writer, groups, schema, open: None, partition, stats: Gathered::default() })
    }

    /// Adds rows.
    pub(crate) fn write(&mut self, rows: &RecordBatch, def: &TableDef) -> Result<()> {
        let stored = stored(rows, def)?;
        self.stats.add(&stored);
        let mut done = 0;
        while done < stored.num_rows() {
            let mut open = match self.open.take() {
                Some(open) => open,
                None => {
                    let index = self.writer.flushed_row_groups().len();
                    OpenGroup { columns: self.groups.create_column_writers(index)?, rows: 0 }
                }
            };
            let count = (ROW_GROUP_ROWS - open.rows).min(stored.num_rows() - done);
            open.write(&stored.slice(done, count), &self.schema)?;
            done += count;
            match open.rows == ROW_GROUP_ROWS {
                true => self.end_group(open)?,
                false => self.open = Some(open),
            }
        }
        Ok(())
    }

    /// Encoded bytes so far, those of the open row group estimated.
    pub(crate) fn size(&self) -> usize {
        let columns = self.open.iter().flat_map(|open| &open.columns);
        let open: usize = columns.map(ArrowColumnWriter::get_estimated_total_bytes).sum();
        self.writer.bytes_written() + open
    }

    fn end_group(&mut self, open: OpenGroup) -> Result<()> {
        let task = columns_a_task(open.rows);
        let chunks: Vec<ArrowColumnChunk> = open
            .columns
            .into_par_iter()
            .with_min_len(task)
            .map(ArrowColumnWriter::close)
            .collect::<ParquetResult<_>>()?;
        let mut group = self.writer.next_row_group()?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut group)?;
        }
        group.close()?;
        Ok(())
    }

    /// Ends the file.
    pub(crate) fn finish(mut self) -> Result<EncodedFile> {
        if let Some(open) = self.open.take() {
            self.end_group(open)?;
        }
        let bytes = self.writer.into_inner()?;
        let date = self.partition.get("date");
        let folder = date.map(|date| format!("date={date}/")).unwrap_or_default();
        let staged = StagedFile {
            path: format!("{folder}part-{}.zstd.parquet", uuid::Uuid::now_v7()),
            partition: self.partition,
            size: bytes.len() as u64,
            rows: self.stats.rows() as u64,
            modified_millis: time::now_millis(),
            stats: self.stats.to_json(),
            sha256: String::new(),
        };
        Ok(EncodedFile { bytes: bytes.into(), staged })
    }
}

impl OpenGroup {
    fn write(&mut self, rows: &RecordBatch, schema: &SchemaRef) -> Result<()> {
        self.rows += rows.num_rows();
        let fields = schema.fields();
        if self.columns.len() != fields.len() {
            // A structure that another writer added has a leaf for each of its fields.
            let mut writers = self.columns.iter_mut();
            for (field, array) in fields.iter().zip(rows.columns()) {
                for leaf in compute_leaves(field, array)? {
                    writers.next().map_or(Ok(()), |writer| writer.write(&leaf))?;
                }
            }
            return Ok(());
        }
        self.columns
            .par_iter_mut()
            .zip(fields.par_iter().zip(rows.columns()))
            .with_min_len(columns_a_task(rows.num_rows()))
            .try_for_each(|(writer, (field, array))| {
                compute_leaves(field, array)?.iter().try_for_each(|leaf| writer.write(leaf))
            })?;
        Ok(())
    }
}

/// Columns that are encoded one after the other: those of a small file all are.
pub(crate) fn columns_a_task(rows: usize) -> usize {
    VALUES_A_TASK.div_ceil(rows.max(1))
}

/// The rows without the partition column, which lies in the log.
fn stored(rows: &RecordBatch, def: &TableDef) -> Result<RecordBatch> {
    let mut stored = rows.clone();
    if def.is_partitioned() {
        let index = stored.schema().index_of("date")?;
        stored.remove_column(index);
    }
    Ok(stored)
}
