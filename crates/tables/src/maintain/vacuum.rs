//! Vacuum: data files that no version needs leave the disk.

use std::collections::HashSet;
use std::time::Duration;

use object_store::path::Path;

use crate::slot::Micros;
use crate::{FileEntry, Result, Table};

/// What vacuum spares.
#[derive(Debug, Clone)]
pub struct Vacuum {
    /// The oldest version that stays readable.
    pub keep_from: u64,
    /// Now, by the clock of the store ([`crate::Root::clock`]).
    pub now: Micros,
    /// Younger files stay: a stage may have written them for a commit that is still to come.
    pub grace: Duration,
    /// Paths below the table's folder of files that are staged for such a commit.
    pub staged: HashSet<String>,
}

/// What a writer that was killed leaves beside its files.
const LEFTOVERS: [&str; 2] = [".tmp-", ".clock-"];

impl Table {
    /// Data files that no version from `keep_from` on names, that are old enough and not staged,
    /// deleted unless `dry_run`.
    ///
    /// # Errors
    /// Storage errors; `BadData` for a log that cannot be read: nothing is deleted then.
    pub fn vacuum(&self, vacuum: &Vacuum, dry_run: bool) -> Result<Vec<FileEntry>> {
        let mut spared = self.live_since(vacuum.keep_from)?;
        for path in &vacuum.staged {
            spared.insert(self.location(path)?);
        }
        let grace = i64::try_from(vacuum.grace.as_micros()).unwrap_or(i64::MAX);
        let mut dead = Vec::new();
        for file in self.removable_files()? {
            let is_old = vacuum.now.saturating_sub(file.modified) >= grace;
            if is_old && !spared.contains(&self.root().location(&file.path)?) {
                dead.push(file);
            }
        }
        if !dry_run {
            for file in &dead {
                self.root().delete(&file.path)?;
            }
        }
        Ok(dead)
    }

    /// Data files that no version in the log refers to, neither as there nor as removed: left by
    /// writers that died or lost a race, or staged for a commit to come.
    ///
    /// # Errors
    /// Storage errors; `BadData` for a log that cannot be read.
    pub fn orphans(&self) -> Result<Vec<FileEntry>> {
        let oldest = self.log_files()?.oldest().unwrap_or_default();
        let mut known = self.live_since(oldest)?;
        for file in self.log_files()?.commits.values() {
            for action in self.actions(file)? {
                if let Some(path) = action["remove"]["path"].as_str() {
                    known.insert(self.location(path)?);
                }
            }
        }
        let mut orphans = Vec::new();
        for file in self.removable_files()? {
            if !known.contains(&self.root().location(&file.path)?) {
                orphans.push(file);
            }
        }
        Ok(orphans)
    }

    /// All files but those of the log and of other folders that begin with `_`, which are no
    /// business of vacuum; leftovers of killed writers in the log are.
    fn removable_files(&self) -> Result<Vec<FileEntry>> {
        let base = format!("tables/{}/", self.def().name);
        let is_leftover = |name: &str| LEFTOVERS.iter().any(|prefix| name.starts_with(prefix));
        let mut files = self.root().list(&base)?;
        files.retain(|file| {
            let below = file.path.strip_prefix(&base).unwrap_or_default();
            let name = below.rsplit('/').next().unwrap_or_default();
            !below.starts_with('_') || is_leftover(name)
        });
        Ok(files)
    }

    /// Files that `keep_from` or a later version names.
    fn live_since(&self, keep_from: u64) -> Result<HashSet<Path>> {
        let first = self.snapshot(Some(keep_from))?;
        let mut live: HashSet<Path> = HashSet::new();
        for file in self.files(&first)? {
            live.insert(self.location(&file.path)?);
        }
        for file in self.log_files()?.commits.range(keep_from + 1..).map(|(_, file)| file) {
            for action in self.actions(file)? {
                if let Some(path) = action["add"]["path"].as_str() {
                    live.insert(self.location(path)?);
                }
            }
        }
        Ok(live)
    }
}
