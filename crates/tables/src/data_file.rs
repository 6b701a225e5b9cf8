//! One data file: its footer, and its row groups, of which only the needed bytes are fetched.

use std::collections::BTreeMap;
use std::ops::Range as Span;
use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use bytes::Bytes;
use object_store::{GetOptions, GetRange, ObjectStoreExt as _};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowFilter as ParquetFilter,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use crate::chunks::Chunks;
use crate::root::Place;
use crate::snapshot::DataFile;
use crate::stats::{FileStats, Range, Value};
use crate::{Context as _, Error, ErrorKind, Result, Table, local};

/// Bytes fetched with the footer: a small file comes whole with its first request.
const TAIL_BYTES: u64 = 256 << 10;

/// An open data file.
pub(crate) struct OpenFile {
    pub(crate) file: DataFile,
    metadata: ArrowReaderMetadata,
    tail: (u64, Bytes),
}

/// One row group being decoded.
pub(crate) struct Decoder {
    pub(crate) batches: ParquetRecordBatchReader,
    /// Bytes fetched for it beyond those of the footer.
    pub(crate) bytes: u64,
}

impl OpenFile {
    /// Fetches and checks the footer.
    ///
    /// # Errors
    /// `Missing` for a file that is not there; `BadData` for one that is not what the log says.
    pub(crate) fn open(table: &Table, file: &DataFile) -> Result<Self> {
        let open = || -> Result<Self> {
            let mut tail = fetch_tail(table, file, TAIL_BYTES)?;
            let metadata = loop {
                match parse(&tail, file.size) {
                    Ok(metadata) => break metadata,
                    Err(ParquetError::NeedMoreData(needed)) if needed > tail.1.len() => {
                        tail = fetch_tail(table, file, needed as u64)?;
                    }
                    Err(error) => return Err(error.into()),
                }
            };
            check_rows(file, &metadata)?;
            let options = ArrowReaderOptions::new();
            let metadata = ArrowReaderMetadata::try_new(Arc::new(metadata), options)?;
            Ok(Self { file: file.clone(), metadata, tail })
        };
        open().context(|| place(table, file))
    }

    /// Bytes that opening fetched.
    pub(crate) fn tail_bytes(&self) -> u64 {
        self.tail.1.len() as u64
    }

    /// Number of row groups.
    pub(crate) fn groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// The columns that the file stores.
    pub(crate) fn stored(&self) -> &arrow::datatypes::Schema {
        self.metadata.schema()
    }

    /// The stored ones among `columns`, as a projection.
    pub(crate) fn mask<'a>(&self, columns: impl IntoIterator<Item = &'a str>) -> ProjectionMask {
        let roots = columns.into_iter().filter_map(|name| self.stored().index_of(name).ok());
        ProjectionMask::roots(self.metadata.parquet_schema(), roots)
    }

    /// What the footer knows about the rows of a group, the partition's values included.
    pub(crate) fn group_stats(&self, group: usize) -> FileStats {
        let group = self.metadata.metadata().row_group(group);
        let mut ranges = BTreeMap::new();
        for (index, column) in group.columns().iter().enumerate() {
            let path = group.schema_descr().column(index).path().parts().to_vec();
            if let [name] = path.as_slice()
                && let Ok(field) = self.stored().field_with_name(name)
                && let Some(range) =
                    column.statistics().and_then(|found| range(found, field.data_type()))
            {
                ranges.insert(name.clone(), range);
            }
        }
        let rows = u64::try_from(group.num_rows()).unwrap_or_default();
        let mut stats = FileStats::new(rows, ranges);
        for name in self.file.partition.keys() {
            if let Some(value) = self.file.stats.constant(name) {
                stats.set_constant(name, value.clone());
            }
        }
        stats
    }

    /// Fetches the columns of a row group and begins to decode them.
    ///
    /// # Errors
    /// Storage errors; `BadData` for bytes that are no such columns.
    pub(crate) fn decode(
        &self,
        table: &Table,
        group: usize,
        wanted: (ProjectionMask, ProjectionMask),
        filter: Option<ParquetFilter>,
        batch_rows: usize,
    ) -> Result<Decoder> {
        let (shown, mut needed) = wanted;
        needed.union(&shown);
        let spans = spans(self.metadata.metadata().row_group(group), &needed);
        let (chunks, bytes) = self.fetch(table, &spans)?;
        let mut builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, self.metadata.clone())
                .with_row_groups(vec![group])
                .with_projection(shown)
                .with_batch_size(batch_rows);
        if let Some(filter) = filter {
            builder = builder.with_row_filter(filter);
        }
        Ok(Decoder { batches: builder.build()?, bytes })
    }

    fn fetch(&self, table: &Table, spans: &[Span<u64>]) -> Result<(Chunks, u64)> {
        let tail = Chunks::new(self.file.size, [self.tail.clone()]);
        if spans.iter().all(|span| tail.hold(span.start, span.end)) {
            return Ok((tail, 0));
        }
        if let Some(span) = spans.iter().find(|span| span.end > self.file.size) {
            let message = format!("its footer names byte {} of {}", span.end, self.file.size);
            return Err(Error::new(ErrorKind::BadData, message));
        }
        let spans = joined(spans);
        let location = table.location(&self.file.path)?;
        let parts = match table.root().place() {
            Place::Local => local::read_ranges(&table.local_path(&self.file.path)?, &spans)?,
            Place::Hdfs(_) => {
                table.root().block(table.root().store().get_ranges(&location, &spans))?
            }
        };
        let bytes = parts.iter().map(|part| part.len() as u64).sum();
        let parts = spans.iter().map(|span| span.start).zip(parts);
        Ok((Chunks::new(self.file.size, parts), bytes))
    }
}

