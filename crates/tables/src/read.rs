//! Reading: which files, which columns, which rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};

use crate::scan::{Scan, Source};
use crate::slot::{Micros, Slot};
use crate::snapshot::DataFile;
use crate::stats::Value;
use crate::{Error, ErrorKind, Result, Table, versions};

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

    pub(crate) fn of_slot(slot: &Slot) -> Self {
        Self { equals: slot.equals.clone(), period: slot.period, ..Self::default() }
    }
}

impl Table {
    /// All versions of the rows that `read` asks for, file by file, in bounded memory.
    ///
    /// # Errors
    /// `Usage` for an unknown column; `BadData` for a file that is not what the log says.
    pub fn scan(&self, read: &Read) -> Result<Scan> {
        let snapshot = self.snapshot(read.version)?;
        let columns = self.wanted(read, &snapshot.schema)?;
        let source = self.source(&snapshot.schema, columns, read.clone());
        Ok(Scan::over(source, self.files(&snapshot)?))
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
            let more = keys.iter().map(String::as_str).chain(versions::DECIDING);
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
        collect(self.scan(read)?)
    }

    /// Rows of chosen files as one batch with all columns.
    pub(crate) fn read_files(
        &self,
        files: &[DataFile],
        schema: &SchemaRef,
        read: &Read,
    ) -> Result<RecordBatch> {
        let columns = schema.fields().iter().map(|field| field.name().clone()).collect();
        collect(Scan::over(self.source(schema, columns, read.clone()), files))
    }

    fn source(&self, schema: &SchemaRef, columns: Vec<String>, read: Read) -> Source {
        Source { table: self.clone(), schema: Arc::clone(schema), columns, read }
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
}

fn collect(scan: Scan) -> Result<RecordBatch> {
    let schema = scan.schema()?;
    let batches = scan.collect::<Result<Vec<_>>>()?;
    Ok(arrow::compute::concat_batches(&schema, &batches)?)
}
