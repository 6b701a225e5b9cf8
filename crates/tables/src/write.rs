//! Writing data files: rows in the table's order and encoding, one file per partition and slot.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, Date32Array, RecordBatch, new_null_array};
use arrow::compute::{
    SortColumn, cast, lexsort_to_indices, max, min, partition, take_record_batch,
};
use arrow::datatypes::{DataType, Date32Type, Schema, TimestampMicrosecondType};
use foresite_schema::TableDef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use rayon::prelude::*;

use crate::log::StagedFile;
use crate::stats::Gathered;
use crate::{Error, ErrorKind, Result, sha256_hex, time};

/// Columns that are constant inside a file, so that statistics decide slot membership.
const FILE_CONSTANTS: [&str; 4] = ["date", "source", "bucket", "plan"];

/// Rows of a row group: what a reader holds of a file at a time.
const ROW_GROUP_ROWS: usize = 131_072;

/// Brings `batch` into the table's columns, order and types: absent nullable columns become null,
/// `date` is computed, unknown columns are an error.
///
/// # Errors
/// `BadData` for a missing required column, an unknown one or one of another type.
pub(crate) fn conform(batch: &RecordBatch, def: &TableDef, schema: &Schema) -> Result<RecordBatch> {
    if let Some(stray) =
        batch.schema().fields().iter().find(|field| schema.index_of(field.name()).is_err())
    {
        return Err(bad_column(def, stray.name(), "unknown", "a column of the table"));
    }
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let array = match batch.column_by_name(field.name()) {
            _ if field.name() == "date" && def.is_partitioned() => dates(batch, def)?,
            Some(array) if array.data_type() == field.data_type() => Arc::clone(array),
            Some(array) if can_cast(array.data_type(), field.data_type()) => {
                cast(array, field.data_type())?
            }
            Some(array) => {
                let got = array.data_type().to_string();
                return Err(bad_column(def, field.name(), &got, &field.data_type().to_string()));
            }
            None if field.is_nullable() => new_null_array(field.data_type(), batch.num_rows()),
            None => {
                return Err(bad_column(def, field.name(), "nothing", "a required column"));
            }
        };
        if !field.is_nullable() && array.null_count() > 0 {
            let got = format!("{} nulls", array.null_count());
            return Err(bad_column(def, field.name(), &got, "none"));
        }
        columns.push(array);
    }
    Ok(RecordBatch::try_new(Arc::new(schema.clone()), columns)?)
}

/// Lossless changes only: a dictionary unpacked, a time zone spelt otherwise, a width extended.
pub(crate) fn can_cast(from: &DataType, to: &DataType) -> bool {
    match (from, to) {
        (DataType::Dictionary(_, value), to) => value.as_ref() == to,
        (DataType::LargeUtf8 | DataType::Utf8View, DataType::Utf8) => true,
        (DataType::Timestamp(..), DataType::Timestamp(..)) => true,
        (DataType::Int32, DataType::Int64 | DataType::Float64) => true,
        (DataType::Float32, DataType::Float64) => true,
        (DataType::List(from), DataType::List(to)) => from.data_type() == to.data_type(),
        _ => false,
    }
}

fn bad_column(def: &TableDef, column: &str, got: &str, expected: &str) -> Error {
    let message =
        format!("column `{column}` of table `{}`: expected {expected}, got {got}", def.name);
    Error::new(ErrorKind::BadData, message)
}

fn dates(batch: &RecordBatch, def: &TableDef) -> Result<ArrayRef> {
    let name = def.time.as_deref().unwrap_or_default();
    let column =
        batch.column_by_name(name).ok_or_else(|| bad_column(def, name, "nothing", "a time"))?;
    let times = column.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(|| {
        bad_column(def, name, &column.data_type().to_string(), "a time in microseconds")
    })?;
    let dates: Date32Array = times.unary::<_, Date32Type>(time::date_of);
    for edge in [min(&dates), max(&dates)].into_iter().flatten() {
        if time::date_text(edge).is_none() {
            return Err(bad_column(def, name, "a time outside them", "years 1 to 9999"));
        }
    }
    Ok(Arc::new(dates))
}

