//! Parts of a Parquet file in memory, which the decoder takes for the whole file.

use std::sync::Arc;

use bytes::buf::Reader;
use bytes::{Buf as _, Bytes};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// Fetched ranges of a file of `size` bytes.
#[derive(Debug, Clone)]
pub(crate) struct Chunks {
    size: u64,
    parts: Arc<[(u64, Bytes)]>,
}

impl Chunks {
    /// Parts with the offsets at which they begin.
    pub(crate) fn new(size: u64, parts: impl IntoIterator<Item = (u64, Bytes)>) -> Self {
        Self { size, parts: parts.into_iter().collect() }
    }

    /// Whether `[start, end)` is in memory.
    pub(crate) fn hold(&self, start: u64, end: u64) -> bool {
        self.parts
            .iter()
            .any(|(offset, bytes)| *offset <= start && end <= offset + bytes.len() as u64)
    }

    fn from(&self, start: u64) -> Result<Bytes> {
        let within = |(offset, bytes): &&(u64, Bytes)| {
            *offset <= start && start < offset + bytes.len() as u64
        };
        match self.parts.iter().find(within) {
            Some((offset, bytes)) => Ok(bytes.slice((start - offset) as usize..)),
            None => {
                Err(ParquetError::EOF(format!("offset {start} lies outside the column chunks")))
            }
        }
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.size
    }
}

impl ChunkReader for Chunks {
    type T = Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(self.from(start)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let mut bytes = self.from(start)?;
        if bytes.len() < length {
            let message = format!("{length} bytes at offset {start} reach over a column chunk");
            return Err(ParquetError::EOF(message));
        }
        Ok(bytes.split_to(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fetched_ranges_can_be_read() {
        let parts = [(10, "abcd"), (14, "ef"), (20, "xy")];
        let chunks = Chunks::new(30, parts.map(|(offset, text)| (offset, Bytes::from(text))));
        assert_eq!(chunks.get_bytes(11, 2).unwrap().as_ref(), b"bc");
        assert_eq!(chunks.get_bytes(20, 2).unwrap().as_ref(), b"xy");
        assert_eq!(chunks.get_bytes(14, 1).unwrap().as_ref(), b"e", "the part that begins there");
        assert!(chunks.get_bytes(12, 5).is_err());
        assert!(chunks.get_read(17).is_err());
        assert!(chunks.hold(10, 14) && !chunks.hold(10, 15) && !chunks.hold(9, 11));
        assert_eq!(chunks.len(), 30);
    }
}
