//! Files on their way into a folder, several side by side where the store mostly waits.
//!
//! What is computed and what is written are apart: as many threads compute as there are cores, and
//! more of them write. A queue of as many files as there are writing threads bounds what is held.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::{Folder, WriteError, Written};
use crate::calendar::Micros;

/// Larger files are written by the thread that made them, so that few of them are held.
const QUEUED_BYTES: usize = 1 << 20;

/// Takes the files for a folder.
pub(super) struct Writer<'a> {
    folder: &'a Folder<'a>,
    queue: Option<Queue<'a>>,
}

/// Files that wait for a thread.
struct Queue<'a> {
    files: SyncSender<File>,
    results: &'a Results,
}

struct File {
    path: String,
    bytes: Vec<u8>,
    arrived: Micros,
}

/// What became of the files of a queue.
#[derive(Default)]
struct Results {
    unchanged: AtomicU64,
    /// The first that failed; nothing is written after it.
    failure: Mutex<Option<WriteError>>,
}

impl<'a> Writer<'a> {
    /// One that writes each file before the next.
    pub(super) fn on(folder: &'a Folder<'a>) -> Self {
        Self { folder, queue: None }
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

    fn put(&self, path: String, bytes: &[u8], arrived: Micros) -> Result<Written, WriteError> {
        match &self.queue {
            Some(queue) if bytes.len() <= QUEUED_BYTES => {
                queue.push(File { path, bytes: bytes.to_vec(), arrived })
            }
            _ => self.folder.put(path, bytes, arrived),
        }
    }
}

impl Queue<'_> {
    /// Waits while the queue is full. Whether the file stood there already is told at the end.
    fn push(&self, file: File) -> Result<Written, WriteError> {
        let pushed = Written { files: 1, bytes: file.bytes.len() as u64, unchanged: 0 };
        // The failure itself is told at the end, too.
        if self.results.has_failed() || self.files.send(file).is_err() {
            return Err(WriteError::Stopped);
        }
        Ok(pushed)
    }
}

/// Does `work` while `threads` write the files that it puts.
pub(super) fn side_by_side(
    folder: &Folder<'_>,
    threads: usize,
    work: impl FnOnce(&Writer<'_>) -> Result<Written, WriteError>,
) -> Result<Written, WriteError> {
    let (files, waiting) = sync_channel(threads);
    let waiting = Arc::new(Mutex::new(waiting));
    let results = Results::default();
    let done = thread::scope(|scope| {
        for _ in 0..threads {
            let waiting = Arc::clone(&waiting);
            scope.spawn(|| results.write_all(folder, waiting));
        }
        // Threads alone hold the other end: without them nobody waits for room in the queue.
        drop(waiting);
        // The threads end with the queue, and the queue with the writer.
        work(&Writer { folder, queue: Some(Queue { files, results: &results }) })
    });
    results.complete(done)
}

impl Results {
    fn write_all(&self, folder: &Folder<'_>, waiting: Arc<Mutex<Receiver<File>>>) {
        let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        while let Ok(file) = next() {
            if self.has_failed() {
                continue;
            }
            match folder.put(file.path, &file.bytes, file.arrived) {
                Ok(written) => drop(self.unchanged.fetch_add(written.unchanged, Ordering::Relaxed)),
                Err(failure) => self.fail(failure),
            }
        }
    }

    fn has_failed(&self) -> bool {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn fail(&self, failure: WriteError) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
    }

    fn complete(self, done: Result<Written, WriteError>) -> Result<Written, WriteError> {
        if let Some(failure) = self.failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(failure);
        }
        let mut written = done?;
        written.unchanged += self.unchanged.into_inner();
        Ok(written)
    }
}
