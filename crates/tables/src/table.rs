//! A table: its newest version, and files written for it.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use delta_kernel::Snapshot as KernelSnapshot;
use foresite_schema::{TableDef, TableKind};
use futures::{TryStreamExt as _, stream};
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutMode, PutOptions};
use rayon::prelude::*;
use serde_json::Value as Json;
use url::Url;

use crate::log::{self, StagedFile};
use crate::newest::{Known, mark_of};
use crate::root::Engine;
use crate::sha256::sha256_hex;
use crate::slot::Slot;
use crate::snapshot::{DataFile, Snapshot};
use crate::write::{self, EncodedFile};
use crate::{Commit, Context as _, Error, ErrorKind, Result, Root, protocol};

/// A checkpoint is written after every so many commits, so that readers replay few of them.
pub(crate) const CHECKPOINT_EVERY: u64 = 10;

/// Attempts of one commit against other writers before it gives up as a conflict.
pub(crate) const COMMIT_ATTEMPTS: u32 = 100;

/// Data files that are written side by side.
const PUTS_AT_ONCE: usize = 16;

/// A Delta table of the data root. Cheap to clone; clones share what they know of the log.
#[derive(Clone)]
pub struct Table {
    root: Root,
    pub(crate) def: Arc<TableDef>,
    url: Url,
    pub(crate) known: Arc<Known>,
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
        Ok(Self { root, def: Arc::new(def), url, known: Arc::default() })
    }

    /// A handle that shares nothing with this one.
    pub(crate) fn apart(&self) -> Self {
        Self { known: Arc::default(), ..self.clone() }
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
        Ok(self.newest()?.version())
    }

    /// One version, or the newest.
    pub(crate) fn snapshot(&self, version: Option<u64>) -> Result<Arc<Snapshot>> {
        match version {
            Some(_) => Ok(Arc::new(self.load(version)?)),
            None => self.newest(),
        }
    }

    /// Reads one version, or the newest, from the log.
    pub(crate) fn load(&self, version: Option<u64>) -> Result<Snapshot> {
        self.load_through(version, Arc::clone(self.root.engine()))
            .or_else(|error| self.fall_back(version, error))
    }

    /// As [`Table::load`], from what an engine sees of the log and nothing else.
    pub(crate) fn load_through(
        &self,
        version: Option<u64>,
        engine: Arc<Engine>,
    ) -> Result<Snapshot> {
        let mut builder = KernelSnapshot::builder_for(self.url.as_str());
        if let Some(version) = version {
            builder = builder.at_version(version);
        }
        let load = || Snapshot::of(builder.build(engine.as_ref())?, Arc::clone(&engine));
        load().context(|| self.reading())
    }

    /// The live files of a version, sorted by path.
    pub(crate) fn files<'a>(&self, snapshot: &'a Snapshot) -> Result<&'a [DataFile]> {
        snapshot.files_or(|| {
            let read = snapshot.read_files().context(|| self.reading());
            read.or_else(|error| self.fall_back(Some(snapshot.version()), error)?.read_files())
        })
    }

    /// The version last recorded for an application id.
    fn transaction(&self, snapshot: &Snapshot, app_id: &str) -> Result<Option<i64>> {
        let found = snapshot.transaction(app_id).context(|| self.reading());
        found.or_else(|error| self.fall_back(Some(snapshot.version()), error)?.transaction(app_id))
    }

    /// What goes on while the log is read.
    fn reading(&self) -> String {
        format!("read the log of table `{}` at {}", self.def.name, self.url)
    }

    /// The newest version, of which Foresite may write the next one.
    pub(crate) fn snapshot_to_extend(&self) -> Result<Arc<Snapshot>> {
        let snapshot = self.newest()?;
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
        let newest = self.newest()?;
        Ok(self.is_filled(&newest, slot, commit)?.then(|| newest.version()))
    }

    /// Whether the slot carries this lineage in a version.
    pub(crate) fn is_filled(
        &self,
        snapshot: &Snapshot,
        slot: &Slot,
        commit: &Commit,
    ) -> Result<bool> {
        let recorded = self.transaction(snapshot, &slot.app_id())?;
        Ok(recorded == Some(commit.transaction_version()?))
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
            puts.push((self.url_of(&file.staged.path)?, file.bytes));
            staged.push(file.staged);
        }
        let contents: Vec<Bytes> = puts.iter().map(|(_, bytes)| bytes.clone()).collect();
        // Files are many and small where a slot is long; each waits for the disk on its own.
        let all = stream::iter(puts.into_iter().map(Ok))
            .try_for_each_concurrent(PUTS_AT_ONCE, |(url, bytes)| self.root.put_new(url, bytes));
        // Hashing takes the time that the disk needs anyway.
        let (sums, written) = rayon::join(
            || contents.par_iter().map(|bytes| sha256_hex(bytes)).collect::<Vec<_>>(),
            || self.root.wait(all),
        );
        written.context(|| format!("write files of table `{}`", self.def.name))?;
        for (file, sum) in staged.iter_mut().zip(sums) {
            file.sha256 = sum;
        }
        Ok(staged)
    }

    /// Publishes `actions` as the version after `base`, and a checkpoint where one is due; `None`
    /// when that version exists already.
    pub(crate) fn publish(&self, base: Arc<Snapshot>, actions: &[Json]) -> Result<Option<u64>> {
        let last = base.version();
        // What is remembered is changed in place where nobody else holds it.
        drop(base);
        if !self.put_commit(last + 1, actions)? {
            return Ok(None);
        }
        self.checkpoint_if_due();
        Ok(Some(last + 1))
    }

    /// Publishes a commit file after the version before it; `false` when that version exists
    /// already.
    pub(crate) fn put_commit(&self, version: u64, actions: &[Json]) -> Result<bool> {
        let location = self.location(&log::commit_name(version))?;
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let bytes = Bytes::from(log::lines(actions));
        let store = self.root.store();
        let put = self.root.block(async {
            let put = store.put_opts(&location, bytes.into(), options).await?;
            Ok(match put.e_tag {
                Some(mark) => Some(mark),
                // Of a store that gives none; without it the log is read anew, no more.
                None => store.head(&location).await.ok().map(|meta| mark_of(&meta)),
            })
        });
        match put {
            Ok(mark) => {
                self.require_predecessor(version)?;
                self.remember(version, actions, mark);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
            Err(error) => {
                Err(error
                    .while_doing(format!("commit version {version} of table `{}`", self.def.name)))
            }
        }
    }

    pub(crate) fn location(&self, path: &str) -> Result<Path> {
        let url = self.url_of(path)?;
        Path::from_url_path(url.path()).map_err(|error| self.bad_path(path, &error))
    }

    /// Where a path of the log leads on the local disk.
    pub(crate) fn local_path(&self, path: &str) -> Result<std::path::PathBuf> {
        let url = self.url_of(path)?;
        url.to_file_path().map_err(|()| self.bad_path(path, &"not a local path"))
    }

    /// Where a path of the log leads.
    fn url_of(&self, path: &str) -> Result<Url> {
        self.url.join(path).map_err(|error| self.bad_path(path, &error))
    }

    fn bad_path(&self, path: &str, error: &dyn fmt::Display) -> Error {
        let message = format!("path `{path}` of table `{}`: {error}", self.def.name);
        Error::new(ErrorKind::BadData, message)
    }

    /// The table's folder as a URL, ending in `/`.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) fn root(&self) -> &Root {
        &self.root
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Table").field(&self.url.as_str()).finish()
    }
}
