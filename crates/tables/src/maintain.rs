//! Care of a table: its history, checkpoints, and the files of its log.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::log::version_of;
use crate::slot::Micros;
use crate::snapshot::Snapshot;
use crate::table::{CHECKPOINT_EVERY, HistoryEntry};
use crate::{Context as _, Error, ErrorKind, FileEntry, Result, Table};

mod cleanup;
mod compact;
mod expire;
mod merge;
mod vacuum;

pub use compact::{Compacted, Compaction, CompactionJob};
pub use expire::Expired;
pub use vacuum::Vacuum;

/// The files of a log by version.
#[derive(Debug, Default)]
pub(crate) struct LogFiles {
    pub(crate) commits: BTreeMap<u64, FileEntry>,
    /// Checkpoints of one file, as the kernel writes them.
    pub(crate) checkpoints: BTreeMap<u64, FileEntry>,
    /// Every file that begins with a version, oldest first.
    pub(crate) versioned: Vec<(u64, FileEntry)>,
}

impl LogFiles {
    /// The oldest version that can be read.
    pub(crate) fn oldest(&self) -> Option<u64> {
        match self.commits.first_key_value() {
            Some((0, _)) => Some(0),
            _ => self.checkpoints.keys().next().copied(),
        }
    }
}

impl Table {
    /// The newest `limit` commits that the log still holds, newest first.
    ///
    /// # Errors
    /// Storage errors; `BadData` for a commit that is not JSON.
    pub fn history(&self, limit: usize) -> Result<Vec<HistoryEntry>> {
        let mut entries = Vec::new();
        for (version, file) in self.log_files()?.commits.into_iter().rev().take(limit) {
            let info = self
                .actions(&file)?
                .into_iter()
                .find_map(|mut action| action.get_mut("commitInfo").map(Json::take));
            entries.push(HistoryEntry { version, commit_info: info.unwrap_or_default() });
        }
        Ok(entries)
    }

    /// Writes a checkpoint of the newest version; returns that version.
    ///
    /// # Errors
    /// Storage errors.
    pub fn checkpoint(&self) -> Result<u64> {
        let snapshot = self.kernel()?;
        let write = || -> Result<u64> {
            Ok(snapshot.checkpoint(self.root().engine().as_ref(), None)?.1.version())
        };
        write().context(|| format!("checkpoint table `{}`", self.def().name))
    }

    /// Writes a checkpoint when the commit after `before` was the tenth since the last one. Every
    /// later commit tries again until one succeeds, so a committer that dies here costs readers
    /// one more commit to replay, not ten.
    pub(crate) fn checkpoint_if_due(&self, before: &Snapshot) {
        if before.uncheckpointed() + 1 < CHECKPOINT_EVERY {
            return;
        }
        if let Err(error) = self.checkpoint() {
            // The commit stands; the next one tries again.
            let version = before.version() + 1;
            tracing::warn!(table = self.def().name, version, %error, "cannot write checkpoint");
        }
    }

    /// The version that was in force at a time by the store's clock, or the oldest that can still
    /// be read.
    ///
    /// # Errors
    /// `Missing` for a log without commits; storage errors.
    pub fn version_at(&self, time: Micros) -> Result<u64> {
        let log = self.log_files()?;
        let by_then = log.commits.iter().rev().find(|(_, file)| file.modified <= time);
        let version = by_then.map(|(version, _)| *version).max(log.oldest());
        version.ok_or_else(|| {
            let message = format!("table `{}` at {}: no commit", self.def().name, self.url());
            Error::new(ErrorKind::Missing, message)
        })
    }

    /// The files directly in the log folder.
    pub(crate) fn log_files(&self) -> Result<LogFiles> {
        let folder = self.log_folder();
        let mut log = LogFiles::default();
        for file in self.root().list(&folder)? {
            let Some(name) = file.path.strip_prefix(&folder) else { continue };
            let Some((version, rest)) = version_of(name).filter(|_| !name.contains('/')) else {
                continue;
            };
            match rest {
                ".json" => drop(log.commits.insert(version, file.clone())),
                ".checkpoint.parquet" => drop(log.checkpoints.insert(version, file.clone())),
                _ => {}
            }
            log.versioned.push((version, file));
        }
        log.versioned.sort_by_key(|(version, _)| *version);
        Ok(log)
    }

    /// The log's folder relative to the root, ending in `/`.
    pub(crate) fn log_folder(&self) -> String {
        format!("tables/{}/_delta_log/", self.def().name)
    }

    /// The actions of a commit file, one a line.
    pub(crate) fn actions(&self, file: &FileEntry) -> Result<Vec<Json>> {
        let bytes = self.root().read(&file.path)?;
        let lines = (1..).zip(bytes.split(|byte| *byte == b'\n'));
        let lines = lines.filter(|(_, line)| !line.is_empty());
        lines
            .map(|(number, line)| {
                let action = serde_json::from_slice(line);
                action.context(|| format!("{} line {number}", file.path))
            })
            .collect()
    }
}
