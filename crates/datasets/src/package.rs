//! A fitted model with everything that is needed to use it: what a bundle holds.

use std::collections::BTreeMap;

use foresite_features::kernel::FeatureKernel;
use foresite_features::task::Task;
use foresite_models::ModelError;
use foresite_models::anomaly::Anomaly;
use foresite_models::forecast::{BaseScore, Forecaster};
use foresite_models::network::{Mlp, Residual};
use foresite_models::tabular::{Encoder, GateResult, Tabular};
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

    /// The bundle's files, for people and for machines, but not a network's for other programs: to
    /// write it takes the library that trains networks.
    ///
    /// # Errors
    /// `BadData` for a fitted value that is not a finite number.
    pub fn to_folder(&self, card: String, metrics: String) -> Result<Folder> {
        let (model, weights) = to_parts(self).map_err(registry_error)?;
        Ok(Folder::new()
            .with(files::MODEL, serde_json::to_vec_pretty(&model)?)
            .with(files::WEIGHTS, weights)
            .with(files::CARD, card)
            .with(files::METRICS, metrics))
    }

    /// The network that ships, and what encodes its inputs; `None` where none does.
    pub fn network(&self) -> Option<(&Encoder, &Mlp)> {
        match &self.fitted {
            Fitted::Anomaly { model, .. } => model.residual.as_ref().map(Residual::network),
            Fitted::Forecast { model, .. } => model.residual.as_ref().map(Residual::network),
            Fitted::Tabular { model, .. } => model.network(),
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
        self.network().is_some()
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
        ErrorKind::Transient => made.hint(
            "wait until the GPU is free, lower `most_samples` of featurize, or train on the CPU: \
             `\"device\": \"cpu\"`",
        ),
        _ => made,
    }
}

/// A failure of the registry as a failure of the stage.
pub fn registry_error(error: RegistryError) -> StageError {
    let kind = match error {
        RegistryError::Storage(error) => return error.into(),
        RegistryError::Sums { .. }
        | RegistryError::Signature { .. }
        | RegistryError::Untrusted { .. } => ErrorKind::BadData,
        RegistryError::Key { .. } => ErrorKind::Usage,
        RegistryError::Weights(_) | RegistryError::Events(_) => ErrorKind::BadData,
    };
    let hint = match error {
        RegistryError::Sums { .. } => "restore the folder from a copy, or train the model anew",
        RegistryError::Signature { .. } => {
            "restore the signatures from a copy, or take them away and promote the model again"
        }
        RegistryError::Untrusted { .. } => {
            "promote the model by --model, or put the public key of who signed it into the folder `public_keys`"
        }
        RegistryError::Weights(_) => "train a model with this release",
        _ => return StageError::new(kind, error.to_string()).because(error),
    };
    StageError::new(kind, error.to_string()).because(error).hint(hint)
}
