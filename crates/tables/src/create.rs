//! Opening tables: creating those that are not there, adding the columns that they lack, letting
//! columns be null that an earlier release required.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use delta_kernel::engine::arrow_conversion::TryFromArrow as _;
use delta_kernel::schema::{DataType as StoredType, StructField, StructType};
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
        let schema = delta(&table.def().schema())?;
        let layout = if table.def().is_partitioned() { vec!["date".to_owned()] } else { vec![] };
        let created = crate::time::now_millis();
        let id = uuid::Uuid::new_v4().to_string();
        let actions = [
            log::protocol(),
            log::metadata(
                &id,
                &table.def().name,
                &serde_json::to_string(&schema)?,
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

    /// Adds the columns that the definition has and the stored table lacks, and lets columns be null
    /// that the definition lets be null.
    fn evolve(self) -> Result<Self> {
        let wanted = delta(&self.def().schema())?;
        for _ in 0..COMMIT_ATTEMPTS {
            let snapshot = self.newest()?;
            self.check_types(&snapshot)?;
            let stored = snapshot.kernel.schema();
            let next = evolved(&stored, &wanted)?;
            if next == *stored {
                return Ok(self.known_as(&snapshot));
            }
            self.require_writable(&snapshot)?;
            self.put_schema(snapshot, &next)?;
        }
        Err(self.conflict("its schema kept changing"))
    }

    fn check_types(&self, snapshot: &Snapshot) -> Result<()> {
        for field in self.def().schema().fields() {
            if let Ok(stored) = snapshot.schema.field_with_name(field.name())
                && !field.data_type().contains(stored.data_type())
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

    /// Tries to commit another schema; everything else of the table stays.
    fn put_schema(&self, snapshot: Arc<Snapshot>, schema: &StructType) -> Result<()> {
        let configuration = snapshot.kernel.table_configuration();
        let metadata = configuration.metadata();
        let action = log::metadata(
            metadata.id(),
            metadata.name().unwrap_or(&self.def().name),
            &serde_json::to_string(schema)?,
            configuration.logical_partition_columns(),
            metadata.configuration(),
            metadata.created_time().unwrap_or_default(),
        );
        let has_more = schema.num_fields() > snapshot.schema.fields().len();
        let operation = if has_more { "ADD COLUMNS" } else { "CHANGE COLUMN" };
        let info = log::commit_info(operation, "Append", &Json::Null);
        self.publish(snapshot, &[action, info]).map(drop)
    }
}

/// The Delta form of a schema.
fn delta(schema: &Schema) -> Result<StructType> {
    Ok(StructType::try_from_arrow(schema)?)
}

/// The stored columns, null where they or the wanted ones may be, and after them the wanted ones
/// that are not stored. Nothing else of a stored column changes.
fn evolved(stored: &StructType, wanted: &StructType) -> Result<StructType> {
    let kept = stored.fields().map(|field| match wanted.field(field.name()) {
        Some(wanted) => widened(field, wanted),
        None => field.clone(),
    });
    // Rows written before have no value: an added column is nullable.
    let lacking = wanted.fields().filter(|field| !stored.contains(field.name()));
    let added = lacking.map(|field| StructField { nullable: true, ..field.clone() });
    Ok(StructType::try_new(kept.chain(added))?)
}

/// A stored column that may be null where the wanted one may. One that may be null already stays
/// so, whatever is wanted: its rows may hold nulls.
fn widened(stored: &StructField, wanted: &StructField) -> StructField {
    let mut field = stored.clone();
    field.nullable |= wanted.nullable;
    // The catalogue nests nothing deeper than values in a list.
    if let (StoredType::Array(have), StoredType::Array(want)) =
        (&mut field.data_type, &wanted.data_type)
    {
        have.contains_null |= want.contains_null;
    }
    field
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
    let column = if field.is_nullable() { Column::nullable } else { Column::required };
    Some(column(field.name(), kind, "", "added by a writer"))
}

#[cfg(test)]
mod tests {
    use delta_kernel::schema::{ArrayType, MetadataValue};

    use super::*;

    fn list(name: &str, holds_nulls: bool) -> StructField {
        StructField::not_null(name, ArrayType::new(StoredType::DOUBLE, holds_nulls))
    }

    #[test]
    fn columns_may_be_null_that_the_definition_lets_be_null_and_stay_so() {
        let said = [("comment", MetadataValue::from("x")), ("order", MetadataValue::Number(7))];
        let stored = StructType::try_new([
            StructField::not_null("equal", StoredType::BOOLEAN).with_metadata(said.clone()),
            StructField::not_null("stage", StoredType::STRING),
            StructField::nullable("detail", StoredType::STRING),
            list("values", false),
            list("foreign", false),
        ])
        .unwrap();
        let wanted = StructType::try_new([
            StructField::nullable("equal", StoredType::BOOLEAN),
            StructField::not_null("stage", StoredType::STRING),
            StructField::not_null("detail", StoredType::STRING),
            list("values", true),
            StructField::not_null("newer", StoredType::LONG),
        ])
        .unwrap();
        let expected = StructType::try_new([
            StructField::nullable("equal", StoredType::BOOLEAN).with_metadata(said),
            StructField::not_null("stage", StoredType::STRING),
            StructField::nullable("detail", StoredType::STRING),
            list("values", true),
            list("foreign", false),
            StructField::nullable("newer", StoredType::LONG),
        ])
        .unwrap();
        assert_eq!(evolved(&stored, &wanted).unwrap(), expected);
        assert_eq!(evolved(&expected, &wanted).unwrap(), expected, "nothing is left to do");
        assert_eq!(evolved(&expected, &stored).unwrap(), expected, "nothing is taken back");
    }
}
