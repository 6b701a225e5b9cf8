//! Clean-up of the log: commits that a checkpoint stands for and that nobody may ask for any more.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::{Context as _, FileEntry, Result, Table};

impl Table {
    /// Files of the log that only versions before `keep_from` need, deleted unless `dry_run`;
    /// oldest first, so that an interrupted clean-up leaves no hole.
    ///
    /// `keep_from` and later versions stay readable: the newest checkpoint at or before it stays,
    /// and everything after that. The `txn` actions live on in the checkpoint, so reruns of old
    /// slots still find them filled; what a row was computed from lies in `lineage/`.
    ///
    /// # Errors
    /// `BadData` when that checkpoint cannot be read: nothing is deleted then. Storage errors.
    pub fn expire_log(&self, keep_from: u64, dry_run: bool) -> Result<Vec<FileEntry>> {
        self.wait_for_checkpoint();
        let log = self.log_files()?;
        // Readers that follow the hint must find what it names.
        let newest = self.hinted_checkpoint()?.map_or(keep_from, |hinted| hinted.min(keep_from));
        let Some((&base, _)) = log.checkpoints.range(..=newest).next_back() else {
            return Ok(Vec::new());
        };
        let expired: Vec<FileEntry> = log
            .versioned
            .into_iter()
            .filter(|(version, _)| *version < base)
            .map(|(_, file)| file)
            .collect();
        if expired.is_empty() {
            return Ok(expired);
        }
        // Nothing stands in for this checkpoint once the commits behind it are gone.
        self.load_through(Some(base), Arc::clone(self.root().engine()))
            .and_then(|snapshot| snapshot.read_files())
            .context(|| format!("check checkpoint {base} before cleaning the log behind it"))?;
        if !dry_run {
            for file in &expired {
                self.root().delete(&file.path)?;
            }
        }
        Ok(expired)
    }

    /// The checkpoint that `_last_checkpoint` names; a torn hint names none.
    pub(crate) fn hinted_checkpoint(&self) -> Result<Option<u64>> {
        let path = self.hint_path();
        if !self.root().exists(&path)? {
            return Ok(None);
        }
        let hint: Option<Json> = serde_json::from_slice(&self.root().read(&path)?).ok();
        Ok(hint.and_then(|hint| hint["version"].as_u64()))
    }
}
