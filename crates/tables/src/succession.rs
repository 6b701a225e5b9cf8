//! What a commit rests on: the files that were staged for it, and the commit before it.
//!
//! Between the moment at which a writer looked and the one at which it commits, a vacuum may have
//! taken its files, or somebody the whole table. Neither may end in a commit that readers stumble
//! over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::ObjectStoreExt as _;
use serde_json::Value as Json;

use crate::log::{self, StagedFile};
use crate::snapshot::Snapshot;
use crate::{Error, ErrorKind, Result, Table, time};

/// Files that are asked for side by side.
const HEADS_AT_ONCE: usize = 16;

/// Half of the shortest grace that `foresite-maintain` takes without `--force`: staged files that are
/// younger are there.
const SURE: Duration = Duration::from_secs(24 * 3600);

const STAGE_AGAIN: &str = "stage the files again: the shards with --force, then the commit";
const RUN_AGAIN: &str = "nothing was committed; run the stage again, it writes the files anew";
const TAKEN_BACK: &str = "nothing was committed; run the stage again to make the table anew";

/// When a writer began to stage its files, by a clock that stands still while the machine sleeps
/// and by one that may be set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Since {
    monotonic: Instant,
    millis: i64,
}

impl Since {
    pub(crate) fn now() -> Self {
        Self { monotonic: Instant::now(), millis: time::now_millis() }
    }

    /// Whether a vacuum may have taken the files since, by either clock.
    fn is_long_ago(&self) -> bool {
        let millis = u64::try_from(time::now_millis().saturating_sub(self.millis));
        let age = Duration::from_millis(millis.unwrap_or_default());
        age.max(self.monotonic.elapsed()) >= SURE
    }
}

impl Table {
    /// Publishes `actions`, which name files that were staged since a time, as [`Table::publish`]
    /// does. Only a writer that stood still for long pays for a look at them.
    ///
    /// # Errors
    /// `Conflict` when one of the files is not there any more; storage errors.
    pub(crate) fn publish_staged(
        &self,
        base: Arc<Snapshot>,
        actions: &[Json],
        staged: &[StagedFile],
        since: Since,
    ) -> Result<Option<u64>> {
        if since.is_long_ago() {
            self.require_staged(staged).map_err(|error| match error.kind() {
                ErrorKind::Missing => {
                    Error::new(ErrorKind::Conflict, error.to_string()).hint(RUN_AGAIN)
                }
                _ => error,
            })?;
        }
        self.publish(base, actions)
    }

    /// Fails unless every staged file is there as it was written.
    ///
    /// # Errors
    /// `Missing` for one that is gone, `BadData` for one of another size; storage errors.
    pub(crate) fn require_staged(&self, staged: &[StagedFile]) -> Result<()> {
        let mut wanted = Vec::with_capacity(staged.len());
        for file in staged {
            wanted.push((self.location(&file.path)?, file));
        }
        let store = self.root().store();
        let heads = stream::iter(wanted)
            .map(|(location, file)| async move { (file, store.head(&location).await) })
            .buffer_unordered(HEADS_AT_ONCE)
            .map(|(file, head)| match head {
                Ok(meta) if meta.size == file.size => Ok(()),
                Ok(meta) => Err(self.other_size(file, meta.size)),
                Err(error) => Err(self.not_there(file, error.into())),
            });
        self.root().wait(heads.try_collect::<()>())
    }

    fn other_size(&self, file: &StagedFile, got: u64) -> Error {
        let path = self.path_of(&file.path);
        let message = format!("staged file {path}: expected {} bytes, got {got}", file.size);
        Error::new(ErrorKind::BadData, message).hint(STAGE_AGAIN)
    }

    fn not_there(&self, file: &StagedFile, error: Error) -> Error {
        let path = self.path_of(&file.path);
        if error.kind() == ErrorKind::Missing {
            let message = format!("staged file {path} is gone: a vacuum may have taken it");
            return Error::new(ErrorKind::Missing, message).hint(STAGE_AGAIN);
        }
        error.while_doing(format!("look for staged file {path}"))
    }

