//! A fitted model with everything that is needed to use it: what a bundle holds.

use std::collections::BTreeMap;

use foresite_features::kernel::FeatureKernel;
use foresite_features::task::Task;
use foresite_models::ModelError;
use foresite_models::anomaly::Anomaly;
use foresite_models::forecast::{BaseScore, Forecaster};
use foresite_models::network::Residual;
use foresite_models::tabular::{GateResult, Path, Tabular};
use foresite_registry::{Folder, RegistryError, files, from_parts, to_parts};
use foresite_stage::{ErrorKind, Result, StageError};
use serde::{Deserialize, Serialize};

/// The fitted part of a package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fitted {
    /// A detector.
    Anomaly {
        /// The detector.
        model: Box<Anomaly>,
        /// How networks did against the ridges alone.
        gate: Vec<GateResult>,
    },
    /// A forecaster.
    Forecast {
        /// The forecaster.
        model: Box<Forecaster>,
        /// How the bases did on the select slice.
        bases: Vec<BaseScore>,
        /// How residuals did against the bases alone.
        gate: Vec<GateResult>,
    },
    /// A model of feature rows.
    Tabular {
        /// Encodings fitted on the fit slice.
        kernel: Box<FeatureKernel>,
        /// The model.
        model: Box<Tabular>,
        /// Which cause, given that it happens; where the task names causes and there were enough.
        causes: Option<Box<Tabular>>,
        /// Median of every raw feature over the fit slice; 0 where it was never observed.
        usual: Vec<f64>,
        /// How the candidates did against the linear path.
        gate: Vec<GateResult>,
    },
}

/// What `model.json` and `weights.safetensors` hold together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Package {
    /// The task as it was when the model was fitted.
    pub task: Task,
    /// Identity of the training run.
    pub lineage_id: String,
    /// The sample set that it was fitted on.
    pub sample_set_id: String,
    /// Seed of everything drawn at random.
    pub seed: u64,
    /// Samples per slice: used, and masked by reason.
    pub samples: BTreeMap<String, BTreeMap<String, usize>>,
    /// First and last cutoff per slice, microseconds since the epoch.
    pub spans: BTreeMap<String, (i64, i64)>,
    /// The fitted part.
    pub fitted: Fitted,
}

impl Package {
    /// Id of the model: the start of its lineage.
    pub fn model_id(&self) -> String {
        self.lineage_id.chars().take(16).collect()
    }

    /// The bundle's files, for people and for machines.
    ///
    /// # Errors
    /// `BadData` for a fitted value that is not a finite number, `CannotWrite` where the network has no
    /// room on its way through a temporary folder.
    pub fn to_folder(&self, card: String, metrics: String) -> Result<Folder> {
        let (model, weights) = to_parts(self).map_err(registry_error)?;
        let folder = Folder::new()
            .with(files::MODEL, serde_json::to_vec_pretty(&model)?)
            .with(files::WEIGHTS, weights)
            .with(files::CARD, card)
            .with(files::METRICS, metrics);
        match self.torchscript().transpose().map_err(model_error)? {
            Some(network) => Ok(folder.with(files::NETWORK, network)),
            None => Ok(folder),
        }
    }

    /// The network that ships, for other programs; `None` where none does.
    fn torchscript(&self) -> Option<Result<Vec<u8>, ModelError>> {
        match &self.fitted {
            Fitted::Anomaly { model, .. } => model.residual.as_ref().map(Residual::torchscript),
            Fitted::Forecast { model, .. } => model.residual.as_ref().map(Residual::torchscript),
            Fitted::Tabular { model, .. } => model.torchscript(),
        }
    }

    /// Reads a bundle back.
    ///
    /// # Errors
    /// `BadData` for a bundle that this release cannot read.
    pub fn from_folder(folder: &Folder) -> Result<Self> {
        let model = folder.file(files::MODEL).map_err(registry_error)?;
        let weights = folder.file(files::WEIGHTS).map_err(registry_error)?;
        from_parts(serde_json::from_slice(model)?, weights).map_err(registry_error)
    }