/// Cuts conformed rows into files and encodes them.
pub(crate) fn encode(batch: &RecordBatch, def: &TableDef) -> Result<Vec<EncodedFile>> {
    if batch.num_rows() == 0 {
        return Ok(Vec::new());
    }
    let sort: Vec<SortColumn> = order(def)
        .filter_map(|name| batch.column_by_name(name))
        .map(|values| SortColumn { values: Arc::clone(values), options: None })
        .collect();
    if sort.is_empty() {
        return Ok(vec![encode_file(batch, def)?]);
    }
    let sorted = take_record_batch(batch, &lexsort_to_indices(&sort, None)?)?;
    let cuts: Vec<ArrayRef> =
        FILE_CONSTANTS.iter().filter_map(|name| sorted.column_by_name(name)).cloned().collect();
    if cuts.is_empty() {
        return Ok(vec![encode_file(&sorted, def)?]);
    }
    let ranges = partition(&cuts)?.ranges();
    ranges
        .into_par_iter()
        .map(|range| encode_file(&sorted.slice(range.start, range.len()), def))
        .collect()
}

/// The columns by which the rows of a file are sorted, first the constant ones.
pub(crate) fn order(def: &TableDef) -> impl Iterator<Item = &str> {
    let constants = FILE_CONSTANTS.into_iter().filter(|name| def.column(name).is_some());
    constants.chain(def.sort.iter().map(String::as_str))
}

fn encode_file(rows: &RecordBatch, def: &TableDef) -> Result<EncodedFile> {
    let mut writer = FileWriter::begin(rows, def)?;
    writer.write(rows, def)?;
    writer.finish()
}

/// A data file in memory, ready to be put.
pub(crate) struct EncodedFile {
    pub(crate) bytes: Vec<u8>,
    pub(crate) staged: StagedFile,
}

/// Encodes one data file, batch by batch.
pub(crate) struct FileWriter {
    writer: ArrowWriter<Vec<u8>>,
    partition: BTreeMap<String, String>,
    stats: Gathered,
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
        let schema = stored(rows, def)?.schema();
        let properties = properties(&schema);
        let writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties))?;
        Ok(Self { writer, partition, stats: Gathered::default() })
    }

    /// Adds rows.
    pub(crate) fn write(&mut self, rows: &RecordBatch, def: &TableDef) -> Result<()> {
        let stored = stored(rows, def)?;
        self.stats.add(&stored);
        Ok(self.writer.write(&stored)?)
    }

    /// Encoded bytes so far, those of the open row group estimated.
    pub(crate) fn size(&self) -> usize {
        self.writer.bytes_written() + self.writer.in_progress_size()
    }

    /// Ends the file.
    pub(crate) fn finish(self) -> Result<EncodedFile> {
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
            sha256: sha256_hex(&bytes),
        };
        Ok(EncodedFile { bytes, staged })
    }
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

/// zstd everywhere; floats byte-stream-split without a dictionary: faster to write than the writer's
/// default and smaller where values are many. Of a few hundred values a dictionary is smaller.
fn properties(schema: &Schema) -> WriterProperties {
    // unwrap safety: level 1 is within zstd's range
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS));
    for field in schema.fields() {
        let path = match field.data_type() {
            DataType::Float32 | DataType::Float64 => ColumnPath::from(field.name().as_str()),
            DataType::List(item) if item.data_type() == &DataType::Float64 => {
                ColumnPath::new(vec![field.name().clone(), "list".into(), item.name().clone()])
            }
            _ => continue,
        };
        builder = builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::BYTE_STREAM_SPLIT);
    }
    builder.build()
}
