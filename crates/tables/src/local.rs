//! Ranges of local files, read by the thread that decodes them: no hand-over, and no buffer that is
//! zeroed first.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::Path;

use bytes::Bytes;

use crate::{Error, ErrorKind, Result};

/// The bytes of each range.
///
/// # Errors
/// `Missing` for a file that is not there; `BadData` for one that ends before a range does.
pub(crate) fn read_ranges(path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
    let mut file = File::open(path)?;
    ranges.iter().map(|range| read_range(&mut file, range)).collect()
}

fn read_range(file: &mut File, range: &Range<u64>) -> Result<Bytes> {
    let length = range.end.saturating_sub(range.start);
    // A length that does not fit is one that no file has.
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    file.seek(SeekFrom::Start(range.start))?;
    file.take(length).read_to_end(&mut bytes)?;
    match bytes.len() as u64 == length {
        true => Ok(bytes.into()),
        false => {
            let end = range.start + bytes.len() as u64;
            let message = format!("expected bytes up to {}, it ends at {end}", range.end);
            Err(Error::new(ErrorKind::BadData, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"0123456789").unwrap();
        let read = |ranges: &[Range<u64>]| read_ranges(&path, ranges);
        assert_eq!(read(&[7..10, 0..2, 4..4]).unwrap(), ["789", "01", ""].map(Bytes::from));
        assert_eq!(read(&[0..2, 8..11]).unwrap_err().kind(), ErrorKind::BadData);
        assert_eq!(read(&[0..2, 20..21]).unwrap_err().kind(), ErrorKind::BadData);
        let absent = read_ranges(&folder.path().join("absent"), &[0..1, 1..2]);
        assert_eq!(absent.unwrap_err().kind(), ErrorKind::Missing);
    }
}
