//! Reading a log past a checkpoint that cannot be read, as long as its commits are there.

use std::collections::HashSet;
use std::sync::Arc;

use crate::maintain::LogFiles;
use crate::snapshot::Snapshot;
use crate::{Error, ErrorKind, FileEntry, Result, Table};

mod hiding;

pub(crate) use hiding::Hiding;

/// What to do about it, for the log.
const ADVICE: &str = "rewrite it with `foresite-maintain --step checkpoint`";

/// The files of a log that lead nowhere.
#[derive(Default)]
struct Broken {
    /// Checkpoints that cannot be read, newest first, and why.
    checkpoints: Vec<(u64, FileEntry, String)>,
    /// `_last_checkpoint` names a checkpoint that is not there.
    hint: Option<u64>,
}

impl Table {
    /// The version that `error` hid, read without the checkpoints that cannot be read: from an
    /// older one, or from the commits alone.
    ///
    /// # Errors
    /// `error`, with the path of the checkpoint, where another one is the cause or the commits are
    /// not all there.
    pub(crate) fn fall_back(&self, version: Option<u64>, error: Error) -> Result<Snapshot> {
        if !matches!(error.kind(), ErrorKind::BadData | ErrorKind::Missing) {
            return Err(error);
        }
        // Whatever else is wrong is no better news than the error.
        let Ok((log, broken)) = self.broken(version) else { return Err(error) };
        if log.versioned.is_empty() {
            return Err(Error::new(ErrorKind::Missing, error.to_string()));
        }
        let hidden = broken.checkpoints.iter().map(|(_, file, _)| file.path.clone());
        let hidden: HashSet<String> = hidden.chain([self.hint_path()]).collect();
        if hidden.len() == 1 && broken.hint.is_none() {
            return Err(error);
        }
        let read = || {
            require_commits(&log, version, &broken)?;
            let engine = Arc::new(self.root().engine_without(&hidden)?);
            self.load_through(version, engine)
        };
        match read() {
            Ok(snapshot) => {
                self.warn(&broken);
                Ok(snapshot)
            }
            Err(other) if other.kind().is_retryable() => Err(other),
            Err(_) => Err(match broken.checkpoints.first() {
                Some((_, file, why)) => {
                    Error::new(ErrorKind::BadData, format!("{error}; {}: {why}", file.path))
                }
                None => error,
            }
            .hint("the commits behind the checkpoint are gone; restore it from a backup")),
        }
    }

    /// What is broken of the log up to a version: the checkpoints down to the first that is whole.
    fn broken(&self, version: Option<u64>) -> Result<(LogFiles, Broken)> {
        let log = self.log_files()?;
        let mut broken = Broken::default();
        for (at, file) in log.checkpoints.range(..=version.unwrap_or(u64::MAX)).rev() {
            match self.checkpoint_fault(file)? {
                Some(why) => broken.checkpoints.push((*at, file.clone(), why)),
                None => break,
            }
        }
        let hinted = self.hinted_checkpoint()?;
        broken.hint = hinted.filter(|version| !log.checkpoints.contains_key(version));
        Ok((log, broken))
    }

    fn warn(&self, broken: &Broken) {
        let table = self.def().name.as_str();
        for (_, file, error) in &broken.checkpoints {
            let path = file.path.as_str();
            tracing::warn!(table, path, error, advice = ADVICE, "checkpoint cannot be read");
        }
        if let Some(version) = broken.hint {
            let path = self.hint_path();
            tracing::warn!(table, path, version, advice = ADVICE, "checkpoint is not there");
        }
    }

    /// Where the newest checkpoint is named, relative to the root.
    pub(crate) fn hint_path(&self) -> String {
        format!("{}_last_checkpoint", self.log_folder())
    }

    /// The versions of checkpoints up to a version that cannot be read, down to the first that can.
    pub(crate) fn torn_checkpoints(&self, version: u64) -> Result<Vec<u64>> {
        let (_, broken) = self.broken(Some(version))?;
        Ok(broken.checkpoints.into_iter().map(|(version, ..)| version).collect())
    }
}

/// Fails unless every commit after the newest whole checkpoint is there. The kernel would take a
/// log whose beginning is lost for one that begins there.
fn require_commits(log: &LogFiles, version: Option<u64>, broken: &Broken) -> Result<()> {
    let newest = log.commits.keys().next_back().copied().unwrap_or_default();
    let last = version.unwrap_or(newest);
    let is_whole = |at: &u64| broken.checkpoints.iter().all(|(torn, ..)| torn != at);
    let base = log.checkpoints.range(..=last).rev().map(|(at, _)| *at).find(is_whole);
    let first = base.map_or(0, |base| base + 1);
    let wanted = (last + 1).saturating_sub(first);
    // A checkpoint of a version that is not there says that commits were lost.
    let is_cut = broken.hint.is_some_and(|hint| hint > newest);
    if is_cut || log.commits.range(first..=last).count() as u64 != wanted {
        return Err(Error::new(ErrorKind::BadData, "the commits are not all there"));
    }
    Ok(())
}
