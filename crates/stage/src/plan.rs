//! Fan-out: a frozen plan, one manifest per shard, one commit.
//!
//! A plan lies immutable at `plans/<id>.json`; a retry gets the same one. A shard stages files and
//! publishes its manifest under `_staging/<plan>/`; the first published manifest of a shard wins.

use std::collections::BTreeMap;

use foresite_tables::{Root, StagedFile};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{ErrorContext as _, ErrorKind, Result, Shard, StageError};

/// A frozen plan with the stage's own content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan<T> {
    /// Hash of stage, configuration, interval, as-of and content.
    pub id: String,
    /// Number of shards.
    pub shards: u32,
    /// Revision of the stage that made it; shards and commit must be the same.
    pub revision: String,
    /// What the stage planned.
    pub content: T,
}

impl<T: Serialize + DeserializeOwned> Plan<T> {
    /// Publishes the plan; returns the one that is in force (an earlier one of the same id).
    ///
    /// # Errors
    /// Storage errors.
    pub fn freeze(self, root: &Root) -> Result<Self> {
        let path = path(&self.id);
        if root.write_new(&path, serde_json::to_vec(&self)?)? {
            return Ok(self);
        }
        Self::load(root, &self.id)
    }

    /// Reads a frozen plan.
    ///
    /// # Errors
    /// `Missing` when there is none of that id.
    pub fn load(root: &Root, id: &str) -> Result<Self> {
        let bytes = root.read(&path(id)).map_err(|error| {
            StageError::from(error)
                .while_doing(format!("plan {id}"))
                .hint("run the stage with --step plan first")
        })?;
        serde_json::from_slice(&bytes).context(|| format!("plan {id}"))
    }
}

fn path(id: &str) -> String {
    format!("plans/{id}.json")
}

/// What one shard staged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Number of the shard.
    pub shard: u32,
    /// Revision of the stage that staged it.
    pub revision: String,
    /// Staged files by table.
    pub files: BTreeMap<String, Vec<StagedFile>>,
    /// What the commit needs to know besides.
    pub notes: Json,
}

impl Manifest {
    /// Publishes the manifest of a shard; `false` when another copy was first.
    ///
    /// # Errors
    /// Storage errors.
    pub fn publish(&self, root: &Root, plan: &str) -> Result<bool> {
        Ok(root.write_new(&manifest_path(plan, self.shard), serde_json::to_vec(self)?)?)
    }

    /// The manifest of a shard, if one is published.
    ///
    /// # Errors
    /// Storage errors; `BadData` for one that cannot be read.
    pub fn find(root: &Root, plan: &str, shard: Shard) -> Result<Option<Self>> {
        let path = manifest_path(plan, shard.index);
        if !root.exists(&path)? {
            return Ok(None);
        }
        Ok(Some(serde_json::from_slice(&root.read(&path)?).context(|| path)?))
    }

    /// The manifests of all shards of a plan, in order.
    ///
    /// # Errors
    /// `Missing` when a shard has none; `BadData` when one is of another revision.
    pub fn all(root: &Root, plan: &str, shards: u32, revision: &str) -> Result<Vec<Self>> {
        (0..shards)
            .map(|index| {
                let manifest =
                    Self::find(root, plan, Shard { index, count: shards })?.ok_or_else(|| {
                        StageError::new(
                            ErrorKind::Missing,
                            format!("plan {plan}: shard {index}/{shards} has no manifest"),
                        )
                        .hint("run that shard before the commit")
                    })?;
                if manifest.revision != revision {
                    let message = format!(
                        "plan {plan}: shard {index} was staged by revision {}, this is {revision}",
                        manifest.revision
                    );
                    return Err(
                        StageError::new(ErrorKind::BadData, message).hint("make a new plan")
                    );
                }
                Ok(manifest)
            })
            .collect()
    }
}

fn manifest_path(plan: &str, shard: u32) -> String {
    format!("_staging/{plan}/shard-{shard:05}.json")
}
