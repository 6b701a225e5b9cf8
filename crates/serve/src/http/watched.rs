//! Something that is read from files, and read again when one of them changes: tokens and
//! certificates are renewed under a running service.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use foresite_stage::Result;

/// The files are looked at no more often than that.
const LOOK: Duration = Duration::from_secs(1);
/// How long files that could not be used are left alone; half of them may still be on their way.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// What the files held when they were last good.
#[derive(Debug)]
pub(super) struct Watched<T> {
    what: &'static str,
    paths: Vec<PathBuf>,
    current: RwLock<T>,
    looked: Mutex<Looked>,
}

/// When the files are looked at again, and what they were like.
#[derive(Debug)]
struct Looked {
    next: Instant,
    /// Empty where they have to be read whatever they are like.
    stamps: Vec<Stamp>,
}

/// Tells one state of a file from the next; a volume of Kubernetes swaps a link above it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp(Option<(SystemTime, u64, u64)>);

impl Stamp {
    fn of(path: &Path) -> Self {
        let file = std::fs::metadata(path).ok();
        Self(file.and_then(|file| Some((file.modified().ok()?, file.len(), file.ino()))))
    }
}

impl<T: Clone> Watched<T> {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// Those of `read`.
    pub(super) fn new(
        what: &'static str,
        paths: &[&Path],
        read: impl FnOnce() -> Result<T>,
    ) -> Result<Self> {
        let paths: Vec<PathBuf> = paths.iter().map(|path| (*path).to_owned()).collect();
        // Before the files are read: what changes meanwhile is seen by the next look.
        let stamps = paths.iter().map(|path| Stamp::of(path)).collect();
        let current = RwLock::new(read()?);
        let looked = Mutex::new(Looked { next: Instant::now() + LOOK, stamps });
        Ok(Self { what, paths, current, looked })
    }

    /// What the files hold now; files that cannot be used change nothing.
    pub(super) fn get(&self, read: impl FnOnce() -> Result<T>) -> T {
        // One caller a second finds out; the others go on with what there is.
        if let Ok(mut looked) = self.looked.try_lock()
            && looked.next <= Instant::now()
        {
            self.look(&mut looked, read);
        }
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn look(&self, looked: &mut Looked, read: impl FnOnce() -> Result<T>) {
        let stamps: Vec<Stamp> = self.paths.iter().map(|path| Stamp::of(path)).collect();
        looked.next = Instant::now() + LOOK;
        if stamps == looked.stamps {
            return;
        }
        match read() {
            Ok(value) => {
                tracing::info!(what = self.what, "read again");
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = value;
                looked.stamps = stamps;
            }
            Err(error) => {
                tracing::warn!(what = self.what, "the old ones stay: {}", error.chain());
                *looked = Looked { next: Instant::now() + AFTER_FAILURE, stamps: Vec::new() };
            }
        }
    }

    /// As if a second had gone by.
    #[cfg(test)]
    pub(super) fn expire(&self) {
        self.looked.lock().unwrap().next = Instant::now();
    }
}
