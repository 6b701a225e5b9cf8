//! Compaction: many small files become one, with the same rows in the table's order.
//!
//! Slots are judged by columns and statistics, so a later replacement of one hour rewrites the
//! compacted day without that hour's rows. The `txn` of every slot stays: reruns are unchanged.

use std::collections::BTreeMap;

use serde_json::json;

use crate::log::{self, Change, StagedFile};
use crate::snapshot::{DataFile, Snapshot};
use crate::stats::Value;
use crate::succession::Since;
use crate::table::COMMIT_ATTEMPTS;
use crate::{Error, ErrorKind, Result, Table};

use super::merge::Merge;

/// The columns whose values are never mixed in one file, where a table has them.
const GROUPED_BY: [&str; 4] = ["date", "source", "bucket", "sample_set_id"];

/// Which files are worth it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compaction {
    /// Days from this one on (days since the epoch, UTC) are still being written.
    pub closed_before: i32,
    /// Larger files are left alone.
    pub small_bytes: u64,
    /// About the size of the files to make, and the most that is merged at a time: the memory of a
    /// compaction is a small multiple of it.
    pub target_bytes: u64,
    /// Fewer files are left alone.
    pub min_files: usize,
}

/// Files that become one.
#[derive(Debug, Clone)]
pub struct CompactionJob {
    files: Vec<DataFile>,
    target_bytes: u64,
}

/// What a compaction did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compacted {
    /// The version with the new files; `None` when there was nothing to do.
    pub version: Option<u64>,
    /// Files taken away.
    pub files_before: u64,
    /// Files made.
    pub files_after: u64,
    /// Rows in them.
    pub rows: u64,
}

impl CompactionJob {
    /// Number of files.
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// Their size.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }
}

impl Table {
    /// The compactions that the newest version could use, in the order of their days.
    ///
    /// # Errors
    /// Storage errors.
    pub fn compactions(&self, wanted: &Compaction) -> Result<Vec<CompactionJob>> {
        let snapshot = self.snapshot(None)?;
        let mut groups: BTreeMap<Vec<Value>, Vec<DataFile>> = BTreeMap::new();
        for file in self.files(&snapshot)?.iter().filter(|file| file.size < wanted.small_bytes) {
            if let Some(group) = group_of(file, &snapshot, wanted.closed_before) {
                groups.entry(group).or_default().push(file.clone());
            }
        }
        let bins = groups.into_values().flat_map(|files| bins(files, wanted.target_bytes));
        let jobs = bins.filter(|files| files.len() >= wanted.min_files.max(2));
        let target_bytes = wanted.target_bytes;
        Ok(jobs.map(|files| CompactionJob { files, target_bytes }).collect())
    }

    /// Merges the files of each job and publishes all of them in one commit.
    ///
    /// # Errors
    /// `Conflict` when another writer replaced one of the files meanwhile: nothing changes then.
    /// `BadData` for a file that is not what the log says; storage errors.
    pub fn compact(&self, jobs: &[CompactionJob]) -> Result<Compacted> {
        let since = Since::now();
        let mut snapshot = self.snapshot_to_extend()?;
        let gone: Vec<&DataFile> = jobs.iter().flat_map(|job| &job.files).collect();
        let mut staged = Vec::new();
        for job in jobs {
            self.require_live(&job.files, &snapshot)?;
            staged.extend(self.merged(job, &snapshot)?);
        }
        let mut done = Compacted {
            version: None,
            files_before: gone.len() as u64,
            files_after: staged.len() as u64,
            rows: staged.iter().map(StagedFile::rows).sum(),
        };
        if gone.is_empty() {
            return Ok(done);
        }
        let note = json!({"files": gone.len()});
        let mut actions = vec![log::commit_info("OPTIMIZE", "Compaction", &note)];
        actions.extend(gone.iter().map(|file| log::remove(file, Change::Layout)));
        actions.extend(staged.iter().map(|file| file.add(Change::Layout)));
        for attempt in 0..COMMIT_ATTEMPTS {
            done.version = self.publish_staged(snapshot, &actions, &staged, since)?;
            if done.version.is_some() {
                return Ok(done);
            }
            self.back_off(attempt);
            snapshot = self.snapshot_to_extend()?;
            for job in jobs {
                self.require_live(&job.files, &snapshot)?;
            }
        }
        Err(self.conflict("too many other writers"))
    }

    fn merged(&self, job: &CompactionJob, snapshot: &Snapshot) -> Result<Vec<StagedFile>> {
        let staged = Merge::new(self, snapshot, &job.files)?.write(self, job.target_bytes)?;
        let written: u64 = staged.iter().map(StagedFile::rows).sum();
        let expected: u64 = job.files.iter().filter_map(|file| file.stats.rows).sum();
        if written != expected {
            let name = &self.def().name;
            let message =
                format!("compact table `{name}`: expected {expected} rows, got {written}");
            return Err(Error::new(ErrorKind::BadData, message));
        }
        Ok(staged)
    }

    fn require_live(&self, files: &[DataFile], snapshot: &Snapshot) -> Result<()> {
        // The files of a snapshot are sorted by path.
        let live_files = self.files(snapshot)?;
        let is_live = |file: &&DataFile| {
            live_files.binary_search_by(|live| live.path.cmp(&file.path)).is_ok()
        };
        match files.iter().find(|file| !is_live(file)) {
            None => Ok(()),
            Some(file) => {
                Err(self.conflict(&format!("{} was replaced by another writer", file.path)))
            }
        }
    }
}

/// What the rows of a file have in common; `None` for a file that must stay as it is: a day that
/// is not closed, or statistics that do not tell.
fn group_of(file: &DataFile, snapshot: &Snapshot, closed_before: i32) -> Option<Vec<Value>> {
    file.stats.rows?;
    let mut group = Vec::new();
    for name in GROUPED_BY {
        if snapshot.schema.index_of(name).is_err() {
            continue;
        }
        let value = file.stats.constant(name)?;
        if name == "date" && !matches!(value, Value::Int(day) if *day < i64::from(closed_before)) {
            return None;
        }
        group.push(value.clone());
    }
    Some(group)
}

/// Cuts files into runs of at most `most` bytes.
fn bins(files: Vec<DataFile>, most: u64) -> Vec<Vec<DataFile>> {
    let mut bins: Vec<Vec<DataFile>> = Vec::new();
    let mut size = 0_u64;
    for file in files {
        size = size.saturating_add(file.size);
        match bins.last_mut() {
            Some(bin) if size <= most => bin.push(file),
            _ => {
                size = file.size;
                bins.push(vec![file]);
            }
        }
    }
    bins
}
