//! Opening tables: creating those that are not there, adding the columns that they lack.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use delta_kernel::engine::arrow_conversion::TryFromArrow as _;
use delta_kernel::schema::StructType;
use foresite_schema::{Column, DataKind, TableDef};
use serde_json::Value as Json;

use crate::log;
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
        let layout: &[&str] = if table.def().is_partitioned() { &["date"] } else { &[] };
        let created = crate::time::now_millis();
        let id = uuid::Uuid::new_v4().to_string();
        let actions = [
            log::protocol(),
            log::metadata(&id, &table.def().name, &schema_string(&schema)?, layout, created),
            log::commit_info("CREATE TABLE", "ErrorIfExists", &Json::Null),
        ];
        // Any number of racers end with one table: the loser opens the winner's.
        table.put_commit(0, &actions)?;
        table.evolve()
    }

    pub(crate) fn open(root: Root, def: TableDef) -> Result<Option<Self>> {
        let table = Self::at(root, def)?;
        match table.root().list(&format!("tables/{}/_delta_log/", table.def().name)) {
            Ok(files) if files.is_empty() => Ok(None),
            Ok(_) => table.snapshot(None).map(|snapshot| Some(table.known_as(&snapshot))),
            Err(error) => Err(error),
        }
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
            let wanted = self.def().schema();
            for field in wanted.fields() {
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
                &self.def().name,
                &schema_string(&Schema::new(fields))?,
                &partitioned,
                created,
            );
            let info = log::commit_info("ADD COLUMNS", "Append", &Json::Null);
            self.put_commit(snapshot.version() + 1, &[metadata, info])?;
        }
        Err(self.conflict("its schema kept changing"))
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
