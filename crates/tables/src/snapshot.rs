//! One version of a table: its schema, and on demand its live files and filled slots.
//!
//! Only what a caller asks for is read: a table of many thousand files is opened, and appended to,
//! without listing one of them. What was read once goes on from version to version with the actions
//! of each commit (`after`).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use arrow::datatypes::{Schema, SchemaRef};
use delta_kernel::Snapshot as KernelSnapshot;
use delta_kernel::engine::arrow_conversion::TryIntoArrow as _;
use delta_kernel::snapshot::SnapshotRef;
use serde_json::Value as Json;

use crate::root::Engine;
use crate::slot::{Relation, Slot};
use crate::stats::FileStats;
use crate::{Result, protocol};

mod live;
mod transactions;

use transactions::Recorded;

/// A live data file of a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DataFile {
    /// Path as the log has it, relative to the table.
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) partition: BTreeMap<String, String>,
    /// The partition's values are among them.
    pub(crate) stats: FileStats,
    /// Hash of its bytes, where the writer noted one.
    pub(crate) sha256: Option<String>,
}

/// One version of a table.
#[derive(Clone)]
pub(crate) struct Snapshot {
    version: u64,
    /// The kernel's view of this version or of an earlier one with the same schema and protocol.
    pub(crate) kernel: SnapshotRef,
    /// What reads the log; other than the root's where that sees a broken checkpoint.
    pub(crate) engine: Arc<Engine>,
    pub(crate) schema: SchemaRef,
    files: OnceLock<Vec<DataFile>>,
    transactions: OnceLock<HashMap<String, Recorded>>,
    /// Tells the commit file of this version from another of its name.
    pub(crate) mark: Option<String>,
}

impl Snapshot {
    /// The version of the kernel's snapshot, of which nothing but the schema has been read.
    ///
    /// # Errors
    /// `BadData` for a table that Foresite cannot read.
    pub(crate) fn of(kernel: SnapshotRef, engine: Arc<Engine>) -> Result<Self> {
        protocol::check_readable(&kernel)?;
        let schema: Schema = kernel.schema().as_ref().try_into_arrow()?;
        Ok(Self {
            version: kernel.version(),
            kernel,
            engine,
            schema: Arc::new(schema),
            files: OnceLock::new(),
            transactions: OnceLock::new(),
            mark: None,
        })
    }

    /// The same version without what was read of it.
    pub(crate) fn bare(&self) -> Self {
        Self {
            version: self.version,
            kernel: Arc::clone(&self.kernel),
            engine: Arc::clone(&self.engine),
            schema: Arc::clone(&self.schema),
            files: OnceLock::new(),
            transactions: OnceLock::new(),
            mark: self.mark.clone(),
        }
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Commits since the newest checkpoint that is known, or since the table was made.
    pub(crate) fn uncheckpointed(&self) -> u64 {
        let checkpoint = self.kernel.log_segment().checkpoint_version.unwrap_or_default();
        self.version.saturating_sub(checkpoint)
    }

    /// The live files, sorted by path, where they have been read.
    pub(crate) fn known_files(&self) -> Option<&[DataFile]> {
        self.files.get().map(Vec::as_slice)
    }

    /// The live files as `read` finds them, or as they were found before.
    pub(crate) fn files_or(
        &self,
        read: impl FnOnce() -> Result<Vec<DataFile>>,
    ) -> Result<&[DataFile]> {
        if self.files.get().is_none() {
            // Of two readers at once both find the same.
            let _ = self.files.set(read()?);
        }
        Ok(self.known_files().unwrap_or_default())
    }

    /// Reads the live files, sorted by path.
    pub(crate) fn read_files(&self) -> Result<Vec<DataFile>> {
        live::read(&self.kernel_here()?, &self.engine, &self.schema)
    }

    /// The version last recorded for an application id.
    pub(crate) fn transaction(&self, app_id: &str) -> Result<Option<i64>> {
        let recorded = match self.transactions.get() {
            Some(known) => known,
            None => {
                let read = transactions::read(&self.kernel_here()?, &self.engine)?;
                self.transactions.get_or_init(|| read)
            }
        };
        let last = recorded.get(app_id);
        Ok(last.and_then(|last| last.unexpired(self.kernel.table_properties())))
    }

    /// The kernel's view of exactly this version.
    pub(crate) fn kernel_here(&self) -> Result<SnapshotRef> {
        if self.kernel.version() == self.version {
            return Ok(Arc::clone(&self.kernel));
        }
        let builder = KernelSnapshot::builder_from(Arc::clone(&self.kernel));
        Ok(builder.at_version(self.version).build(self.engine.as_ref())?)
    }

    /// The version after this one, whose commit consists of `actions`; `None` where it changes the
    /// schema or is not understood, and the log has to be read anew.
    pub(crate) fn after(mut self, actions: &[Json], mark: Option<String>) -> Option<Self> {
        for action in actions {
            if action.get("metaData").is_some() || action.get("protocol").is_some() {
                return None;
            }
            if let Some(files) = self.files.get_mut() {
                live::apply(files, action, &self.schema)?;
            }
            if let Some(transactions) = self.transactions.get_mut() {
                transactions::apply(transactions, action)?;
            }
        }
        Some(Self { version: self.version + 1, mark, ..self })
    }

    /// The same version, as the kernel sees it after a checkpoint.
    pub(crate) fn based_on(self, kernel: SnapshotRef) -> Self {
        Self { kernel, ..self }
    }
}

/// Of `files` those that have or may have rows of the slot.
pub(crate) fn overlapping(
    files: &[DataFile],
    slot: &Slot,
    time: Option<&str>,
) -> Vec<(DataFile, Relation)> {
    let related = files.iter().map(|file| (file, slot.relation(&file.stats, time)));
    let touched = related.filter(|(_, relation)| *relation != Relation::Outside);
    touched.map(|(file, relation)| (file.clone(), relation)).collect()
}
