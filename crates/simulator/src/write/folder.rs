//! The two folders; where they lie is the caller's choice.

use std::io;

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

    /// Writes a file of the landing folder that arrived at `arrived`.
    pub(super) fn land(
        &self,
        name: &str,
        bytes: &[u8],
        arrived: Micros,
    ) -> Result<Written, WriteError> {
        self.put(format!("landing/{name}"), bytes, arrived)
    }

    /// Writes a file of the truth.
    pub(super) fn tell(&self, name: &str, bytes: &[u8], at: Micros) -> Result<Written, WriteError> {
        self.put(format!("truth/{name}"), bytes, at)
    }

    /// The time of modification is the simulated arrival: ingest judges by it what was there at its
    /// as-of.
    fn put(&self, path: String, bytes: &[u8], arrived: Micros) -> Result<Written, WriteError> {
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