    /// Whether a network is part of what ships.
    pub fn ships_network(&self) -> bool {
        match &self.fitted {
            Fitted::Anomaly { model, .. } => model.residual.is_some(),
            Fitted::Forecast { model, .. } => model.residual.is_some(),
            Fitted::Tabular { model, .. } => matches!(model.path, Path::Network { .. }),
        }
    }

    /// Name of what ships.
    pub fn path_name(&self) -> String {
        match &self.fitted {
            Fitted::Anomaly { model, .. } => model.path_name(),
            Fitted::Forecast { model, .. } => model.path_name(),
            Fitted::Tabular { model, .. } => model.path_name(),
        }
    }
}

/// A failure of a model as a failure of the stage.
pub fn model_error(error: ModelError) -> StageError {
    let kind = match &error {
        ModelError::TooFewRows { .. } | ModelError::Shape { .. } => ErrorKind::BadData,
        ModelError::Task { .. } => ErrorKind::Usage,
        ModelError::Export(_) => ErrorKind::CannotWrite,
        ModelError::Gpu(_) => ErrorKind::Transient,
        _ => ErrorKind::Internal,
    };
    let text = error.to_string();
    let made = StageError::new(kind, text).because(error);
    match kind {
        ErrorKind::BadData => {
            made.hint("widen the interval of the sample set, or look at its mask reasons")
        }
        ErrorKind::Transient => {
            made.hint("wait until the GPU is free, or train on the CPU: `\"device\": \"cpu\"`")
        }
        _ => made,
    }
}

/// A failure of the registry as a failure of the stage.
pub fn registry_error(error: RegistryError) -> StageError {
    let kind = match error {
        RegistryError::Storage(error) => return error.into(),
        RegistryError::Sums { .. } | RegistryError::Signature { .. } => ErrorKind::BadData,
        RegistryError::Key { .. } => ErrorKind::Usage,
        RegistryError::Weights(_) | RegistryError::Events(_) => ErrorKind::BadData,
    };
    let hint = match error {
        RegistryError::Sums { .. } => "restore the folder from a copy, or train the model anew",
        RegistryError::Signature { .. } => {
            "promote the model, or put the public key of who signed it into the folder `public_keys`"
        }
        RegistryError::Weights(_) => "train a model with this release",
        _ => return StageError::new(kind, error.to_string()).because(error),
    };
    StageError::new(kind, error.to_string()).because(error).hint(hint)
}

#[cfg(test)]
mod tests {
    use foresite_features::task::built_in;
    use foresite_models::anomaly::{AnomalyOptions, Panel, Periods};
    use foresite_models::forecast::{ForecastOptions, Origin, Origins, SeriesSet};
    use foresite_models::network::{Device, NetworkOptions};
    use foresite_models::tabular::{Candidate, FitOptions, Link, Samples, Sliced};

    use super::*;

