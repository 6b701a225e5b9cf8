//! The configuration of featurize.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What featurize can be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of task files, `<task>.json`; relative to the configuration file. Tasks that are
    /// built in are found without it.
    pub tasks: Option<PathBuf>,
    /// Channels that profiles are built for; those that the task compares with its profile where
    /// the list is empty.
    pub profile_channels: Vec<String>,
    /// Memory for series, in MiB; what does not fit is worked through site by site.
    pub series_mib: NonZeroU32,
    /// Most samples of a set: beyond, every n-th cutoff is taken.
    pub most_samples: NonZeroU64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            tasks: None,
            profile_channels: Vec::new(),
            series_mib: NonZeroU32::MIN.saturating_add(1023),
            most_samples: NonZeroU64::MIN.saturating_add(199_999),
        }
    }
}

impl Config {
    /// Memory for series, in bytes.
    pub(crate) fn series_bytes(&self) -> usize {
        usize::try_from(u64::from(self.series_mib.get()) << 20).unwrap_or(usize::MAX)
    }
}