    /// Fails when the commit that was just put has none before it: the table was deleted since its
    /// writer looked. Alone in the log it would make whatever table comes after it unreadable, so
    /// it is taken back.
    ///
    /// # Errors
    /// `Missing`, when the commit does not stand.
    pub(crate) fn require_predecessor(&self, version: u64) -> Result<()> {
        let Some(before) = version.checked_sub(1) else { return Ok(()) };
        match self.has_version(before) {
            Ok(false) => {}
            Ok(true) => return Ok(()),
            Err(error) => {
                // The commit is done; that nobody can tell what was before it undoes nothing.
                tracing::warn!(table = self.def().name, version, %error, "cannot look back");
                return Ok(());
            }
        }
        self.root().delete(&self.path_of(&log::commit_name(version)))?;
        let message = format!(
            "table `{}` at {}: deleted while version {version} was written",
            self.def().name,
            self.url()
        );
        Err(Error::new(ErrorKind::Missing, message).hint(TAKEN_BACK))
    }

    /// Whether the log has a version: its commit, or a checkpoint of it once the commit was cleaned
    /// away.
    fn has_version(&self, version: u64) -> Result<bool> {
        if self.root().exists(&self.path_of(&log::commit_name(version)))? {
            return Ok(true);
        }
        Ok(self.log_files()?.versioned.iter().any(|(found, _)| *found == version))
    }

    /// Path of a file of the table, below the root.
    fn path_of(&self, path: &str) -> String {
        format!("tables/{}/{path}", self.def().name)
    }
}

#[cfg(test)]
mod tests {
    use foresite_schema::catalog;
    use serde_json::json;

    use super::*;
    use crate::Root;

    fn hours_ago(hours: u64) -> [Since; 2] {
        let (now, pause) = (Since::now(), Duration::from_secs(hours * 3600));
        let monotonic = now.monotonic.checked_sub(pause).unwrap();
        let millis = now.millis - pause.as_millis() as i64;
        // A machine that slept, and one whose clock was set back.
        [Since { millis, ..now }, Since { monotonic, ..now }]
    }

    #[test]
    fn a_writer_that_stood_still_past_half_the_grace_looks_at_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::open(folder.path().to_str().unwrap()).unwrap();
        let table = root.table(catalog::derived::kpis()).unwrap();
        let info = [log::commit_info("WRITE", "Append", &Json::Null)];
        let gone: StagedFile = serde_json::from_value(json!({
            "path": "date=2026-01-01/part-gone.parquet", "partition": {}, "size": 7, "rows": 1,
            "modified_millis": 0, "stats": "{}", "sha256": "",
        }))
        .unwrap();
        let publish = |staged: &[StagedFile], since| {
            table.publish_staged(table.newest().unwrap(), &info, staged, since)
        };
        for since in hours_ago(25) {
            let error = publish(std::slice::from_ref(&gone), since).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
            assert!(error.to_string().contains("part-gone.parquet is gone"), "{error}");
            assert_eq!(error.advice(), Some(RUN_AGAIN));
            assert_eq!(table.version().unwrap(), 0, "nothing was committed");
        }
        root.write("tables/kpis/date=2026-01-01/part-gone.parquet", "7 bytes").unwrap();
        for (version, since) in (1..).zip(hours_ago(25)) {
            assert_eq!(publish(std::slice::from_ref(&gone), since).unwrap(), Some(version));
        }
        // Who is faster does not look.
        root.delete("tables/kpis/date=2026-01-01/part-gone.parquet").unwrap();
        for (version, since) in (3..).zip(hours_ago(23)) {
            assert_eq!(publish(std::slice::from_ref(&gone), since).unwrap(), Some(version));
        }
    }

    #[test]
    fn a_commit_after_nothing_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::open(folder.path().to_str().unwrap()).unwrap();
        let table = root.table(catalog::derived::kpis()).unwrap();
        let info = [log::commit_info("WRITE", "Append", &serde_json::Value::Null)];
        assert!(table.put_commit(1, &info).unwrap());
        let error = table.put_commit(7, &info).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Missing);
        assert!(error.to_string().contains("version 7"), "{error}");
        assert_eq!(table.log_files().unwrap().commits.len(), 2, "version 7 does not stay");
        assert_eq!(table.version().unwrap(), 1);
    }

    #[test]
    fn a_commit_whose_predecessor_was_cleaned_away_stands() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::open(folder.path().to_str().unwrap()).unwrap();
        let table = root.table(catalog::derived::kpis()).unwrap();
        let info = [log::commit_info("WRITE", "Append", &serde_json::Value::Null)];
        assert!(table.put_commit(1, &info).unwrap());
        table.checkpoint().unwrap();
        root.delete(&table.path_of(&log::commit_name(1))).unwrap();
        assert!(table.put_commit(2, &info).unwrap());
        assert_eq!(table.version().unwrap(), 2);
    }
}
