//! The actions of the Delta log that Foresite writes.
//!
//! The kernel reads the log; commits are written here, because a slot commit needs what the kernel
//! leaves out: conflicts judged on overlapping files only, additive columns, hashes of files.
//! Source: Delta transaction log protocol, sections "Actions" and "Writer requirements".

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

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

    pub(crate) fn add(&self) -> Json {
        json!({"add": {
            "path": self.path,
            "partitionValues": self.partition,
            "size": self.size,
            "modificationTime": self.modified_millis,
            "dataChange": true,
            "stats": self.stats,
            "tags": {"sha256": self.sha256},
        }})
    }
}

/// A visible data file to take away.
pub(crate) fn remove(path: &str, size: u64, partition: &BTreeMap<String, String>) -> Json {
    json!({"remove": {
        "path": path,
        "deletionTimestamp": time::now_millis(),
        "dataChange": true,
        "extendedFileMetadata": true,
        "partitionValues": partition,
        "size": size,
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
    partitioned_by: &[&str],
    created_millis: i64,
) -> Json {
    json!({"metaData": {
        "id": id,
        "name": name,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": schema,
        "partitionColumns": partitioned_by,
        "configuration": {"delta.checkpointInterval": crate::table::CHECKPOINT_EVERY.to_string()},
        "createdTime": created_millis,
    }})
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

/// Name of the commit file of a version.
pub(crate) fn commit_name(version: u64) -> String {
    format!("_delta_log/{version:020}.json")
}
