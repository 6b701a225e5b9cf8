//! History, checkpoints and vacuum.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use object_store::{ObjectStoreExt as _, path::Path};
use serde_json::Value as Json;

use crate::table::HistoryEntry;
use crate::{Context as _, FileEntry, Result, Table};

impl Table {
    /// The newest `limit` commits that the log still holds, newest first.
    ///
    /// # Errors
    /// Storage errors; `BadData` for a commit that is not JSON.
    pub fn history(&self, limit: usize) -> Result<Vec<HistoryEntry>> {
        let mut entries = Vec::new();
        for (version, file) in self.commits()?.into_iter().rev().take(limit) {
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

    /// Data files that no version from `keep_from` on names and that are older than `grace` by the
    /// store's own clock, deleted unless `dry_run`. Returns their paths relative to the root.
    ///
    /// # Errors
    /// Storage errors.
    pub fn vacuum(&self, keep_from: u64, grace: Duration, dry_run: bool) -> Result<Vec<String>> {
        let live = self.live_since(keep_from)?;
        let base = format!("tables/{}", self.def().name);
        let now = self.store_clock()?;
        let grace = i64::try_from(grace.as_micros()).unwrap_or(i64::MAX);
        let is_data = |file: &FileEntry| !file.path.starts_with(&format!("{base}/_delta_log/"));
        let mut dead = self.root().list(&format!("{base}/"))?;
        dead.retain(|file| {
            is_data(file)
                && !live.contains(&file.path)
                && now.saturating_sub(file.modified) >= grace
        });
        if !dry_run {
            for file in &dead {
                self.root().delete(&file.path)?;
            }
        }
        Ok(dead.into_iter().map(|file| file.path).collect())
    }

    /// Root-relative paths that `keep_from` or a later version names.
    fn live_since(&self, keep_from: u64) -> Result<HashSet<String>> {
        let base = format!("tables/{}", self.def().name);
        let mut paths: Vec<String> =
            self.snapshot(Some(keep_from))?.files.iter().map(|file| file.path.clone()).collect();
        for file in self.commits()?.range(keep_from + 1..).map(|(_, file)| file) {
            let actions = self.actions(file)?;
            paths.extend(
                actions
                    .iter()
                    .filter_map(|action| action["add"]["path"].as_str().map(str::to_owned)),
            );
        }
        paths
            .into_iter()
            .map(|path| {
                Ok(format!(
                    "{base}/{}",
                    Path::from_url_path(&path).map_err(object_store::Error::from)?
                ))
            })
            .collect()
    }

    /// Now, by the clock of the store: the modification time of a file written for it.
    fn store_clock(&self) -> Result<i64> {
        let name = format!("_delta_log/.clock-{}", uuid::Uuid::now_v7());
        let probe = self.location(&name)?;
        let store = self.root().store();
        let head = self.root().block(async {
            store.put(&probe, bytes::Bytes::new().into()).await?;
            let head = store.head(&probe).await;
            store.delete(&probe).await?;
            head
        })?;
        Ok(head.last_modified.timestamp_micros())
    }

    /// Commit files by version.
    fn commits(&self) -> Result<BTreeMap<u64, FileEntry>> {
        let files = self.root().list(&format!("tables/{}/_delta_log/", self.def().name))?;
        Ok(files
            .into_iter()
            .filter_map(|file| {
                let version = file.path.rsplit('/').next()?.strip_suffix(".json")?.parse().ok()?;
                Some((version, file))
            })
            .collect())
    }

    fn actions(&self, file: &FileEntry) -> Result<Vec<Json>> {
        let bytes = self.root().read(&file.path)?;
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| Ok(serde_json::from_slice(line)?)).collect()
    }
}
