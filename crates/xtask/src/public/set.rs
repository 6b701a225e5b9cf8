//! The public sets: what `docs/samples/public/sets.json` says, and configurations made of it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Value, json};

/// One public set.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublicSet {
    /// Folder below the data folder.
    pub(crate) name: String,
    /// File in `docs/samples/ingest`.
    mapping: String,
    /// Task; its file is `docs/samples/tasks/<task>.json`.
    pub(crate) task: String,
    /// First and last moment of the cutoffs.
    pub(crate) interval: [String; 2],
    /// When all labels are known.
    pub(crate) as_of: String,
    /// How it is divided and judged.
    pub(crate) protocol: String,
    /// What others reach, or we with other means.
    pub(crate) reference: String,
}

/// All sets.
pub(crate) fn all(workspace: &Path) -> Result<Vec<PublicSet>> {
    let path = workspace.join("docs/samples/public/sets.json");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

impl PublicSet {
    /// Configuration of ingest: the data folder is the landing folder.
    pub(crate) fn ingest(&self, workspace: &Path, data: &Path) -> Result<Value> {
        let path = workspace.join("docs/samples/ingest").join(&self.mapping);
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let mapping: Value =
            serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        Ok(json!({"landing": data, "settle_seconds": 0, "pm": [], "mappings": [mapping]}))
    }

    /// The metrics that the task file names.
    pub(crate) fn metrics(&self, workspace: &Path) -> Result<Vec<String>> {
        let path = tasks(workspace).join(format!("{}.json", self.task));
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let task: Value = serde_json::from_str(&text)?;
        Ok(serde_json::from_value(task["metrics"].clone())?)
    }
}

/// Configuration of featurize and train: where the task files are.
pub(crate) fn with_tasks(workspace: &Path) -> Value {
    json!({"tasks": tasks(workspace)})
}

fn tasks(workspace: &Path) -> PathBuf {
    workspace.join("docs/samples/tasks")
}

/// Configuration of ingest for the performance files.
pub(crate) fn measurement_ingest(data: &Path) -> Value {
    let feed = json!({"source": "pm", "path": "pm/*", "expect_every_seconds": null});
    json!({"landing": data, "settle_seconds": 0, "pm": [feed]})
}
