//! The two folders; where they lie is the caller's choice.

use std::io;

use super::writer::{Writer, side_by_side};
use super::{WriteError, Written};
use crate::calendar::Micros;

/// A place for files, by paths below it.
pub trait Store: Sync {
    /// Whether the file is there with exactly these bytes.
    ///
    /// # Errors
    /// When that cannot be found out.
    fn holds(&self, path: &str, bytes: &[u8]) -> io::Result<bool>;

    /// Writes a file that appears whole or not at all, with the time of modification `modified`.
    ///
    /// # Errors
    /// When the store refuses.
    fn write(&self, path: &str, bytes: &[u8], modified: Micros) -> io::Result<()>;

    /// How many files are best written side by side; more than one where each write mostly waits.
    fn writes_at_once(&self) -> usize {
        1
    }
}

/// Where the raw files and the truth go.
pub struct Folder<'a> {
    store: Box<dyn Store + 'a>,
    is_stopped: Box<dyn Fn() -> bool + Sync + 'a>,
}

impl<'a> Folder<'a> {
    /// `landing/` and `truth/` on a store.
    pub fn on(store: impl Store + 'a) -> Self {
        Self { store: Box::new(store), is_stopped: Box::new(|| false) }
    }

    /// Fails with [`WriteError::Stopped`] instead of writing once `is_stopped` says so; it is asked
    /// before each file.
    #[must_use]
    pub fn stopping_when(mut self, is_stopped: impl Fn() -> bool + Sync + 'a) -> Self {
        self.is_stopped = Box::new(is_stopped);
        self
    }

    /// Does `work`; the files that it writes stand when this returns.
    pub(super) fn written_by(
        &self,
        work: impl FnOnce(&Writer<'_>) -> Result<Written, WriteError>,
    ) -> Result<Written, WriteError> {
        match self.store.writes_at_once() {
            0 | 1 => work(&Writer::on(self)),
            threads => side_by_side(self, threads, work),
        }
    }

    /// The time of modification is the simulated arrival: ingest judges by it what was there at its
    /// as-of.
    pub(super) fn put(
        &self,
        path: String,
        bytes: &[u8],
        arrived: Micros,
    ) -> Result<Written, WriteError> {
        if (self.is_stopped)() {
            return Err(WriteError::Stopped);
        }
        let done = Written { files: 1, bytes: bytes.len() as u64, unchanged: 0 };
        let written = self.store.holds(&path, bytes).and_then(|is_there| {
            if is_there {
                return Ok(Written { unchanged: 1, ..done });
            }
            self.store.write(&path, bytes, arrived).map(|()| done)
        });
        written.map_err(|source| WriteError::Io { path, source })
    }
}

impl std::fmt::Debug for Folder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Folder").finish_non_exhaustive()
    }
}
