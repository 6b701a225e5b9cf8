//! Why a whole file cannot be mapped.

use arrow::error::ArrowError;
use parquet::errors::ParquetError;
use thiserror::Error;

use crate::ReadError;

/// A file that cannot be mapped: nothing of it is used.
#[derive(Debug, Error)]
pub enum MappingError {
    /// The mapping names a column that the file does not have.
    #[error("column `{name}`: not in the file, which has {have}")]
    Column {
        /// The column.
        name: String,
        /// Those that are there.
        have: String,
    },
    /// Two columns have the name that the mapping gives.
    #[error("column `{name}`: stands twice in the file")]
    Twice {
        /// The column.
        name: String,
    },
    /// A constant or a capture that is not among the words of its translation.
    #[error("`{word}` is not among the words of the mapping")]
    Word {
        /// The word.
        word: String,
    },
    /// Keys of a joined file that are not unique.
    #[error("joined file `{path}`: two rows have the same key")]
    JoinKey {
        /// The file.
        path: String,
    },
    /// A column of the target table without which there is no row.
    #[error("column `{column}` of table `{table}`: the mapping gives no value")]
    Required {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// Text that is not in the declared encoding.
    #[error("text: not in the declared encoding at byte {byte}")]
    Encoding {
        /// Where.
        byte: usize,
    },
    /// Quotes left open again and again: not a table.
    #[error("text: too many quotes are left open")]
    OpenQuotes,
    /// Larger than the limits.
    #[error("file: unpacked it is larger than the limit")]
    TooLarge,
    /// The match belongs to another mapping, or joined files are missing.
    #[error("file: was matched by another mapping, or a joined file was not brought along")]
    Foreign,
    /// Damaged compression.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Damaged CSV.
    #[error("csv: {0}")]
    Csv(#[from] csv::Error),
    /// Damaged Parquet.
    #[error("parquet: {0}")]
    Parquet(#[from] ParquetError),
    /// Columns that do not convert.
    #[error("columns: {0}")]
    Arrow(#[from] ArrowError),
}