    /// A number between -1 and 1 that looks like noise.
    fn noise(at: usize) -> f64 {
        let mixed = (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((mixed ^ (mixed >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 12) as f64
            / (1_u64 << 51) as f64
            - 1.0
    }

    fn package(task: &str, fitted: Fitted) -> Package {
        Package {
            task: serde_json::from_str(built_in(task).unwrap()).unwrap(),
            lineage_id: "0123456789abcdef0123".into(),
            sample_set_id: "set".into(),
            seed: 1,
            samples: BTreeMap::new(),
            spans: BTreeMap::new(),
            fitted,
        }
    }

    fn comes_back(package: &Package) {
        let folder = package.to_folder("# Card".into(), "auc 1\n".into()).unwrap();
        assert_eq!(&Package::from_folder(&folder).unwrap(), package);
        assert_eq!(folder.file(files::NETWORK).is_ok(), package.ships_network());
        assert_eq!(package.model_id(), "0123456789abcdef");
    }

    /// The next step of a tent: chaos that no linear path continues, but a network does.
    fn tent(x: f64, at: usize) -> f64 {
        0.95 * (1.0 - (2.0 * x - 1.0).abs()) + 0.02 * noise(at).abs()
    }

    fn with_network() -> FitOptions {
        let options = NetworkOptions { learning_rate: 0.01, ..NetworkOptions::default() };
        FitOptions {
            candidates: vec![Candidate::Network { options }],
            seed: 3,
            replicates: 200,
            device: Device::Cpu,
        }
    }

    #[test]
    fn a_detector_comes_back_bit_by_bit() {
        let mut panel =
            Panel::new(vec!["a".into(), "b".into()], vec!["x".into(), "y".into()], 1200);
        let mut x = [0.3, 0.4];
        for at in 0..2400 {
            x = [tent(x[0], 2 * at), tent(x[1], 2 * at + 1)];
            panel.row_mut(at / 1200, at % 1200).copy_from_slice(&x.map(|x| x as f32));
        }
        let periods = Periods {
            fit: 0..700,
            select: 700..800,
            calibrate: 800..1000,
            gate: 1000..1200,
            week: 10,
        };
        let options = AnomalyOptions { lags: 4, ..AnomalyOptions::default() };
        let (model, gate) = Anomaly::fit(&panel, &periods, &options, &with_network()).unwrap();
        assert!(model.residual.is_some(), "{gate:?}");
        comes_back(&package("anomaly", Fitted::Anomaly { model: Box::new(model), gate }));
    }

    #[test]
    fn a_forecaster_comes_back_bit_by_bit() {
        let mut set = SeriesSet::new(vec!["s".into()], 1400);
        let mut x: f64 = 0.3;
        for (at, value) in set.row_mut(0).iter_mut().enumerate() {
            x = tent(x, at);
            *value = 20.0 + 10.0 * x;
        }
        let at = |step| Origin { series: 0, step, reach: 2, block: step as u64 / 7 };
        let origins = Origins {
            fit: (40..900).map(at).collect(),
            select: (910..1050).map(at).collect(),
            calibrate: (1060..1150).map(at).collect(),
            gate: (1160..1390).map(at).collect(),
        };
        let options = ForecastOptions {
            horizon: 2,
            look_back: 14,
            season: 7,
            quantiles: vec![0.1, 0.5, 0.9],
            ceiling: None,
        };
        let (model, bases, gate) =
            Forecaster::fit(&set, &origins, &options, &with_network()).unwrap();
        assert!(model.residual.is_some(), "{gate:?}");
        let model = Box::new(model);
        comes_back(&package("capacity", Fitted::Forecast { model, bases, gate }));
    }

    #[test]
    fn a_network_comes_back_bit_by_bit() {
        let slice = |from: usize| {
            let mut samples = Samples::empty(2, 1);
            for at in from..from + 200 {
                let (a, b) = (noise(2 * at), noise(2 * at + 1));
                let block = (at / 4) as u64;
                samples.push(&[a, b], &[f64::from(u8::from(a * b > 0.0))], 1.0, block);
            }
            samples
        };
        let slices =
            Sliced { fit: slice(0), select: slice(300), calibrate: slice(600), gate: slice(900) };
        let options = FitOptions {
            candidates: vec![Candidate::Network { options: Default::default() }],
            seed: 3,
            replicates: 200,
            device: Device::Cpu,
        };
        let (model, gate) = Tabular::fit(Link::LogOdds, 1, &slices, &options).unwrap();
        assert!(gate[0].earned, "{gate:?}");
        let task: Task = serde_json::from_str(built_in("maintenance").unwrap()).unwrap();
        let kernel = Box::new(FeatureKernel::fit(task, &[]));
        let model = Box::new(model);
        let fitted = Fitted::Tabular { kernel, model, causes: None, usual: vec![0.5; 2], gate };
        comes_back(&package("maintenance", fitted));
    }
}
