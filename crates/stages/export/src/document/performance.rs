//! `model-performance.json`: evaluations in the terms of TS 28.105, realised deviations as
//! `MLModelAccuracyInfo`.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::{Document, Header, Sheet};
use crate::config::Config;
use crate::models::{Evaluation, Figure, Realised};
use crate::moment::stamp;

/// Name of the document.
pub(crate) const NAME: &str = "model-performance";

/// The document.
pub(crate) fn document(
    header: &Header<'_>,
    config: &Config,
    evaluations: &BTreeMap<String, Evaluation>,
    realised: &[Realised],
) -> Document {
    let mut sheet = Sheet::begin(&header.json(NAME));
    sheet.list("mLModels", evaluations.iter().map(|(id, of)| model(config, id, of)));
    sheet.list("modelAccuInfos", realised.iter().map(accuracy));
    sheet.end(NAME)
}

fn model(config: &Config, id: &str, of: &Evaluation) -> Json {
    let output = config.terms(&of.task).map(|terms| terms.output.mda_type());
    let figures = |figures: &[Figure]| {
        figures.iter().map(|figure| performance(output, figure)).collect::<Vec<_>>()
    };
    json!({
        "mLModelId": id,
        "modelPerformanceValidation": figures(&of.gate),
        "modelPerformanceTesting": figures(&of.test),
        "foresite": {"task": of.task, "evaluatedAt": stamp(of.at), "verdict": of.verdict},
    })
}

fn performance(output: Option<&str>, figure: &Figure) -> Json {
    json!({
        "inferenceOutputName": output,
        "performanceMetric": figure.metric,
        "performanceScore": figure.value,
        "foresite": {"low": figure.low, "high": figure.high, "samples": figure.samples},
    })
}

fn accuracy(of: &Realised) -> Json {
    json!({
        "modelId": of.model_id,
        "deviation": of.figure.value,
        "inferenceNum": of.figure.samples.filter(|samples| *samples >= 0),
        "foresite": {
            "task": of.task,
            "scope": of.scope,
            "metric": of.figure.metric,
            "low": of.figure.low,
            "high": of.figure.high,
            "windowStart": stamp(of.window.0),
            "windowEnd": stamp(of.window.1),
            "state": of.state,
            "reason": of.reason,
        },
    })
}
