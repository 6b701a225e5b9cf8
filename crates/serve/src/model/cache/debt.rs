//! What the copy owes, on disk: that it may hold a model which it should have let go of. A restart
//! that finds no data root has nobody else to ask.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, TryLockError};

use foresite_stage::Result;
use foresite_tables::Root;

use super::{COPY, not_answered};
use crate::in_time::{PATIENCE, in_time};

/// There as long as something is owed, whatever it holds.
const FILE: &str = "owes.txt";
/// What it says to people.
const TEXT: &str = "This copy may hold a model that was revoked, or that no trusted key has \
    signed any more. foresite-serve takes nothing from it until a data root has told what has to \
    go, and removes this file then.\n";

/// The note, written and removed apart from the rest of the copy, which may hang.
#[derive(Debug)]
pub(super) struct Debt {
    root: Root,
    is_owed: AtomicBool,
    /// What is on disk, where that is known.
    noted: Mutex<Option<bool>>,
}

impl Debt {
    /// What an earlier process left behind. Only a file that is not there says that nothing is owed:
    /// one that is damaged, or cannot be looked at, counts.
    pub(super) fn open(folder: &Path, root: &Root) -> Self {
        let found = std::fs::symlink_metadata(folder.join(FILE));
        let is_owed = !found.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
        Self {
            root: root.clone(),
            is_owed: AtomicBool::new(is_owed),
            noted: Mutex::new(Some(is_owed)),
        }
    }

    pub(super) fn is_owed(&self) -> bool {
        self.is_owed.load(Ordering::SeqCst)
    }

    /// Brings the disk up to what is owed now; to be called again where it fails.
    ///
    /// # Errors
    /// Those of storage; `Transient` where it does not answer.
    pub(super) fn note(self: &Arc<Self>, is_owed: bool) -> Result<()> {
        self.is_owed.store(is_owed, Ordering::SeqCst);
        if self.noted.try_lock().is_ok_and(|noted| *noted == Some(is_owed)) {
            return Ok(());
        }
        let debt = Arc::clone(self);
        in_time(COPY, PATIENCE, move || debt.settle())
    }

    /// Follows what is owed, also what changed while storage did not answer.
    fn settle(&self) -> Result<()> {
        let mut noted = match self.noted.try_lock() {
            Ok(noted) => noted,
            Err(TryLockError::Poisoned(noted)) => noted.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(not_answered()),
        };
        loop {
            let is_owed = self.is_owed();
            if *noted == Some(is_owed) {
                return Ok(());
            }
            *noted = None;
            if is_owed {
                self.root.write(FILE, TEXT)?;
            } else {
                self.root.delete(FILE)?;
            }
            *noted = Some(is_owed);
        }
    }
}
