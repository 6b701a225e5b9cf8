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
}

impl Default for Config {
    fn default() -> Self {
        Self { public_keys: "keys".into(), drivers: 5 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_parse() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/samples/predict");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            foresite_stage::parse_config::<Config>(&text, &path.display().to_string()).unwrap();
        }
    }

    #[test]
    fn the_default_sample_is_the_default() {
        let text = include_str!("../../../../docs/samples/predict/default.json");
        let sample: Config = foresite_stage::parse_config(text, "sample").unwrap();
        assert_eq!(sample, Config::default());
    }
}
