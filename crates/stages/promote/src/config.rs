//! The configuration of promote.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What promote can be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Private key, PKCS#8 PEM; `--signing-key` and its environment variable win. Without any:
    /// `keys/private/promote.pem` below the data root, which suits one machine only.
    pub signing_key: Option<PathBuf>,
    /// Whether a key that is not there is made, for a data root whose first it is. A cluster mounts its
    /// key and says no.
    pub create_missing_key: bool,
    /// Folder of the public keys that predict and the services trust: absolute and local, or below the
    /// data root. A key whose public half is not there signs nothing; the first of a data root is put
    /// there.
    pub public_keys: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Self { signing_key: None, create_missing_key: true, public_keys: "keys".into() }
    }
}
