//! `evaluations`: the newest judgement of every model, baselines beside its own numbers.

use std::collections::BTreeMap;

use foresite_tables::{ErrorKind, Micros, Result, Root};

use crate::models::{Baseline, Metric};
use crate::rows::Rows;

/// The newest evaluation of a model.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evaluation {
    pub(crate) at: Option<Micros>,
    pub(crate) id: Option<String>,
    pub(crate) verdict: Option<String>,
    pub(crate) metrics: Vec<Metric>,
}

/// The newest evaluation of every model.
pub(crate) fn newest_of(rows: Rows<'_>) -> BTreeMap<String, Evaluation> {
    let [model, slice, metric, baseline, verdict] =
        ["model_id", "slice", "metric", "baseline", "verdict"].map(|name| rows.text(name));
    let [value, low, high] = ["value", "low", "high"].map(|name| rows.doubles(name));
    let (samples, at, id) = (rows.longs("samples"), rows.times("at"), rows.text("lineage_id"));
    let mut found: BTreeMap<String, Evaluation> = BTreeMap::new();
    for row in rows.each() {
        let newest = found.entry(model.owned(row)).or_default();
        newest.at = newest.at.max(at.at(row));
    }
    for row in rows.each() {
        let Some(of) = found.get_mut(model.at(row)).filter(|of| of.at == at.at(row)) else {
            continue;
        };
        of.verdict = verdict.filled(row).or(of.verdict.take());
        of.id = id.filled(row);
        let samples = samples.at(row);
        let line = of.line(slice.at(row), metric.at(row), samples);
        let (value, low, high) = (value.at(row), low.at(row), high.at(row));
        match baseline.filled(row) {
            Some(name) => line.baselines.push(Baseline { name, value, low, high }),
            None => (line.value, line.low, line.high, line.samples) = (value, low, high, samples),
        }
    }
    for evaluation in found.values_mut() {
        evaluation.sort();
    }
    found
}

/// The verdict that an evaluation's own file has: rows without a baseline carry none.
pub(crate) fn verdict_of(root: &Root, model: &str, id: &str) -> Result<Option<String>> {
    let document: serde_json::Value =
        match root.read(&format!("{model}/evaluation/{id}/evaluation.json")) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            // Deleted with its model, whose decisions stay on record.
            Err(error) if error.kind() == ErrorKind::Missing => return Ok(None),
            Err(error) => return Err(error),
        };
    Ok(document["verdict"].as_str().map(str::to_owned))
}

impl Evaluation {
    /// The line of a slice and metric, made where it is not there yet.
    fn line(&mut self, slice: &str, metric: &str, samples: Option<i64>) -> &mut Metric {
        let have =
            self.metrics.iter().position(|line| line.slice == slice && line.metric == metric);
        let at = have.unwrap_or_else(|| {
            self.metrics.push(Metric {
                slice: slice.to_owned(),
                metric: metric.to_owned(),
                value: None,
                low: None,
                high: None,
                samples,
                baselines: Vec::new(),
            });
            self.metrics.len() - 1
        });
        &mut self.metrics[at]
    }

    /// The test slice first, since the gate slice chose the model; horizons in order.
    fn sort(&mut self) {
        self.metrics.sort_by(|a, b| {
            let key = |line: &Metric| {
                (line.slice != "test", line.slice.clone(), by_horizon(&line.metric))
            };
            key(a).cmp(&key(b))
        });
    }
}

/// Orders `brier_6h` before `brier_1d`: the name without its horizon, then the horizon in hours.
fn by_horizon(metric: &str) -> (String, u32) {
    let parsed = || {
        let (name, last) = metric.rsplit_once('_')?;
        let (number, unit) = last.split_at_checked(last.len().checked_sub(1)?)?;
        let hours = match unit {
            "h" => 1,
            "d" => 24,
            _ => return None,
        };
        Some((name.to_owned(), number.parse::<u32>().ok()?.checked_mul(hours)?))
    };
    parsed().unwrap_or_else(|| (metric.to_owned(), 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn horizons_are_in_order() {
        let mut metrics = ["brier_14d", "auc_roc_7d", "brier_6h", "brier_1d", "ece", "x_"];
        metrics.sort_by_key(|metric| by_horizon(metric));
        assert_eq!(metrics, ["auc_roc_7d", "brier_6h", "brier_1d", "brier_14d", "ece", "x_"]);
    }
}
