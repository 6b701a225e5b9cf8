//! Something that is read from files, and read again when one of them changes: tokens and
//! certificates are renewed under a running service.
//!
//! Threads of their own look at the files. One that lies on a mount that does not answer holds up
//! such a thread alone: what was read last goes on to count, and the log says so.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, TryLockError, Weak};
use std::time::{Duration, SystemTime};

use foresite_stage::{ErrorKind, Result, StageError};

use crate::in_time::{PATIENCE, in_time};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long files that could not be used, or looked at, are left alone; half of them may still be
/// on their way.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// What the files held when they were last good.
pub(super) struct Watched<T>(Arc<Files<T>>);

/// The files, what they were like, and what they held.
struct Files<T> {
    what: &'static str,
    paths: Vec<PathBuf>,
    read: Box<dyn Fn() -> Result<T> + Send + Sync>,
    current: RwLock<T>,
    /// Empty where they have to be read whatever they are like. Held while they are looked at.
    stamps: Mutex<Vec<Stamp>>,
}

/// Tells one state of a file from the next; a volume of Kubernetes swaps a link above it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp(Option<(SystemTime, u64, u64)>);

impl Stamp {
    fn of(path: &Path) -> Self {
        let file = std::fs::metadata(path).ok();
        Self(file.and_then(|file| Some((file.modified().ok()?, file.len(), file.ino()))))
    }

    fn of_all(paths: &[PathBuf]) -> Vec<Self> {
        paths.iter().map(|path| Self::of(path)).collect()
    }
}

impl<T> std::fmt::Debug for Watched<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watched").field("paths", &self.0.paths).finish_non_exhaustive()
    }
}

impl<T: Clone + Send + Sync + 'static> Watched<T> {
    /// Reads the files for the first time, and looks at them for as long as this value lives.
    ///
    /// # Errors
    /// Those of `read`; `Transient` where storage does not answer.
    pub(super) fn new(
        what: &'static str,
        paths: &[&Path],
        read: impl Fn() -> Result<T> + Send + Sync + 'static,
    ) -> Result<Self> {
        let paths: Vec<PathBuf> = paths.iter().map(|path| (*path).to_owned()).collect();
        let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        let files = in_time(&format!("{what} in {}", names.join(", ")), PATIENCE, move || {
            // Before the files are read: what changes meanwhile is seen by the next look.
            let stamps = Mutex::new(Stamp::of_all(&paths));
            let current = RwLock::new(read()?);
            Ok(Files { what, paths, read: Box::new(read), current, stamps })
        })?;
        let files = Arc::new(files);
        let watched = Arc::downgrade(&files);
        std::thread::Builder::new().name("files".into()).spawn(move || watch(&watched))?;
        Ok(Self(files))
    }

    /// What the files held at the last look; files that cannot be used change nothing.
    pub(super) fn get(&self) -> T {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A look at once.
    #[cfg(test)]
    pub(super) fn look(&self) {
        self.0.look(&mut self.0.stamps.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Looks at the files for as long as somebody uses what they hold. A look that does not come to an
/// end is told once, and so is the next one that does.
fn watch<T: Send + Sync + 'static>(files: &Weak<Files<T>>) {
    let (mut pause, mut is_told) = (LOOK, false);
    loop {
        std::thread::sleep(pause);
        let Some(files) = files.upgrade() else { return };
        let what = files.what;
        match in_time(what, PATIENCE, move || files.look_in_turn()) {
            Ok(next) => {
                if is_told {
                    tracing::info!(what, "they can be looked at again");
                }
                (pause, is_told) = (next, false);
            }
            Err(error) => {
                if !is_told {
                    let hint = error.advice().unwrap_or_default();
                    tracing::error!(hint, "what was read last goes on to count: {}", error.chain());
                }
                (pause, is_told) = (AFTER_FAILURE, true);
            }
        }
    }
}

impl<T> Files<T> {
    /// A look, unless an earlier one has not come to an end yet.
    fn look_in_turn(&self) -> Result<Duration> {
        match self.stamps.try_lock() {
            Ok(mut known) => Ok(self.look(&mut known)),
            // Who panicked has not changed them.
            Err(TryLockError::Poisoned(known)) => Ok(self.look(&mut known.into_inner())),
            Err(TryLockError::WouldBlock) => {
                let text = format!("{}: an earlier look has not come to an end yet", self.what);
                Err(StageError::new(ErrorKind::Transient, text))
            }
        }
    }

    /// Reads the files again where they changed; returns when to look next.
    fn look(&self, known: &mut Vec<Stamp>) -> Duration {
        let stamps = Stamp::of_all(&self.paths);
        if stamps == *known {
            return LOOK;
        }
        match (self.read)() {
            Ok(value) => {
                tracing::info!(what = self.what, "read again");
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = value;
                *known = stamps;
                LOOK
            }
            Err(error) => {
                tracing::warn!(what = self.what, "the old ones stay: {}", error.chain());
                known.clear();
                AFTER_FAILURE
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_look_that_breaks_off_is_not_the_last_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        // At once, as a volume of Kubernetes does.
        let put = |text: &str| {
            let beside = folder.path().join("beside");
            std::fs::write(&beside, text).unwrap();
            std::fs::rename(&beside, &path).unwrap();
        };
        put("first");
        let (own, (tell, told)) = (path.clone(), std::sync::mpsc::channel());
        let read = move || -> Result<String> {
            let text = std::fs::read_to_string(&own)?;
            if text == "a trap" {
                tell.send(()).unwrap();
                panic!("its reader is brought down");
            }
            Ok(text)
        };
        let watched = Watched::new("files", &[path.as_path()], read).unwrap();
        put("a trap");
        let patience = Duration::from_secs(30);
        told.recv_timeout(patience).expect("a look at the trap");
        assert_eq!(watched.get(), "first", "what was read last goes on to count");
        put("the next");
        let begin = Instant::now();
        while watched.get() != "the next" {
            assert!(begin.elapsed() < patience, "nobody looks any more");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
