//! The configuration of evaluate.

use foresite_datasets::measure::Judging;
use serde::{Deserialize, Serialize};

/// What evaluate can be told.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of the simulator's truth, relative to the data root: nobody else may read it. Without
    /// it, labels come from the sample set alone.
    pub truth: Option<String>,
    /// How to judge.
    pub judging: Judging,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_parse() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/samples/evaluate");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            foresite_stage::parse_config::<Config>(&text, &path.display().to_string()).unwrap();
        }
    }

    #[test]
    fn the_default_sample_is_the_default() {
        let text = include_str!("../../../../docs/samples/evaluate/default.json");
        let sample: Config = foresite_stage::parse_config(text, "sample").unwrap();
        assert_eq!(sample, Config::default());
    }
}
