//! Reading: which files, which columns, which rows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, RecordBatch, StringArray, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::filter::RowFilter;
use crate::slot::{Micros, Slot};
use crate::snapshot::{DataFile, Snapshot};
use crate::stats::Value;
use crate::{Context as _, Error, ErrorKind, Result, Table, time, versions};

/// Rows per batch that readers get.
const BATCH_ROWS: usize = 65_536;

/// What to read.
#[derive(Debug, Clone, Default)]
pub struct Read {
    columns: Option<Vec<String>>,
    pub(crate) equals: BTreeMap<String, Value>,
    pub(crate) period: Option<(Micros, Micros)>,
    pub(crate) since: BTreeMap<String, Micros>,
    pub(crate) as_of: Option<Micros>,
    version: Option<u64>,
}

impl Read {
    /// Every row and column of the newest version.
    pub fn all() -> Self {
        Self::default()
    }

    /// Only these columns.
    #[must_use]
    pub fn columns<S: AsRef<str>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.columns = Some(columns.into_iter().map(|name| name.as_ref().to_owned()).collect());
        self
    }

    /// Only rows whose time column lies in `[start, end)`.
    #[must_use]
    pub fn period(mut self, start: Micros, end: Micros) -> Self {
        self.period = Some((start, end));
        self
    }

    /// Only rows where the column has this text.
    #[must_use]
    pub fn text(mut self, column: &str, value: &str) -> Self {
        self.equals.insert(column.to_owned(), Value::Text(value.to_owned()));
        self
    }

    /// Only rows where the column has this number (days for a date, microseconds for a time).
    #[must_use]
    pub fn number(mut self, column: &str, value: i64) -> Self {
        self.equals.insert(column.to_owned(), Value::Int(value));
        self
    }

    /// Only rows whose time in `column` is `moment` or later; files that end before are not read.
    #[must_use]
    pub fn since(mut self, column: &str, moment: Micros) -> Self {
        self.since.insert(column.to_owned(), moment);
        self
    }

    /// Only rows with `known_at <= as_of`.
    #[must_use]
    pub fn as_of(mut self, as_of: Micros) -> Self {
        self.as_of = Some(as_of);
        self
    }

    /// That version of the table instead of the newest.
    #[must_use]
    pub fn version(mut self, version: u64) -> Self {
        self.version = Some(version);
        self
    }

    fn slot(&self) -> Slot {
        Slot { equals: self.equals.clone(), period: self.period }
    }

    pub(crate) fn of_slot(slot: &Slot) -> Self {
        Self { equals: slot.equals.clone(), period: slot.period, ..Self::default() }
    }
}

impl Table {
    /// All versions of the rows that `read` asks for, file by file, in bounded memory.
    ///
    /// # Errors
    /// `Usage` for an unknown column; `BadData` for a file that is not what the log says.
    pub fn scan(&self, read: &Read) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<>> {
        let snapshot = self.snapshot(read.version)?;
        let columns = self.wanted(read, &snapshot.schema)?;
        let files = self.files_for(read, &snapshot);
        let (table, read) = (self.clone(), read.clone());
        let schema = Arc::clone(&snapshot.schema);
        Ok(files.into_iter().flat_map(move |file| {
            match table.read_file(&file, &schema, &columns, &read) {
                Ok(batches) => batches.into_iter().map(Ok).collect::<Vec<_>>(),
                Err(error) => vec![Err(error)],
            }
        }))
    }

    /// The rows as they were known: per key the one with the greatest `known_at <= as_of`, without
    /// tombstones, as one batch sorted by key.
    ///
    /// # Errors
    /// As [`Table::scan`].
    pub fn read(&self, read: &Read) -> Result<RecordBatch> {
        let keys = self.version_keys();
        let mut full = read.clone();
        if let Some(columns) = &mut full.columns {
            let more = keys.iter().map(String::as_str).chain(["known_at", "tombstone"]);
            for name in more.filter(|name| self.def().column(name).is_some()) {
                if !columns.iter().any(|have| have == name) {
                    columns.push(name.to_owned());
                }
            }
        }
        let batch = versions::resolve(&self.read_all(&full)?, &keys)?;
        match &read.columns {
            Some(columns) => {
                let indices: Result<Vec<usize>, _> =
                    columns.iter().map(|name| batch.schema().index_of(name)).collect();
                Ok(batch.project(&indices?)?)
            }
            None => Ok(batch),
        }
    }

    /// All versions of the rows as one batch.
    ///
    /// # Errors
    /// As [`Table::scan`].
    pub fn read_all(&self, read: &Read) -> Result<RecordBatch> {
        let snapshot = self.snapshot(read.version)?;
        let columns = self.wanted(read, &snapshot.schema)?;
        let files = self.files_for(read, &snapshot);
        self.read_files(&files, &snapshot.schema, &columns, read)
    }

