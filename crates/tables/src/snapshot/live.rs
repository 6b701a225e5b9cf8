//! The live files of a version: read through the kernel, then kept up commit by commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, Schema};
use delta_kernel::engine::arrow_data::ArrowEngineData;
use delta_kernel::snapshot::SnapshotRef;
use serde_json::Value as Json;

use super::DataFile;
use crate::root::Engine;
use crate::stats::{FileStats, Value};
use crate::{Error, ErrorKind, Result, time};

/// Reads the live files of a version, sorted by path.
pub(super) fn read(
    kernel: &SnapshotRef,
    engine: &Engine,
    schema: &Schema,
) -> Result<Vec<DataFile>> {
    let scan = Arc::clone(kernel).scan_builder().build()?;
    let mut files = Vec::new();
    for metadata in scan.scan_metadata(engine)? {
        let (data, selection) = metadata?.scan_files.into_parts();
        let batch: RecordBatch = (*ArrowEngineData::try_from_engine_data(data)?).into();
        collect(&batch, &selection, schema, &mut files)?;
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Applies one action of the next commit to the files, which stay sorted; `None` for one that is
/// not understood.
pub(super) fn apply(files: &mut Vec<DataFile>, action: &Json, schema: &Schema) -> Option<()> {
    let place = |files: &[DataFile], path: &str| {
        files.binary_search_by(|file| file.path.as_str().cmp(path))
    };
    if let Some(remove) = action.get("remove")
        && let Ok(at) = place(files, remove["path"].as_str()?)
    {
        files.remove(at);
    }
    if let Some(add) = action.get("add") {
        let file = of_action(add, schema)?;
        match place(files, &file.path) {
            Ok(at) => *files.get_mut(at)? = file,
            Err(at) => files.insert(at, file),
        }
    }
    Some(())
}

fn of_action(add: &Json, schema: &Schema) -> Option<DataFile> {
    if add.get("deletionVector").is_some_and(|vector| !vector.is_null()) {
        return None;
    }
    let mut partition = BTreeMap::new();
    for (name, value) in add["partitionValues"].as_object()? {
        if let Some(text) = value.as_str() {
            partition.insert(name.clone(), text.to_owned());
        }
    }
    Some(DataFile {
        path: add["path"].as_str()?.to_owned(),
        size: add["size"].as_u64()?,
        stats: stats(add["stats"].as_str(), &partition, schema),
        partition,
        sha256: add["tags"]["sha256"].as_str().map(str::to_owned),
    })
}

/// The statistics of a file and the values of its partition.
fn stats(text: Option<&str>, partition: &BTreeMap<String, String>, schema: &Schema) -> FileStats {
    let parsed = text.and_then(|text| FileStats::parse(text, schema));
    let mut stats = parsed.unwrap_or_default();
    for (name, text) in partition {
        if let Some(value) = partition_value(text, schema, name) {
            stats.set_constant(name, value);
        }
    }
    stats
}

/// Reads the selected rows of the kernel's scan-file batch.
fn collect(
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
    let texts = column("stats")?.as_string::<i32>();
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
        let partition = partitions.map(|map| pairs(&map.value(row))).unwrap_or_default();
        files.push(DataFile {
            path: paths.value(row).to_owned(),
            size: u64::try_from(sizes.value(row)).unwrap_or(0),
            stats: stats(texts.is_valid(row).then(|| texts.value(row)), &partition, schema),
            partition,
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