/// Names a file in errors.
pub(crate) fn place(table: &Table, file: &DataFile) -> String {
    format!("table `{}`, file {}{}", table.def().name, table.url(), file.path)
}

fn parse(tail: &(u64, Bytes), size: u64) -> Result<ParquetMetaData, ParquetError> {
    let mut reader = ParquetMetaDataReader::new();
    reader.try_parse_sized(&tail.1, size)?;
    reader.finish()
}

/// The last bytes of a file and where they begin.
fn fetch_tail(table: &Table, file: &DataFile, length: u64) -> Result<(u64, Bytes)> {
    let start = file.size.saturating_sub(length);
    if file.size == 0 {
        return Err(wrong_size(0, file.size));
    }
    let location = table.location(&file.path)?;
    let store = table.root().store();
    let options =
        GetOptions { range: Some(GetRange::Bounded(start..file.size)), ..GetOptions::default() };
    let got = table.root().block(async {
        let result = store.get_opts(&location, options).await?;
        let size = result.meta.size;
        Ok((size, result.bytes().await?))
    });
    match got {
        Ok((size, _)) if size != file.size => Err(wrong_size(file.size, size)),
        Ok((_, bytes)) => Ok((start, bytes)),
        Err(error) if error.kind() == ErrorKind::Missing => Err(error),
        // A file that ends before the range is refused in as many ways as there are stores.
        Err(error) => match table.root().block(store.head(&location)) {
            Ok(meta) if meta.size != file.size => Err(wrong_size(file.size, meta.size)),
            _ => Err(error),
        },
    }
}

fn wrong_size(expected: u64, got: u64) -> Error {
    Error::new(ErrorKind::BadData, format!("expected {expected} bytes as in the log, got {got}"))
}

fn check_rows(file: &DataFile, metadata: &ParquetMetaData) -> Result<()> {
    let rows = u64::try_from(metadata.file_metadata().num_rows()).unwrap_or_default();
    match file.stats.rows {
        Some(expected) if expected != rows => {
            let message = format!("expected {expected} rows as in the log, got {rows}");
            Err(Error::new(ErrorKind::BadData, message))
        }
        _ => Ok(()),
    }
}

/// Byte ranges of the projected column chunks.
fn spans(group: &RowGroupMetaData, mask: &ProjectionMask) -> Vec<Span<u64>> {
    let needed = group.columns().iter().enumerate().filter(|(leaf, _)| mask.leaf_included(*leaf));
    needed
        .map(|(_, column)| {
            let (start, length) = column.byte_range();
            start..start.saturating_add(length)
        })
        .collect()
}

/// Spans that touch as one: fewer reads, and fewer buffers for the allocator to give back and take
/// again, which had cost a third of a scan.
fn joined(spans: &[Span<u64>]) -> Vec<Span<u64>> {
    let mut sorted = spans.to_vec();
    sorted.sort_by_key(|span| span.start);
    let mut joined: Vec<Span<u64>> = Vec::with_capacity(sorted.len());
    for span in sorted {
        match joined.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => joined.push(span),
        }
    }
    joined
}

/// The range of a column chunk, for the types that slots compare.
fn range(statistics: &Statistics, data_type: &DataType) -> Option<Range> {
    let ints = |low: i64, high: i64| Some((Value::Int(low), Value::Int(high)));
    let (low, high) = match (statistics, data_type) {
        (Statistics::Int32(found), DataType::Int32 | DataType::Date32) => {
            ints((*found.min_opt()?).into(), (*found.max_opt()?).into())
        }
        (
            Statistics::Int64(found),
            DataType::Int64 | DataType::Timestamp(TimeUnit::Microsecond, _),
        ) => ints(*found.min_opt()?, *found.max_opt()?),
        (Statistics::ByteArray(found), DataType::Utf8)
            if found.min_is_exact() && found.max_is_exact() =>
        {
            let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
            let low = text(found.min_opt()?.data())?;
            Some((Value::Text(low), Value::Text(text(found.max_opt()?.data())?)))
        }
        _ => None,
    }?;
    Some(Range { low, high, is_full: statistics.null_count_opt() == Some(0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_that_touch_are_fetched_as_one() {
        assert_eq!(joined(&[20..30, 0..5, 30..31, 5..9]), [0..9, 20..31]);
        assert_eq!(joined(&[0..9, 2..4, 10..12]), [0..9, 10..12]);
        assert_eq!(joined(&[]), []);
    }
}
