//! The configuration of train.

use std::path::PathBuf;

use foresite_models::anomaly::Part;
use foresite_models::network::NetworkOptions;
use foresite_models::tabular::Candidate;
use foresite_training::DeviceChoice;
use serde::{Deserialize, Serialize};

/// What train can be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of task files, `<task>.json`; relative to the configuration file. Tasks that are
    /// built in are found without it.
    pub tasks: Option<PathBuf>,
    /// Sample set to fit on; the one that became known last where none is named.
    pub sample_set_id: Option<String>,
    /// Seed of row samples, initial weights and the bootstrap.
    pub seed: u64,
    /// Bootstrap replicates of the gate.
    pub replicates: usize,
    /// What may stand beside the linear path of feature rows, and (networks of the residual
    /// architecture) what may add to the base of forecasts and to the forecast part of detectors.
    pub candidates: Vec<Candidate>,
    /// Where networks are trained: `auto` takes a GPU where there is one, `cuda` fails without one.
    pub device: DeviceChoice,
    /// How detectors are fitted.
    pub anomaly: AnomalyConfig,
}

/// How detectors are fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnomalyConfig {
    /// Parts of the score.
    pub parts: Vec<Part>,
    /// Steps that the forecast part looks back.
    pub lags: usize,
    /// Span of the causal smoothing in steps; about 100 minutes, at least three steps, where it is
    /// not given.
    pub smoothing_steps: Option<usize>,
    /// Alarms per entity and day that people can look at.
    pub alerts_per_entity_day: f64,
}

impl Default for Config {
    fn default() -> Self {
        let options = NetworkOptions::default();
        Self {
            tasks: None,
            sample_set_id: None,
            seed: 1,
            replicates: 400,
            candidates: vec![Candidate::Trees, Candidate::Network { options }],
            device: DeviceChoice::Auto,
            anomaly: AnomalyConfig::default(),
        }
    }
}

impl Default for AnomalyConfig {
    fn default() -> Self {
        Self {
            parts: vec![Part::Forecast, Part::Together, Part::Level, Part::Silence],
            lags: 10,
            smoothing_steps: None,
            alerts_per_entity_day: 0.02,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_refused() {
        let parsed = foresite_stage::parse_config::<Config>(r#"{"sead": 1}"#, "c");
        assert!(parsed.unwrap_err().to_string().contains("unknown field `sead`"));
    }
}
