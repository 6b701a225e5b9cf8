//! Parquet exports as columns, in the types that they have.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, StringArray, new_empty_array};
use arrow::compute::{cast, concat};
use arrow::datatypes::DataType;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;

use super::MappingError;
use super::frame::{Asked, Frame, Places, check_unique, cut};
use crate::Limits;

const BATCH_ROWS: usize = 64 << 10;

/// Reads the columns asked for.
///
/// The decoder of the `parquet` crate panics on some damaged files (a chunk that begins before its
/// file, a page without its dictionary); such a file must cost itself, not the run.
pub(super) fn read(bytes: Bytes, asked: Asked<'_>, limits: &Limits) -> Result<Frame, MappingError> {
    let decoded = catch_unwind(AssertUnwindSafe(|| decode(bytes, asked, limits)));
    decoded.unwrap_or_else(|_| Err(ParquetError::General("the file is damaged".into()).into()))
}

fn decode(bytes: Bytes, asked: Asked<'_>, limits: &Limits) -> Result<Frame, MappingError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes)?.with_batch_size(BATCH_ROWS);
    let groups = builder.metadata().row_groups();
    let unpacked: i64 =
        groups.iter().map(parquet::file::metadata::RowGroupMetaData::total_byte_size).sum();
    if usize::try_from(unpacked).is_ok_and(|unpacked| unpacked > limits.max_bytes) {
        return Err(MappingError::TooLarge);
    }
    let schema = builder.schema().clone();
    if let Some(missing) = asked.required.iter().find(|name| schema.field_with_name(name).is_err())
    {
        let have: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let name = (*missing).to_owned();
        return Err(MappingError::Column { name, have: cut(&have.join(", ")) });
    }
    check_unique(schema.fields().iter().map(|field| field.name().as_str()), asked)?;
    let roots = schema.fields().iter().enumerate().filter_map(|(index, field)| {
        let is_wanted = asked.wanted.is_none_or(|wanted| wanted.contains(&field.name().as_str()));
        (is_wanted && !field.data_type().is_nested()).then_some(index)
    });
    let roots: Vec<usize> = roots.collect();
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots.clone());
    let reader = builder.with_projection(mask).build()?;
    let batches = reader.collect::<Result<Vec<_>, _>>()?;
    let rows = batches.iter().map(arrow::array::RecordBatch::num_rows).sum();
    let columns = roots.iter().enumerate().map(|(position, root)| {
        let field = schema.field(*root);
        let parts: Vec<&dyn arrow::array::Array> =
            batches.iter().map(|batch| batch.column(position).as_ref()).collect();
        let whole = match parts.as_slice() {
            [] => new_empty_array(field.data_type()),
            parts => concat(parts)?,
        };
        Ok((field.name().clone(), plain_text(whole)?))
    });
    let columns = columns.collect::<Result<Vec<_>, MappingError>>()?;
    Ok(Frame::new(columns, rows, Places::Numbers))
}

/// One text type for all the ways of storing text, read like that of CSV files: without blanks
/// around it, and null where nothing is left.
fn plain_text(column: ArrayRef) -> Result<ArrayRef, MappingError> {
    match column.data_type() {
        DataType::Utf8 => {
            let texts = column.as_string::<i32>().iter();
            let trimmed = texts.map(|text| text.map(str::trim).filter(|text| !text.is_empty()));
            Ok(Arc::new(trimmed.collect::<StringArray>()))
        }
        DataType::LargeUtf8 | DataType::Utf8View => plain_text(cast(&column, &DataType::Utf8)?),
        DataType::Dictionary(_, value) => {
            let value = cast(&column, value)?;
            plain_text(value)
        }
        _ => Ok(column),
    }
}
