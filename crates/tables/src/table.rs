//! A table: its newest version, and files written for it.

use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use delta_kernel::Snapshot as KernelSnapshot;
use foresite_schema::{TableDef, TableKind};
use futures::{TryStreamExt as _, stream};
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutMode, PutOptions};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::log::{self, StagedFile};
use crate::slot::Slot;
use crate::snapshot::Snapshot;
use crate::write::{self, EncodedFile};
use crate::{Commit, Context as _, Error, ErrorKind, Result, Root, protocol};

/// A checkpoint is written after every so many commits, so that readers replay few of them.
pub(crate) const CHECKPOINT_EVERY: u64 = 10;

/// Attempts of one commit against other writers before it gives up as a conflict.
pub(crate) const COMMIT_ATTEMPTS: u32 = 100;

/// Data files that are written side by side.
const PUTS_AT_ONCE: usize = 16;

/// A Delta table of the data root. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Table {
    root: Root,
    pub(crate) def: Arc<TableDef>,
    url: Url,
}

/// One entry of a table's history.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryEntry {
    /// Version of the table.
    pub version: u64,
    /// The commit's own description.
    pub commit_info: Json,
}

impl Table {
    pub(crate) fn at(root: Root, def: TableDef) -> Result<Self> {
        let url = root.url().join(&format!("tables/{}/", def.name)).map_err(|error| {
            Error::new(ErrorKind::Usage, format!("table name `{}`: {error}", def.name))
        })?;
        Ok(Self { root, def: Arc::new(def), url })
    }

    /// The definition, with every stored column.
    pub fn def(&self) -> &TableDef {
        &self.def
    }

    /// The columns that tell facts apart; rows of other sources are other facts.
    pub fn version_keys(&self) -> Vec<String> {
        let mut keys = self.def.keys.clone();
        if self.def.kind == TableKind::Derived && !keys.iter().any(|key| key == "source") {
            keys.push("source".into());
        }
        keys
    }

    /// The newest version.
    ///
    /// # Errors
    /// Storage errors; `BadData` for a log that cannot be read.
    pub fn version(&self) -> Result<u64> {
        let version = || -> Result<u64> { Ok(self.kernel_snapshot(None)?.version()) };
        version().context(|| format!("read the log of table `{}` at {}", self.def.name, self.url))
    }

    fn kernel_snapshot(&self, version: Option<u64>) -> Result<delta_kernel::snapshot::SnapshotRef> {
        let mut builder = KernelSnapshot::builder_for(self.url.as_str());
        if let Some(version) = version {
            builder = builder.at_version(version);
        }
        Ok(builder.build(self.root.engine().as_ref())?)
    }

    pub(crate) fn snapshot(&self, version: Option<u64>) -> Result<Snapshot> {
        let load = || Snapshot::load(self.kernel_snapshot(version)?, self.root.engine());
        load().context(|| format!("read the log of table `{}` at {}", self.def.name, self.url))
    }

    /// The newest version, of which Foresite may write the next one.
    pub(crate) fn snapshot_to_extend(&self) -> Result<Snapshot> {
        let snapshot = self.snapshot(None)?;
        self.require_writable(&snapshot)?;
        Ok(snapshot)
    }

    /// Fails for a table that only newer writers understand.
    pub(crate) fn require_writable(&self, snapshot: &Snapshot) -> Result<()> {
        protocol::check_writable(&snapshot.kernel)
            .context(|| format!("write table `{}` at {}", self.def.name, self.url))
    }

    /// Whether the slot carries this lineage already, and at which version.
    ///
    /// # Errors
    /// As [`Table::version`].
    pub fn holds(&self, slot: &Slot, commit: &Commit) -> Result<Option<u64>> {
        let snapshot = self.snapshot(None)?;
        let recorded = snapshot.transaction(&slot.app_id(), self.root.engine())?;
        Ok((recorded == Some(commit.transaction_version()?)).then(|| snapshot.version()))
    }

    /// Writes data files that nobody sees yet.
    ///
    /// # Errors
    /// `BadData` for rows that do not fit the table; storage errors.
    pub fn stage(&self, batch: &RecordBatch) -> Result<Vec<StagedFile>> {
        let snapshot = self.snapshot_to_extend()?;
        self.stage_as(batch, &snapshot)
    }

    pub(crate) fn stage_as(
        &self,
        batch: &RecordBatch,
        snapshot: &Snapshot,
    ) -> Result<Vec<StagedFile>> {
        let rows = write::conform(batch, &self.def, &snapshot.schema)?;
        self.put_files(write::encode(&rows, &self.def)?)
    }

    /// Writes encoded files.
    pub(crate) fn put_files(&self, files: Vec<EncodedFile>) -> Result<Vec<StagedFile>> {
        let (mut puts, mut staged) = (Vec::new(), Vec::new());
        for file in files {
            puts.push((self.location(&file.staged.path)?, Bytes::from(file.bytes)));
            staged.push(file.staged);
        }
        // Files are many and small where a slot is long; each waits for the disk on its own.
        let store = self.root.store();
        let all = stream::iter(puts.into_iter().map(Ok))
            .try_for_each_concurrent(PUTS_AT_ONCE, |(location, bytes)| async move {
                store.put(&location, bytes.into()).await.map(drop)
            });
        self.root.block(all).context(|| format!("write files of table `{}`", self.def.name))?;
        Ok(staged)
    }

    /// Publishes a commit file after the version before it; `false` when that version exists
    /// already.
    pub(crate) fn put_commit(&self, version: u64, actions: &[Json]) -> Result<bool> {
        let location = self.location(&log::commit_name(version))?;
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let bytes = Bytes::from(log::lines(actions));
        match self.root.block(self.root.store().put_opts(&location, bytes.into(), options)) {
            Ok(_) => self.require_predecessor(version).map(|()| true),
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
            Err(error) => {
                Err(error
                    .while_doing(format!("commit version {version} of table `{}`", self.def.name)))
            }
        }
    }

    pub(crate) fn location(&self, path: &str) -> Result<Path> {
        let bad = |error: String| {
            Error::new(
                ErrorKind::BadData,
                format!("path `{path}` of table `{}`: {error}", self.def.name),
            )
        };
        let url = self.url.join(path).map_err(|error| bad(error.to_string()))?;
        Path::from_url_path(url.path()).map_err(|error| bad(error.to_string()))
    }

    /// The table's folder as a URL, ending in `/`.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    pub(crate) fn kernel(&self) -> Result<delta_kernel::snapshot::SnapshotRef> {
        self.kernel_snapshot(None)
    }
}

/// sha256 of bytes as lower-case hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes as lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
