//! Parquet exports as columns, in the types that they have.

use arrow::array::{ArrayRef, new_empty_array};
use arrow::compute::{cast, concat};
use arrow::datatypes::DataType;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::MappingError;
use super::frame::{Frame, Places};
use crate::Limits;

const BATCH_ROWS: usize = 64 << 10;

/// Reads the columns named in `wanted`, all columns when it is `None`.
pub(super) fn read(
    bytes: Bytes,
    wanted: Option<&[&str]>,
    limits: &Limits,
) -> Result<Frame, MappingError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes)?.with_batch_size(BATCH_ROWS);
    let groups = builder.metadata().row_groups();
    let unpacked: i64 =
        groups.iter().map(parquet::file::metadata::RowGroupMetaData::total_byte_size).sum();
    if usize::try_from(unpacked).is_ok_and(|unpacked| unpacked > limits.max_bytes) {
        return Err(MappingError::TooLarge);
    }
    let schema = builder.schema().clone();
    let roots = schema.fields().iter().enumerate().filter_map(|(index, field)| {
        let is_wanted = wanted.is_none_or(|wanted| wanted.contains(&field.name().as_str()));
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
        Ok((field.name().trim().to_owned(), plain_text(whole)?))
    });
    let columns = columns.collect::<Result<Vec<_>, MappingError>>()?;
    Ok(Frame::new(columns, rows, Places::Numbers))
}

/// One text type for all the ways of storing text.
fn plain_text(column: ArrayRef) -> Result<ArrayRef, MappingError> {
    match column.data_type() {
        DataType::LargeUtf8 | DataType::Utf8View => Ok(cast(&column, &DataType::Utf8)?),
        DataType::Dictionary(_, value) => {
            let value = cast(&column, value)?;
            plain_text(value)
        }
        _ => Ok(column),
    }
}
