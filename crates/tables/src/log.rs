//! The actions of the Delta log that Foresite writes.
//!
//! The kernel reads the log; commits are written here, because a slot commit needs what the kernel
//! leaves out: conflicts judged on overlapping files only, additive columns, hashes of files.
//! Source: Delta transaction log protocol, sections "Actions" and "Writer requirements".

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::snapshot::DataFile;
use crate::time;

/// Reader and writer protocol: the oldest that knows all we use, so that every reader can open it.
pub(crate) const PROTOCOL: (i32, i32) = (1, 2);

/// A data file that is written but not yet visible; serialisable, so that shards can hand it on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StagedFile {
    pub(crate) path: String,
    pub(crate) partition: BTreeMap<String, String>,
    pub(crate) size: u64,
    pub(crate) rows: u64,
    pub(crate) modified_millis: i64,
    pub(crate) stats: String,
    pub(crate) sha256: String,
}

impl StagedFile {
    /// Rows in the file.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// When it was written, in microseconds since the epoch.
    pub fn written_at(&self) -> i64 {
        self.modified_millis * 1000
    }

    /// Path below the table's folder.
    pub fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn add(&self, change: Change) -> Json {
        json!({"add": {
            "path": self.path,
            "partitionValues": self.partition,
            "size": self.size,
            "modificationTime": self.modified_millis,
            "dataChange": change == Change::Rows,
            "stats": self.stats,
            "tags": {"sha256": self.sha256},
        }})
    }
}

/// What a commit changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Rows come or go.
    Rows,
    /// The same rows lie in other files.
    Layout,
}

/// A visible data file to take away.
pub(crate) fn remove(file: &DataFile, change: Change) -> Json {
    json!({"remove": {
        "path": file.path,
        "deletionTimestamp": time::now_millis(),
        "dataChange": change == Change::Rows,
        "extendedFileMetadata": true,
        "partitionValues": file.partition,
        "size": file.size,
    }})
}

/// The first action of a table.
pub(crate) fn protocol() -> Json {
    json!({"protocol": {"minReaderVersion": PROTOCOL.0, "minWriterVersion": PROTOCOL.1}})
}

/// Schema, layout and properties.
pub(crate) fn metadata(
    id: &str,
    name: &str,
    schema: &str,
    partitioned_by: &[String],
    properties: &HashMap<String, String>,
    created_millis: i64,
) -> Json {
    json!({"metaData": {
        "id": id,
        "name": name,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": schema,
        "partitionColumns": partitioned_by,
        "configuration": properties,
        "createdTime": created_millis,
    }})
}

/// The properties of a new table.
pub(crate) fn properties() -> HashMap<String, String> {
    let interval = crate::table::CHECKPOINT_EVERY.to_string();
    [("delta.checkpointInterval".to_owned(), interval)].into()
}

/// Records that `app_id` reached `version`.
pub(crate) fn transaction(app_id: &str, version: i64) -> Json {
    json!({"txn": {"appId": app_id, "version": version, "lastUpdated": time::now_millis()}})
}

/// Who wrote the commit and what for; `lineage` lands in it as an extra field.
pub(crate) fn commit_info(operation: &str, mode: &str, lineage: &Json) -> Json {
    json!({"commitInfo": {
        "timestamp": time::now_millis(),
        "operation": operation,
        "operationParameters": {"mode": mode},
        "engineInfo": concat!("foresite/", env!("CARGO_PKG_VERSION")),
        "txnId": uuid::Uuid::now_v7().to_string(),
        "lineage": lineage,
    }})
}

/// One action a line, as a commit file holds them.
pub(crate) fn lines(actions: &[Json]) -> Vec<u8> {
    let mut text = String::new();
    for action in actions {
        text.push_str(&action.to_string());
        text.push('\n');
    }
    text.into_bytes()
}

/// The actions of a commit file; the number of the line that is none.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Json>, (usize, serde_json::Error)> {
    let lines = (1..).zip(bytes.split(|byte| *byte == b'\n'));
    let lines = lines.filter(|(_, line)| !line.is_empty());
    lines
        .map(|(number, line)| serde_json::from_slice(line).map_err(|error| (number, error)))
        .collect()
}

/// Name of the commit file of a version.
pub(crate) fn commit_name(version: u64) -> String {
    format!("_delta_log/{version:020}.json")
}

/// The version that a file name of the log begins with, and the rest of the name. A version has
/// exactly twenty digits; `1.json` and `+0….json` are nobody's.
pub(crate) fn version_of(name: &str) -> Option<(u64, &str)> {
    let (digits, rest) = name.split_at_checked(VERSION_DIGITS)?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten().map(|version| (version, rest))
}

const VERSION_DIGITS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_twenty_digits_are_a_version() {
        assert_eq!(version_of("00000000000000000012.json"), Some((12, ".json")));
        let checkpoint = version_of("00000000000000000010.checkpoint.parquet");
        assert_eq!(checkpoint, Some((10, ".checkpoint.parquet")));
        for name in ["12.json", "+0000000000000000012.json", "0000000000000000001é.json", "_last"]
        {
            assert_eq!(version_of(name), None, "{name}");
        }
        assert_eq!(version_of("99999999999999999999.json"), None, "too great for a version");
    }
}
