//! Opening tables: creating those that are not there, adding the columns that they lack.

use std::sync::Arc;

use arrow::datatypes::{Field, FieldRef, Schema};
use delta_kernel::engine::arrow_conversion::TryFromArrow as _;
use delta_kernel::schema::StructType;
use foresite_schema::{Column, DataKind, TableDef};
use serde_json::Value as Json;

use crate::log;
use crate::slot::Micros;
use crate::snapshot::Snapshot;
use crate::table::COMMIT_ATTEMPTS;
use crate::{Error, ErrorKind, Result, Root, Table};

impl Table {
    pub(crate) fn open_or_create(root: Root, def: TableDef) -> Result<Self> {
        if let Some(table) = Self::open(root.clone(), def.clone())? {
            return table.evolve();
        }
        let table = Self::at(root, def)?;
        let schema = table.def().schema();
        let layout = if table.def().is_partitioned() { vec!["date".to_owned()] } else { vec![] };
        let created = crate::time::now_millis();
        let id = uuid::Uuid::new_v4().to_string();
        let actions = [
            log::protocol(),
            log::metadata(
                &id,
                &table.def().name,
                &schema_string(&schema)?,
                &layout,
                &log::properties(),
                created,
            ),
            log::commit_info("CREATE TABLE", "ErrorIfExists", &Json::Null),
        ];
        // Any number of racers end with one table: the loser opens the winner's.
        table.put_commit(0, &actions)?;
        table.evolve()
    }

    pub(crate) fn open(root: Root, def: TableDef) -> Result<Option<Self>> {
        let table = Self::at(root, def)?;
        if !table.has_log()? {
            return Ok(None);
        }
        let newest = table.newest()?;
        Ok(Some(table.known_as(&newest)))
    }

    /// When the table was created, by the clock of who did; `None` where its log does not say.
    ///
    /// # Errors
    /// As [`Table::version`].
    pub fn created_at(&self) -> Result<Option<Micros>> {
        let newest = self.newest()?;
        let created_ms = newest.kernel.table_configuration().metadata().created_time();
        Ok(created_ms.map(|millis| millis.saturating_mul(1000)))
    }

    /// Whether anything lies in the log folder; a whole log, where it is listed last, is long.
    fn has_log(&self) -> Result<bool> {
        let first = format!("tables/{}/{}", self.def().name, log::commit_name(0));
        Ok(self.root().exists(&self.hint_path())?
            || self.root().exists(&first)?
            || !self.root().list(&self.log_folder())?.is_empty())
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
            let snapshot = self.newest()?;
            self.check_types(&snapshot)?;
            let wanted = self.def().schema();
            let lacking: Vec<_> = wanted
                .fields()
                .iter()
                .filter(|field| snapshot.schema.index_of(field.name()).is_err())
                .cloned()
                .collect();
            if lacking.is_empty() {
                return Ok(self.known_as(&snapshot));
            }
            self.require_writable(&snapshot)?;
            self.add_columns(snapshot, &lacking)?;
        }
        Err(self.conflict("its schema kept changing"))
    }

    fn check_types(&self, snapshot: &Snapshot) -> Result<()> {
        for field in self.def().schema().fields() {
            if let Ok(stored) = snapshot.schema.field_with_name(field.name())
                && stored.data_type() != field.data_type()
            {
                let message = format!(
                    "column `{}` of table `{}`: expected {}, got {}",
                    field.name(),
                    self.def().name,
                    field.data_type(),
                    stored.data_type()
                );
                return Err(Error::new(ErrorKind::BadData, message));
            }
        }
        Ok(())
    }

    /// Tries to commit a schema with more columns; everything else of the table stays.
    fn add_columns(&self, snapshot: Arc<Snapshot>, lacking: &[FieldRef]) -> Result<()> {
        // Rows written before have no value: an added column is nullable.
        let added = lacking.iter().map(|field| field.as_ref().clone().with_nullable(true));
        let stored = snapshot.schema.fields().iter().map(|field| field.as_ref().clone());
        let fields: Vec<Field> = stored.chain(added).collect();
        let configuration = snapshot.kernel.table_configuration();
        let metadata = configuration.metadata();
        let action = log::metadata(
            metadata.id(),
            metadata.name().unwrap_or(&self.def().name),
            &schema_string(&Schema::new(fields))?,
            configuration.logical_partition_columns(),
            metadata.configuration(),
            metadata.created_time().unwrap_or_default(),
        );
        let info = log::commit_info("ADD COLUMNS", "Append", &Json::Null);
        self.publish(snapshot, &[action, info]).map(drop)
    }
}

/// The Delta form of a schema.
fn schema_string(schema: &Schema) -> Result<String> {
    let delta = StructType::try_from_arrow(schema)?;
    Ok(serde_json::to_string(&delta)?)
}

/// A definition for a stored column that the catalogue does not know.
fn column_of(field: &Field) -> Option<Column> {
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
