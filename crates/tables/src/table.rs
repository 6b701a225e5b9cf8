//! A table: open, create, commit, history.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use bytes::Bytes;
use delta_kernel::Snapshot as KernelSnapshot;
use delta_kernel::engine::arrow_conversion::TryFromArrow as _;
use delta_kernel::schema::StructType;
use foresite_schema::{TableDef, TableKind};
use futures::{TryStreamExt as _, stream};
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutMode, PutOptions};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::log::{self, StagedFile};
use crate::slot::Slot;
use crate::snapshot::{DataFile, Snapshot};
use crate::{Commit, Context as _, Error, ErrorKind, Result, Root, write};

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
    def: Arc<TableDef>,
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
    pub(crate) fn open_or_create(root: Root, def: TableDef) -> Result<Self> {
        if let Some(table) = Self::open(root.clone(), def.clone())? {
            return table.evolve();
        }
        let table = Self::at(root, def)?;
        let schema = table.def.schema();
        let layout: &[&str] = if table.def.is_partitioned() { &["date"] } else { &[] };
        let created = crate::time::now_millis();
        let id = uuid::Uuid::new_v4().to_string();
        let actions = [
            log::protocol(),
            log::metadata(&id, &table.def.name, &schema_string(&schema)?, layout, created),
            log::commit_info("CREATE TABLE", "ErrorIfExists", &Json::Null),
        ];
        // Any number of racers end with one table: the loser opens the winner's.
        table.put_commit(0, &actions)?;
        table.evolve()
    }

    pub(crate) fn open(root: Root, def: TableDef) -> Result<Option<Self>> {
        let table = Self::at(root, def)?;
        match table.root.list(&format!("tables/{}/_delta_log/", table.def.name)) {
            Ok(files) if files.is_empty() => Ok(None),
            Ok(_) => table.snapshot(None).map(|snapshot| Some(table.known_as(&snapshot))),
            Err(error) => Err(error),
        }
    }

    fn at(root: Root, def: TableDef) -> Result<Self> {
        let url = root.url().join(&format!("tables/{}/", def.name)).map_err(|error| {
            Error::new(ErrorKind::Usage, format!("table name `{}`: {error}", def.name))
        })?;
        Ok(Self { root, def: Arc::new(def), url })
    }

    /// The table whose definition has every column that is stored, wanted or not.
    fn known_as(mut self, snapshot: &Snapshot) -> Self {
        let known = Arc::make_mut(&mut self.def);
        for field in snapshot.schema.fields() {
            if known.column(field.name()).is_none()
                && let Some(column) = column_of(field)
            {
                known.columns.push(column);
            }
        }
        self
    }

    /// Adds the columns that the definition has and the stored table lacks.
    fn evolve(self) -> Result<Self> {
        for _ in 0..COMMIT_ATTEMPTS {
            let snapshot = self.snapshot(None)?;
            let wanted = self.def.schema();
            for field in wanted.fields() {
                if let Ok(stored) = snapshot.schema.field_with_name(field.name())
                    && stored.data_type() != field.data_type()
                {
                    let message = format!(
                        "column `{}` of table `{}`: expected {}, got {}",
                        field.name(),
                        self.def.name,
                        field.data_type(),
                        stored.data_type()
                    );
                    return Err(Error::new(ErrorKind::BadData, message));
                }
            }
            let lacking: Vec<_> = wanted
                .fields()
                .iter()
                .filter(|field| snapshot.schema.index_of(field.name()).is_err())
                .cloned()
                .collect();
            if lacking.is_empty() {
                return Ok(self.known_as(&snapshot));
            }
            let fields: Vec<_> = snapshot
                .schema
                .fields()
                .iter()
                .cloned()
                .chain(lacking.iter().map(|field| {
                    // Rows written before have no value: an added column is nullable.
                    Arc::new(field.as_ref().clone().with_nullable(true))
                }))
                .collect();
            let configuration = snapshot.kernel.table_configuration();
            let stored = configuration.metadata();
            let partitioned = configuration
                .logical_partition_columns()
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>();
            let created = stored.created_time().unwrap_or_default();
            let metadata = log::metadata(
                stored.id(),
                &self.def.name,
                &schema_string(&Schema::new(fields))?,
                &partitioned,
                created,
            );
            let info = log::commit_info("ADD COLUMNS", "Append", &Json::Null);
            self.put_commit(snapshot.version() + 1, &[metadata, info])?;
        }
        Err(self.conflict("its schema kept changing"))
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
        Ok(self.kernel_snapshot(None)?.version())
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
        load().context(|| format!("read the log of table `{}`", self.def.name))
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
        let snapshot = self.snapshot(None)?;
        self.stage_as(batch, &snapshot)
    }

    pub(crate) fn stage_as(
        &self,
        batch: &RecordBatch,
        snapshot: &Snapshot,
    ) -> Result<Vec<StagedFile>> {
        let rows = write::conform(batch, &self.def, &snapshot.schema)?;
        let (mut puts, mut staged) = (Vec::new(), Vec::new());
        for file in write::encode(&rows, &self.def)? {
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

    /// Publishes a commit file; `false` when that version exists already.
    pub(crate) fn put_commit(&self, version: u64, actions: &[Json]) -> Result<bool> {
        let location = self.location(&log::commit_name(version))?;
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let bytes = Bytes::from(log::lines(actions));
        match self.root.block(self.root.store().put_opts(&location, bytes.into(), options)) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
            Err(error) => {
                Err(error
                    .while_doing(format!("commit version {version} of table `{}`", self.def.name)))
            }
        }
    }

    /// Bytes of a data file, checked against the size in the log.
    pub(crate) fn fetch(&self, file: &DataFile) -> Result<Bytes> {
        let location = self.location(&file.path)?;
        let bytes =
            self.root.block(async { self.root.store().get(&location).await?.bytes().await });
        let bytes = bytes.context(|| format!("read {} of table `{}`", file.path, self.def.name))?;
        if bytes.len() as u64 != file.size {
            let message = format!(
                "{} of table `{}`: expected {} bytes, got {}",
                file.path,
                self.def.name,
                file.size,
                bytes.len()
            );
            return Err(Error::new(ErrorKind::BadData, message));
        }
        Ok(bytes)
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

    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    pub(crate) fn kernel(&self) -> Result<delta_kernel::snapshot::SnapshotRef> {
        self.kernel_snapshot(None)
    }
}

/// The Delta form of a schema.
fn schema_string(schema: &Schema) -> Result<String> {
    let delta = StructType::try_from_arrow(schema)?;
    Ok(serde_json::to_string(&delta)?)
}

/// A definition for a stored column that the catalogue does not know.
fn column_of(field: &arrow::datatypes::Field) -> Option<foresite_schema::Column> {
    use foresite_schema::{Column, DataKind};
    const KINDS: [DataKind; 10] = [
        DataKind::Text,
        DataKind::Bool,
        DataKind::Int,
        DataKind::Long,
        DataKind::Float,
        DataKind::Double,
        DataKind::Time,
        DataKind::Date,
        DataKind::Doubles,
        DataKind::Texts,
    ];
    let kind = KINDS.into_iter().find(|kind| &kind.arrow() == field.data_type())?;
    Some(Column::nullable(field.name(), kind, "", "added by a writer"))
}

/// sha256 of bytes as lower-case hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
