//! `predictions_<task>` and `alert_state`: the newest usable statements of every list's task.

use foresite_schema::catalog::outcome;
use foresite_stage::Result;
use foresite_tables::Read;

use super::{Reader, Rows};
use crate::clock::{HOUR, Micros};
use crate::config::ListConfig;
use crate::inputs::{AlertState, Driver, Prediction, Role};

impl Reader<'_> {
    /// Newest predictions of every list's task, not older than the list allows.
    pub(super) fn predictions(&mut self) -> Result<Vec<Prediction>> {
        let mut all = Vec::new();
        for list in &self.config.lists {
            all.extend(self.predictions_of(list)?);
        }
        Ok(all)
    }

    fn predictions_of(&mut self, list: &ListConfig) -> Result<Vec<Prediction>> {
        let read = Read::all().period(self.cutoff - list.max_age(), self.cutoff + TASK_OFFSET);
        let Some(batch) = self.resolved(outcome::predictions(&list.task), read)? else {
            return Ok(Vec::new());
        };
        let mut rows = parse(&list.task, &Rows::of(&batch))?;
        let newest = rows.iter().map(|row| row.cutoff).max();
        rows.retain(|row| Some(row.cutoff) == newest);
        Ok(rows)
    }

    /// The alert states that belong to the predictions read.
    pub(super) fn alert_states(&mut self, predictions: &[Prediction]) -> Result<Vec<AlertState>> {
        let oldest = predictions.iter().map(|row| row.cutoff).min().unwrap_or(self.cutoff);
        let read = Read::all().period(oldest, self.cutoff + TASK_OFFSET);
        let Some(batch) = self.resolved(outcome::alert_state(), read)? else {
            return Ok(Vec::new());
        };
        let rows = Rows::of(&batch);
        let [task, entity, model] =
            [rows.text("task")?, rows.text("entity_id")?, rows.text("model_id")?];
        let (cutoff, opened) = (rows.times("cutoff")?, rows.times("opened_at")?);
        let mut states = Vec::new();
        for row in 0..rows.len() {
            let serves = |prediction: &Prediction| {
                Some(prediction.task.as_str()) == task.at(row)
                    && Some(prediction.model_id.as_str()) == model.at(row)
                    && prediction.cutoff == cutoff.required(row)
                    && prediction.role != Role::Challenger
            };
            // All rows of a task share model and cutoff, so the first one decides.
            if predictions.iter().any(serves) {
                states.push(AlertState {
                    task: task.owned(row),
                    entity_id: entity.owned(row),
                    is_open: rows.flag("is_open", row)?,
                    opened_at: opened.at(row),
                });
            }
        }
        Ok(states)
    }
}

fn parse(task: &str, rows: &Rows<'_>) -> Result<Vec<Prediction>> {
    let [id, kind, entity] =
        [rows.text("prediction_id")?, rows.text("entity_type")?, rows.text("entity_id")?];
    let [model, role, lineage, not_scored] = [
        rows.text("model_id")?,
        rows.text("role")?,
        rows.text("lineage_id")?,
        rows.text("not_scored")?,
    ];
    let [score, p_value, probability] =
        [rows.doubles("score")?, rows.doubles("p_value")?, rows.doubles("probability")?];
    let [low, median, high] =
        [rows.doubles("low")?, rows.doubles("median")?, rows.doubles("high")?];
    let [cutoff, event_low, event, event_high] = [
        rows.times("cutoff")?,
        rows.times("event_low_at")?,
        rows.times("event_at")?,
        rows.times("event_high_at")?,
    ];
    let (horizon, drivers) = (rows.longs("horizon_s")?, rows.texts("drivers")?);
    let mut parsed = Vec::with_capacity(rows.len());
    for row in 0..rows.len() {
        if rows.flag("replay", row)? {
            continue;
        }
        parsed.push(Prediction {
            task: task.to_owned(),
            prediction_id: id.owned(row),
            entity_type: kind.owned(row),
            entity_id: entity.owned(row),
            cutoff: cutoff.required(row),
            horizon: horizon.at(row).unwrap_or(0) * SECOND,
            model_id: model.owned(row),
            role: Role::from_word(role.at(row).unwrap_or_default()),
            score: score.at(row),
            p_value: p_value.at(row),
            probability: probability.at(row),
            low: low.at(row),
            median: median.at(row),
            high: high.at(row),
            event_low_at: event_low.at(row),
            event_at: event.at(row),
            event_high_at: event_high.at(row),
            drivers: drivers.at(row).iter().filter_map(|text| Driver::parse(text)).collect(),
            not_scored: not_scored.filled(row),
            lineage_id: lineage.owned(row),
        });
    }
    Ok(parsed)
}

const SECOND: Micros = 1_000_000;

/// A task speaks some minutes after the data's end, when late files have arrived; never an hour.
const TASK_OFFSET: Micros = HOUR;
