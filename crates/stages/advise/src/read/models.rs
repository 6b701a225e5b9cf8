//! `evaluations` of the models in use, and the lineage of what they said.

use std::collections::{BTreeMap, BTreeSet};

use foresite_schema::catalog::outcome;
use foresite_stage::Result;
use foresite_tables::Read;

use super::{Reader, Rows};
use crate::clock::Micros;
use crate::inputs::{Evaluation, Signals};

impl Reader<'_> {
    /// The rows of the newest evaluation of every model in use, baselines included.
    pub(super) fn evaluations(&mut self, signals: &Signals) -> Result<Vec<Evaluation>> {
        let Some(batch) = self.resolved(outcome::evaluations(), Read::all())? else {
            return Ok(Vec::new());
        };
        let models: BTreeSet<&str> =
            signals.predictions.iter().map(|row| row.model_id.as_str()).collect();
        let rows = Rows::of(&batch);
        let (model, at) = (rows.text("model_id")?, rows.times("at")?);
        let mut newest: BTreeMap<&str, Micros> = BTreeMap::new();
        for row in 0..rows.len() {
            if let Some(id) = model.at(row).filter(|id| models.contains(id)) {
                let latest = newest.entry(id).or_insert(Micros::MIN);
                *latest = (*latest).max(at.required(row));
            }
        }
        let is_newest = |row: usize| {
            model
                .at(row)
                .and_then(|id| newest.get(id))
                .is_some_and(|latest| *latest == at.required(row))
        };
        let parsed = parse(&rows)?.into_iter().enumerate();
        Ok(parsed.filter(|(row, _)| is_newest(*row)).map(|(_, evaluation)| evaluation).collect())
    }
}

fn parse(rows: &Rows<'_>) -> Result<Vec<Evaluation>> {
    let [task, model, slice, metric] =
        [rows.text("task")?, rows.text("model_id")?, rows.text("slice")?, rows.text("metric")?];
    let [baseline, verdict] = [rows.text("baseline")?, rows.text("verdict")?];
    let [value, low, high] = [rows.doubles("value")?, rows.doubles("low")?, rows.doubles("high")?];
    let samples = rows.longs("samples")?;
    Ok((0..rows.len())
        .map(|row| Evaluation {
            task: task.owned(row),
            model_id: model.owned(row),
            slice: slice.owned(row),
            metric: metric.owned(row),
            value: value.at(row),
            low: low.at(row),
            high: high.at(row),
            baseline: baseline.filled(row),
            samples: samples.at(row),
            verdict: verdict.filled(row),
        })
        .collect())
}

/// Lineage ids of the predictions, by task.
pub(super) fn lineage(signals: &Signals) -> Vec<(String, String)> {
    let ids: BTreeSet<(String, String)> = signals
        .predictions
        .iter()
        .map(|row| (format!("{} predictions", row.task), row.lineage_id.clone()))
        .collect();
    ids.into_iter().collect()
}
