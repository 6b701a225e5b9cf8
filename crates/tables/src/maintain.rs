//! Care of a table: its history, checkpoints, and the files of its log.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::log::{self, version_of};
use crate::slot::Micros;
use crate::table::HistoryEntry;
use crate::{Error, ErrorKind, FileEntry, Result, Table};

mod checkpoint;
mod cleanup;
mod compact;
mod expire;
mod merge;
mod vacuum;

pub(crate) use checkpoint::Writing;
pub use compact::{Compacted, Compaction, CompactionJob};
pub use expire::{Expired, HeldDays, RETENTION, Volume};
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
        let newest = self.log_files()?.commits.into_iter().rev().take(limit);
        newest.map(|(version, file)| self.history_entry(version, &file)).collect()
    }

    /// The commits that the log still holds and that were written at a time or later, by the store's
    /// clock; oldest first, each read when it is asked for.
    ///
    /// # Errors
    /// As [`Table::history`].
    pub fn history_since(
        &self,
        time: Micros,
    ) -> Result<impl Iterator<Item = Result<HistoryEntry>>> {
        let commits = self.log_files()?.commits.into_iter();
        let later = commits.filter(move |(_, file)| file.modified >= time);
        Ok(later.map(move |(version, file)| self.history_entry(version, &file)))
    }

    /// Since when the log holds every commit, by the store's clock; `None` = since the table was
    /// made.
    ///
    /// # Errors
    /// Storage errors.
    pub fn history_begins(&self) -> Result<Option<Micros>> {
        let log = self.log_files()?;
        if log.oldest() == Some(0) {
            return Ok(None);
        }
        let oldest = log.commits.values().next().or_else(|| log.checkpoints.values().next());
        Ok(oldest.map(|file| file.modified))
    }

    fn history_entry(&self, version: u64, file: &FileEntry) -> Result<HistoryEntry> {
        let mut actions = self.actions(file)?.into_iter();
        let info = actions.find_map(|mut action| action.get_mut("commitInfo").map(Json::take));
        Ok(HistoryEntry { version, commit_info: info.unwrap_or_default() })
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
        log::parse(&bytes).map_err(|(line, error)| {
            Error::from(error).while_doing(format!("{} line {line}", file.path))
        })
    }
}
