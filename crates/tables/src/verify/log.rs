//! Verification of a log: contiguous versions, commits that can be parsed, checkpoints that can be
//! read.

use std::collections::BTreeSet;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value as Json;

use crate::maintain::LogFiles;
use crate::snapshot::Snapshot;
use crate::{FileEntry, Result, Table};

use super::{Fault, Unreadable};

impl Table {
    /// Faults of the log.
    ///
    /// # Errors
    /// Only where the store cannot be asked.
    pub(super) fn verify_log(&self, unreadable: &mut Unreadable) -> Result<Vec<Fault>> {
        let log = self.log_files()?;
        let folder = self.log_folder();
        let mut faults = holes(&log, &folder);
        for (version, file) in &log.commits {
            if let Some(what) = unreadable.fault_in(self.commit_fault(*version, file))? {
                faults.push(Fault { path: file.path.clone(), what });
            }
        }
        for file in log.checkpoints.values() {
            if let Some(what) = unreadable.fault_in(self.checkpoint_fault(file))? {
                faults.push(Fault { path: file.path.clone(), what });
            }
        }
        if let Some(what) = unreadable.fault_in(self.hint_fault(&log))? {
            faults.push(Fault { path: self.hint_path(), what });
        }
        Ok(faults)
    }

    /// Files that the commits alone, replayed from the first, see otherwise than the kernel does
    /// with its checkpoint. Nothing where the first commits are gone, or one cannot be read.
    pub(super) fn disagreements(&self, snapshot: &Snapshot) -> Result<Vec<Fault>> {
        let log = self.log_files()?;
        let mut replayed: BTreeSet<String> = BTreeSet::new();
        if log.commits.len() as u64 <= snapshot.version() {
            return Ok(Vec::new());
        }
        for file in log.commits.range(..=snapshot.version()).map(|(_, file)| file) {
            let Ok(actions) = self.actions(file) else { return Ok(Vec::new()) };
            for action in actions {
                if let Some(path) = action["remove"]["path"].as_str() {
                    replayed.remove(path);
                }
                if let Some(path) = action["add"]["path"].as_str() {
                    replayed.insert(path.to_owned());
                }
            }
        }
        let seen: BTreeSet<String> =
            self.files(snapshot)?.iter().map(|file| file.path.clone()).collect();
        let what = |path| format!("the checkpoint and the commits disagree about {path}");
        let path = self.log_folder();
        Ok(replayed
            .symmetric_difference(&seen)
            .map(|file| Fault { path: path.clone(), what: what(file) })
            .collect())
    }

    fn commit_fault(&self, version: u64, file: &FileEntry) -> Result<Option<String>> {
        let actions = self.actions(file)?;
        if let Some(odd) = actions.iter().find(|action| !action.is_object()) {
            return Ok(Some(format!("expected objects, got `{odd}`")));
        }
        let has = |name: &str| actions.iter().any(|action| action.get(name).is_some());
        let lacks = ["protocol", "metaData"].into_iter().find(|name| version == 0 && !has(name));
        Ok(lacks.map(|name| format!("the first commit lacks `{name}`")))
    }

    /// Decodes a whole checkpoint.
    pub(crate) fn checkpoint_fault(&self, file: &FileEntry) -> Result<Option<String>> {
        let bytes = self.root().read(&file.path)?;
        let decode = || -> Result<()> {
            for batch in ParquetRecordBatchReaderBuilder::try_new(bytes)?.build()? {
                batch?;
            }
            Ok(())
        };
        Ok(decode().err().map(|error| error.to_string()))
    }

    fn hint_fault(&self, log: &LogFiles) -> Result<Option<String>> {
        let path = self.hint_path();
        if !self.root().exists(&path)? {
            return Ok(None);
        }
        let hint: Json = match serde_json::from_slice(&self.root().read(&path)?) {
            Ok(hint) => hint,
            Err(error) => return Ok(Some(error.to_string())),
        };
        Ok(match hint["version"].as_u64() {
            Some(version) if log.checkpoints.contains_key(&version) => None,
            Some(version) => Some(format!("checkpoint {version} is not there")),
            None => Some("it names no version".into()),
        })
    }
}

/// Versions that are missing between others, and a beginning that nothing explains.
fn holes(log: &LogFiles, folder: &str) -> Vec<Fault> {
    let path = |version: u64| format!("{folder}{version:020}.json");
    let mut faults = Vec::new();
    let versions: Vec<u64> = log.commits.keys().copied().collect();
    for pair in versions.windows(2) {
        if let [before, after] = pair {
            faults.extend((before + 1..*after).map(|version| Fault {
                path: path(version),
                what: format!("missing, and version {after} is there"),
            }));
        }
    }
    let first = versions.first().copied().unwrap_or_default();
    if first > 0 && !log.checkpoints.keys().any(|checkpoint| checkpoint + 1 >= first) {
        let what = format!("the log begins at version {first} without a checkpoint");
        faults.push(Fault { path: path(first), what });
    }
    faults
}
