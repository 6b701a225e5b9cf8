//! What a model takes and gives, for people and for clients that ask.

use foresite_datasets::{Fitted, limit};
use foresite_features::task::Head;
use foresite_inference::{Datatype, Metadata, TensorMetadata};
use serde_json::{Map, Value, json};

use crate::model::Loaded;

/// Outputs of every model, besides those of its head.
const EVERY: [&str; 6] =
    ["prediction_id", "entity_id", "cutoff", "horizon_s", "model_id", "not_scored"];

/// Names of the outputs of a model, in their order; they are the columns of `predictions_<task>`.
pub(super) fn outputs(loaded: &Loaded) -> Vec<&'static str> {
    let task = &loaded.package.task;
    let own: &[&str] = match &task.head {
        Head::Anomaly {} => &["score", "p_value"],
        Head::TimeToEvent { .. } | Head::Binary {} | Head::Multiclass { .. } => {
            &["score", "probability"]
        }
        Head::Regression { .. } => &["score", "low", "median", "high"],
        Head::Forecast { .. } if limit(task).is_some() => &[
            "score",
            "low",
            "median",
            "high",
            "probability",
            "event_low_at",
            "event_at",
            "event_high_at",
        ],
        Head::Forecast { .. } => &["score", "low", "median", "high"],
    };
    EVERY.iter().chain(own).chain(&["values"]).copied().collect()
}

/// Metadata of a model under the name that it was asked for.
pub(crate) fn metadata(name: &str, loaded: &Loaded, versions: Vec<String>) -> Metadata {
    let mut named: Vec<TensorMetadata> = outputs(loaded).into_iter().map(output).collect();
    named.push(TensorMetadata::new("drivers", Datatype::Bytes, &[-1, -1]));
    Metadata {
        name: name.to_owned(),
        versions,
        platform: "foresite".into(),
        inputs: inputs(loaded),
        outputs: named,
        parameters: parameters(loaded),
    }
}

/// What can be asked about: an entity at a cutoff, or the values that would be read for it.
fn inputs(loaded: &Loaded) -> Vec<TensorMetadata> {
    let mut inputs = vec![
        TensorMetadata::new("entity", Datatype::Bytes, &[-1]),
        TensorMetadata::new("cutoff", Datatype::Bytes, &[-1]),
    ];
    match &loaded.package.fitted {
        Fitted::Tabular { kernel, .. } => {
            let shape = [-1, width(kernel.raw_names())];
            inputs.push(TensorMetadata::new("features", Datatype::Fp64, &shape));
        }
        Fitted::Forecast { model, .. } => {
            let shape = [-1, i64::try_from(model.look_back).unwrap_or(-1)];
            inputs.push(TensorMetadata::new("history", Datatype::Fp64, &shape));
        }
        Fitted::Anomaly { .. } => {}
    }
    inputs
}

/// What a client may want to know of the task and of the model.
fn parameters(loaded: &Loaded) -> Map<String, Value> {
    let task = &loaded.package.task;
    let mut parameters = Map::new();
    let mut tell = |key: &str, value: Value| parameters.insert(key.to_owned(), value);
    tell("task", json!(task.task));
    tell("about", json!(task.about));
    tell("model_id", json!(loaded.id));
    tell("alias", json!(loaded.alias.word()));
    tell("entity_type", json!(task.entity_type));
    tell("head", json!(task.head));
    tell("cutoffs", json!(task.cutoffs));
    match &loaded.package.fitted {
        Fitted::Tabular { kernel, .. } => {
            tell("features", json!(kernel.raw_names()));
        }
        Fitted::Forecast { model, .. } => {
            tell("history_step", json!(task.inputs.granularity));
            tell("quantiles", json!(model.quantiles));
        }
        Fitted::Anomaly { model, .. } => {
            tell("channels", json!(model.channels));
        }
    }
    parameters
}

fn width(columns: &[String]) -> i64 {
    i64::try_from(columns.len()).unwrap_or(-1)
}

fn output(name: &str) -> TensorMetadata {
    match name {
        "horizon_s" => TensorMetadata::new(name, Datatype::Int64, &[-1]),
        "values" => TensorMetadata::new(name, Datatype::Fp64, &[-1, -1]),
        "score" | "p_value" | "probability" | "low" | "median" | "high" => {
            TensorMetadata::new(name, Datatype::Fp64, &[-1])
        }
        _ => TensorMetadata::new(name, Datatype::Bytes, &[-1]),
    }
}
