//! The newest version of a table, followed commit by commit.
//!
//! A handle remembers the version that it saw last. To see whether that is still the newest, it
//! asks for two files by name: the commit it knows, which must be the same file, and the next one,
//! which must not be there. Nothing is listed, so that a commit costs the same in a long log as in
//! a short one. Commits of others are applied as they are found. Whatever cannot be followed – the
//! log was cleaned up past it, the schema changed, the table was deleted and made again – is read
//! anew from the newest checkpoint.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::future;
use object_store::{ObjectMeta, ObjectStoreExt as _};
use serde_json::Value as Json;

use crate::log;
use crate::maintain::Writing;
use crate::snapshot::Snapshot;
use crate::table::CHECKPOINT_EVERY;
use crate::{ErrorKind, Result, Table};

/// A handle that is further behind reads the log anew: the checkpoints on the way spare it most.
const FOLLOWED_AT_MOST: u64 = 2 * CHECKPOINT_EVERY;

/// What the clones of a handle share.
#[derive(Default)]
pub(crate) struct Known {
    /// The newest version when one was looked for last.
    newest: Mutex<Option<Arc<Snapshot>>>,
    /// The checkpoint that is being written.
    pub(crate) writing: Mutex<Option<Writing>>,
}

impl Known {
    fn newest(&self) -> MutexGuard<'_, Option<Arc<Snapshot>>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// The newest version.
    pub(crate) fn newest(&self) -> Result<Arc<Snapshot>> {
        let mut known = self.known.newest();
        let followed = match known.take() {
            Some(last) => self.follow(last)?,
            None => None,
        };
        let newest = match followed {
            Some(newest) => newest,
            None => Arc::new(self.load_marked()?),
        };
        *known = Some(Arc::clone(&newest));
        Ok(newest)
    }

    /// The newest version as one that was the newest leads to it; `None` where it does not.
    fn follow(&self, mut last: Arc<Snapshot>) -> Result<Option<Arc<Snapshot>>> {
        for _ in 0..FOLLOWED_AT_MOST {
            let (is_same, next) = self.look_past(&last)?;
            match next {
                _ if !is_same => return Ok(None),
                None => return Ok(Some(last)),
                Some((bytes, mark)) => {
                    let Ok(actions) = log::parse(&bytes) else { return Ok(None) };
                    let last_known = Arc::unwrap_or_clone(last);
                    let Some(next) = last_known.after(&actions, Some(mark)) else {
                        return Ok(None);
                    };
                    last = Arc::new(next);
                }
            }
        }
        Ok(None)
    }

    /// Whether the commit of `last` is the file that it was, and the commit after it.
    fn look_past(&self, last: &Snapshot) -> Result<(bool, Option<(Bytes, String)>)> {
        let here = self.location(&log::commit_name(last.version()))?;
        let next = self.location(&log::commit_name(last.version() + 1))?;
        let store = self.root().store();
        let fetch = async {
            let found = store.get(&next).await?;
            let mark = mark_of(&found.meta);
            Ok((found.bytes().await?, mark))
        };
        let both = async { Ok(future::join(store.head(&here), fetch).await) };
        let (here, next): (_, object_store::Result<_>) = self.root().block(both)?;
        let is_same = match here.map_err(crate::Error::from) {
            Ok(meta) => last.mark.as_ref() == Some(&mark_of(&meta)),
            Err(error) if error.kind() == ErrorKind::Missing => false,
            Err(error) => return Err(error),
        };
        match next.map_err(crate::Error::from) {
            Ok(next) => Ok((is_same, Some(next))),
            Err(error) if error.kind() == ErrorKind::Missing => Ok((is_same, None)),
            Err(error) => Err(error),
        }
    }

    /// Reads the newest version from the log, with what tells its commit from others.
    fn load_marked(&self) -> Result<Snapshot> {
        let mut loaded = self.load(None)?;
        let commit = self.location(&log::commit_name(loaded.version()))?;
        // A commit that is not there leaves no mark, and the next look reads the log anew.
        loaded.mark =
            self.root().block(self.root().store().head(&commit)).ok().map(|meta| mark_of(&meta));
        Ok(loaded)
    }

    /// Remembers the version that this handle has just committed.
    pub(crate) fn remember(&self, version: u64, actions: &[Json], mark: Option<String>) {
        let mut known = self.known.newest();
        *known = match known.take() {
            Some(snapshot) if snapshot.version() + 1 == version => {
                Arc::unwrap_or_clone(snapshot).after(actions, mark).map(Arc::new)
            }
            // A thread beside this one looked meanwhile.
            other => other,
        };
    }

    /// What this handle saw last.
    pub(crate) fn remembered(&self) -> Option<Arc<Snapshot>> {
        self.known.newest().clone()
    }

    /// Goes on from a checkpoint that this handle has written of a version.
    pub(crate) fn rebase(&self, kernel: delta_kernel::snapshot::SnapshotRef) {
        let mut known = self.known.newest();
        if let Some(snapshot) = known.take() {
            *known = Some(match snapshot.version() >= kernel.version() {
                true => Arc::new(Arc::unwrap_or_clone(snapshot).based_on(kernel)),
                false => snapshot,
            });
        }
    }
}

/// What a file has that another one of the same name has not.
pub(crate) fn mark_of(meta: &ObjectMeta) -> String {
    let written = || format!("{}-{}", meta.last_modified.timestamp_micros(), meta.size);
    meta.e_tag.clone().unwrap_or_else(written)
}

#[cfg(test)]
mod tests;
