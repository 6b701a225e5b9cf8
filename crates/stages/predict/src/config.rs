//! The configuration of predict.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What predict can be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of the public keys whose signatures count, relative to the data root. On a cluster it
    /// lies outside of the data root, where writers of data cannot reach it.
    pub public_keys: PathBuf,
    /// Drivers told per prediction.
    pub drivers: usize,
    /// Whether a challenger speaks as well, in rows that never reach the worklist.
    pub shadow: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { public_keys: "keys".into(), drivers: 5, shadow: true }
    }
}
