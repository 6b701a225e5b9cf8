//! Writing data files: rows in the table's order and encoding, one file per partition and slot.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, Date32Array, RecordBatch, new_null_array};
use arrow::compute::{SortColumn, cast, lexsort_to_indices, partition, take_record_batch};
use arrow::datatypes::{DataType, Date32Type, Schema, TimestampMicrosecondType};
use foresite_schema::TableDef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use rayon::prelude::*;

use crate::log::StagedFile;
use crate::stats::stats_json;
use crate::{Error, ErrorKind, Result, sha256_hex, time};

/// Columns that are constant inside a file, so that statistics decide slot membership.
const FILE_CONSTANTS: [&str; 4] = ["date", "source", "bucket", "plan"];

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
fn can_cast(from: &DataType, to: &DataType) -> bool {
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
    Ok(Arc::new(dates))
}

/// A data file in memory, ready to be put.
pub(crate) struct EncodedFile {
    pub(crate) bytes: Vec<u8>,
    pub(crate) staged: StagedFile,
}

/// Cuts conformed rows into files and encodes them.
pub(crate) fn encode(batch: &RecordBatch, def: &TableDef) -> Result<Vec<EncodedFile>> {
    if batch.num_rows() == 0 {
        return Ok(Vec::new());
    }
    let constants: Vec<&str> =
        FILE_CONSTANTS.into_iter().filter(|name| batch.column_by_name(name).is_some()).collect();
    let order = constants.iter().copied().chain(def.sort.iter().map(String::as_str));
    let sort: Vec<SortColumn> = order
        .filter_map(|name| batch.column_by_name(name))
        .map(|values| SortColumn { values: Arc::clone(values), options: None })
        .collect();
    if sort.is_empty() {
        return Ok(vec![encode_file(batch, def)?]);
    }
    let sorted = take_record_batch(batch, &lexsort_to_indices(&sort, None)?)?;
    let cuts: Vec<ArrayRef> =
        constants.iter().filter_map(|name| sorted.column_by_name(name)).cloned().collect();
    if cuts.is_empty() {
        return Ok(vec![encode_file(&sorted, def)?]);
    }
    let ranges = partition(&cuts)?.ranges();
    ranges
        .into_par_iter()
        .map(|range| encode_file(&sorted.slice(range.start, range.len()), def))
        .collect()
}

fn encode_file(rows: &RecordBatch, def: &TableDef) -> Result<EncodedFile> {
    let mut partition = BTreeMap::new();
    let mut stored = rows.clone();
    if def.is_partitioned() {
        let index = stored.schema().index_of("date")?;
        let dates = stored.remove_column(index);
        partition.insert(
            "date".to_owned(),
            time::date_text(dates.as_primitive::<Date32Type>().value(0)),
        );
    }
    let mut writer =
        ArrowWriter::try_new(Vec::new(), stored.schema(), Some(properties(&stored.schema())))?;
    writer.write(&stored)?;
    let bytes = writer.into_inner()?;
    let folder = partition.get("date").map(|date| format!("date={date}/")).unwrap_or_default();
    let staged = StagedFile {
        path: format!("{folder}part-{}.zstd.parquet", uuid::Uuid::now_v7()),
        partition,
        size: bytes.len() as u64,
        rows: rows.num_rows() as u64,
        modified_millis: time::now_millis(),
        stats: stats_json(&stored),
        sha256: sha256_hex(&bytes),
    };
    Ok(EncodedFile { bytes, staged })
}

/// zstd everywhere; floats byte-stream-split without a dictionary: several times faster to write
/// than the writer's default and a fifth smaller.
fn properties(schema: &Schema) -> WriterProperties {
    // unwrap safety: level 1 is within zstd's range
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()));
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
