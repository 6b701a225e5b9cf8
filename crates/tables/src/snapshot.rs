//! One version of a table: its schema and its live files.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, Schema, SchemaRef};
use delta_kernel::engine::arrow_conversion::TryIntoArrow as _;
use delta_kernel::engine::arrow_data::ArrowEngineData;
use delta_kernel::snapshot::SnapshotRef;

use crate::root::Engine;
use crate::slot::{Relation, Slot};
use crate::stats::{FileStats, Value};
use crate::{Error, ErrorKind, Result, protocol, time};

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
    pub(crate) kernel: SnapshotRef,
    pub(crate) schema: SchemaRef,
    pub(crate) files: Arc<Vec<DataFile>>,
}

impl Snapshot {
    pub(crate) fn load(kernel: SnapshotRef, engine: &Engine) -> Result<Self> {
        protocol::check_readable(&kernel)?;
        let schema: Schema = kernel.schema().as_ref().try_into_arrow()?;
        let scan = Arc::clone(&kernel).scan_builder().build()?;
        let mut files = Vec::new();
        for metadata in scan.scan_metadata(engine)? {
            let (data, selection) = metadata?.scan_files.into_parts();
            let batch: RecordBatch = (*ArrowEngineData::try_from_engine_data(data)?).into();
            collect_files(&batch, &selection, &schema, &mut files)?;
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { kernel, schema: Arc::new(schema), files: Arc::new(files) })
    }

    pub(crate) fn version(&self) -> u64 {
        self.kernel.version()
    }

    /// Commits since the newest checkpoint, or since the table was made.
    pub(crate) fn uncheckpointed(&self) -> u64 {
        let checkpoint = self.kernel.log_segment().checkpoint_version.unwrap_or_default();
        self.version().saturating_sub(checkpoint)
    }

    /// The version last recorded for an application id.
    pub(crate) fn transaction(&self, app_id: &str, engine: &Engine) -> Result<Option<i64>> {
        Ok(self.kernel.get_app_id_version(app_id, engine)?)
    }

    /// Files that have or may have rows of the slot.
    pub(crate) fn overlapping<'a>(
        &'a self,
        slot: &Slot,
        time: Option<&str>,
    ) -> Vec<(&'a DataFile, Relation)> {
        self.files
            .iter()
            .map(|file| (file, slot.relation(&file.stats, time)))
            .filter(|(_, relation)| *relation != Relation::Outside)
            .collect()
    }
}

/// Reads the selected rows of the kernel's scan-file batch.
fn collect_files(
    batch: &RecordBatch,
    selection: &[bool],
    schema: &Schema,
    files: &mut Vec<DataFile>,
) -> Result<()> {
    let column = |name: &str| {
        batch.column_by_name(name).ok_or_else(|| {
            Error::new(ErrorKind::BadData, format!("delta scan without column `{name}`"))
        })
    };
    let paths = column("path")?.as_string::<i32>();
    let sizes = column("size")?.as_primitive::<Int64Type>();
    let stats = column("stats")?.as_string::<i32>();
    let vectors = column("deletionVector")?;
    let constants = column("fileConstantValues")?.as_struct();
    let maps = |name: &str| constants.column_by_name(name).map(|values| values.as_map());
    let (partitions, tags) = (maps("partitionValues"), maps("tags"));
    for row in 0..batch.num_rows() {
        if !selection.get(row).copied().unwrap_or(true) {
            continue;
        }
        if vectors.is_valid(row) {
            return Err(Error::new(
                ErrorKind::BadData,
                format!("{}: deletion vectors are not supported", paths.value(row)),
            ));
        }
        let parsed =
            stats.is_valid(row).then(|| FileStats::parse(stats.value(row), schema)).flatten();
        let partition = partitions.map(|map| pairs(&map.value(row))).unwrap_or_default();
        let mut stats = parsed.unwrap_or_default();
        for (name, text) in &partition {
            if let Some(value) = partition_value(text, schema, name) {
                stats.set_constant(name, value);
            }
        }
        files.push(DataFile {
            path: paths.value(row).to_owned(),
            size: u64::try_from(sizes.value(row)).unwrap_or(0),
            partition,
            stats,
            sha256: tags.and_then(|map| pairs(&map.value(row)).remove("sha256")),
        });
    }
    Ok(())
}

/// What a partition's text means for slots; `None` for kinds that they do not compare.
fn partition_value(text: &str, schema: &Schema, name: &str) -> Option<Value> {
    match schema.field_with_name(name).ok()?.data_type() {
        DataType::Date32 => time::parse_date(text).map(|days| Value::Int(days.into())),
        DataType::Int32 | DataType::Int64 => text.parse().ok().map(Value::Int),
        DataType::Utf8 => Some(Value::Text(text.to_owned())),
        _ => None,
    }
}

fn pairs(entries: &arrow::array::StructArray) -> BTreeMap<String, String> {
    let (keys, values) =
        (entries.column(0).as_string::<i32>(), entries.column(1).as_string::<i32>());
    (0..entries.len())
        .filter(|&row| values.is_valid(row))
        .map(|row| (keys.value(row).to_owned(), values.value(row).to_owned()))
        .collect()
}