    pub(crate) fn read_files(
        &self,
        files: &[DataFile],
        schema: &SchemaRef,
        columns: &[String],
        read: &Read,
    ) -> Result<RecordBatch> {
        use rayon::prelude::*;
        let parts: Result<Vec<_>> =
            files.par_iter().map(|file| self.read_file(file, schema, columns, read)).collect();
        let parts: Vec<RecordBatch> = parts?.into_iter().flatten().collect();
        let projected = project(schema, columns)?;
        Ok(arrow::compute::concat_batches(&projected, &parts)?)
    }

    /// The columns to return, checked against the table.
    fn wanted(&self, read: &Read, schema: &Schema) -> Result<Vec<String>> {
        let names: Vec<String> = match &read.columns {
            Some(columns) => columns.clone(),
            None => schema.fields().iter().map(|field| field.name().clone()).collect(),
        };
        for name in names.iter().chain(read.equals.keys()).chain(read.since.keys()) {
            if schema.index_of(name).is_err() {
                let message =
                    format!("column `{name}` of table `{}`: no such column", self.def().name);
                return Err(Error::new(ErrorKind::Usage, message));
            }
        }
        Ok(names)
    }

    fn files_for(&self, read: &Read, snapshot: &Snapshot) -> Vec<DataFile> {
        let time = self.def().time.as_deref();
        let mut files: Vec<DataFile> = snapshot
            .overlapping(&read.slot(), time)
            .into_iter()
            .map(|(file, _)| file.clone())
            .collect();
        files.retain(|file| {
            let ends_before = |(column, moment): (&String, &Micros)| {
                matches!(file.stats.range(column), Some((_, Value::Int(high))) if high < moment)
            };
            !read.since.iter().any(ends_before)
        });
        if let Some(as_of) = read.as_of {
            files.retain(|file| !matches!(file.stats.range("known_at"), Some((Value::Int(low), _)) if *low > as_of));
        }
        files
    }

    fn read_file(
        &self,
        file: &DataFile,
        schema: &SchemaRef,
        columns: &[String],
        read: &Read,
    ) -> Result<Vec<RecordBatch>> {
        let bytes = self.fetch(file)?;
        let relation = read.slot().relation(&file.stats, self.def().time.as_deref());
        let filters = RowFilter::new(self, read, relation);
        let needed: BTreeSet<&str> =
            columns.iter().map(String::as_str).chain(filters.columns()).collect();
        let batches = decode(&bytes, file, schema, &needed)
            .context(|| format!("table `{}`, file {}", self.def().name, file.path))?;
        let projected = project(schema, columns)?;
        let mut rows = Vec::with_capacity(batches.len());
        for batch in batches {
            let kept = filters.apply(batch)?;
            let indices: Result<Vec<usize>, _> =
                columns.iter().map(|name| kept.schema().index_of(name)).collect();
            rows.push(kept.project(&indices?)?.with_schema(Arc::clone(&projected))?);
        }
        Ok(rows)
    }
}

fn project(schema: &Schema, columns: &[String]) -> Result<SchemaRef> {
    let fields: Result<Vec<_>, _> =
        columns.iter().map(|name| schema.field_with_name(name).cloned()).collect();
    Ok(Arc::new(Schema::new(fields?)))
}

/// Decodes the needed columns of a file into the table's schema; a column that the file lacks is
/// null (it was added later) or comes from the partition.
fn decode(
    bytes: &Bytes,
    file: &DataFile,
    schema: &Schema,
    needed: &BTreeSet<&str>,
) -> Result<Vec<RecordBatch>> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes.clone())?;
    let stored: Vec<usize> = (0..builder.schema().fields().len())
        .filter(|&index| needed.contains(builder.schema().field(index).name().as_str()))
        .collect();
    let mask = ProjectionMask::roots(builder.parquet_schema(), stored);
    let reader = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build()?;
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .filter(|field| needed.contains(field.name().as_str()))
        .cloned()
        .collect();
    let target = Arc::new(Schema::new(fields));
    reader.map(|batch| adapt(&batch?, file, &target)).collect()
}

fn adapt(batch: &RecordBatch, file: &DataFile, target: &SchemaRef) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(target.fields().len());
    for field in target.fields() {
        let column = match batch.column_by_name(field.name()) {
            Some(column) if column.data_type() == field.data_type() => Arc::clone(column),
            Some(column) => cast(column, field.data_type())?,
            None => match file.partition.get(field.name()) {
                Some(value) => partition_column(value, field.data_type(), rows)?,
                None => new_null_array(field.data_type(), rows),
            },
        };
        columns.push(column);
    }
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(target), columns, &options)?)
}

fn partition_column(value: &str, data_type: &DataType, rows: usize) -> Result<ArrayRef> {
    if data_type == &DataType::Date32 {
        let days = time::parse_date(value).ok_or_else(|| {
            Error::new(ErrorKind::BadData, format!("partition date `{value}`: not a date"))
        })?;
        return Ok(Arc::new(Date32Array::from_value(days, rows)));
    }
    Ok(cast(&StringArray::from(vec![value; rows]), data_type)?)
}
