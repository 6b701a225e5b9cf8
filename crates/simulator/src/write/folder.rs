//! The two folders, and files that appear whole or not at all.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use super::{WriteError, Written};
use crate::calendar::Micros;

/// Where the raw files and the truth go.
pub struct Folder<'a> {
    landing: PathBuf,
    truth: PathBuf,
    is_stopped: Box<dyn Fn() -> bool + Sync + 'a>,
}

impl<'a> Folder<'a> {
    /// `landing/` and `truth/` below a data root.
    pub fn below(root: &Path) -> Self {
        Self {
            landing: root.join("landing"),
            truth: root.join("truth"),
            is_stopped: Box::new(|| false),
        }
    }

    /// Fails with [`WriteError::Stopped`] instead of writing once `is_stopped` says so; it is asked
    /// before each file.
    #[must_use]
    pub fn stopping_when(mut self, is_stopped: impl Fn() -> bool + Sync + 'a) -> Self {
        self.is_stopped = Box::new(is_stopped);
        self
    }

    /// Writes a file of the landing folder that arrived at `arrived`.
    pub(super) fn land(
        &self,
        name: &str,
        bytes: &[u8],
        arrived: Micros,
    ) -> Result<Written, WriteError> {
        self.put(&self.landing.join(name), bytes, arrived)
    }

    /// Writes a file of the truth.
    pub(super) fn tell(&self, name: &str, bytes: &[u8], at: Micros) -> Result<Written, WriteError> {
        self.put(&self.truth.join(name), bytes, at)
    }

    /// Writes beside and renames, so that a reader sees the whole file or none. The time of
    /// modification is the simulated arrival: ingest judges by it what was there at its as-of.
    fn put(&self, path: &Path, bytes: &[u8], arrived: Micros) -> Result<Written, WriteError> {
        if (self.is_stopped)() {
            return Err(WriteError::Stopped);
        }
        let done = Written { files: 1, bytes: bytes.len() as u64, unchanged: 0 };
        if is_there(path, bytes) {
            return Ok(Written { unchanged: 1, ..done });
        }
        self.replace(path, bytes, arrived)
            .map(|()| done)
            .map_err(|source| WriteError::Io { path: path.display().to_string(), source })
    }

    fn replace(&self, path: &Path, bytes: &[u8], arrived: Micros) -> std::io::Result<()> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut beside = path.as_os_str().to_owned();
        beside.push(".tmp");
        let beside = PathBuf::from(beside);
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        let since = Duration::from_micros(u64::try_from(arrived).unwrap_or(0));
        file.set_modified(UNIX_EPOCH + since)?;
        drop(file);
        fs::rename(&beside, path)
    }
}

impl std::fmt::Debug for Folder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Folder").field("landing", &self.landing).finish_non_exhaustive()
    }
}

fn is_there(path: &Path, bytes: &[u8]) -> bool {
    let same_size = fs::metadata(path).is_ok_and(|found| found.len() == bytes.len() as u64);
    same_size && fs::read(path).is_ok_and(|found| found == bytes)
}
