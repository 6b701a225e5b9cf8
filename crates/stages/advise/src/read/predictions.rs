//! `predictions_<task>` and `alert_state`: the newest usable statements of every list's task. What a
//! challenger says in its shadow has a source of its own, and is not read at all. What a model said in
//! its replays is read only where it is asked for by name.

use foresite_schema::catalog::outcome;
use foresite_stage::Result;
use foresite_tables::Read;

use super::{Reader, Rows};
use crate::clock::{HOUR, Micros};
use crate::config::ListConfig;
use crate::inputs::{AlertState, Driver, Prediction, Role};
use crate::worklist::SOURCE;

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
        let def = outcome::predictions(&list.task);
        let asked = self.asked.get(&list.task).cloned();
        // A replay was made later than the hour it is about: the run's clock says whether it is there.
        let batch = match &asked {
            Some(model) => {
                let read = read.text("source", REPLAY).text("model_id", model);
                self.resolved_at(def, read, self.cx.as_of())?
            }
            None => self.resolved(def, read.text("source", SOURCE))?,
        };
        let Some(batch) = batch else {
            return Ok(Vec::new());
        };
        let mut rows = parse(&list.task, &Rows::of(&batch), asked.is_some())?;
        if asked.is_some() {
            // It speaks as if it had served.
            rows.iter_mut().for_each(|row| row.role = Role::Champion);
        }
        // What a challenger says later must not stand in the way of what serves.
        rows.retain(|row| row.role != Role::Challenger);
        let newest = rows.iter().map(|row| row.cutoff).max();
        rows.retain(|row| Some(row.cutoff) == newest);
        Ok(rows)
    }

    /// The alert states that belong to the predictions read.
    pub(super) fn alert_states(&mut self, predictions: &[Prediction]) -> Result<Vec<AlertState>> {
        let oldest = predictions.iter().map(|row| row.cutoff).min().unwrap_or(self.cutoff);
        let read = Read::all().period(oldest, self.cutoff + TASK_OFFSET);
        let (replayed, published): (Vec<&Prediction>, Vec<&Prediction>) =
            predictions.iter().partition(|row| self.asked.contains_key(&row.task));
        let mut states =
            self.states(read.clone().text("source", SOURCE), self.as_of, &published)?;
        if !replayed.is_empty() {
            let read = read.text("source", REPLAY);
            states.extend(self.states(read, self.cx.as_of(), &replayed)?);
        }
        Ok(states)
    }

    fn states(
        &mut self,
        read: Read,
        as_of: Micros,
        predictions: &[&Prediction],
    ) -> Result<Vec<AlertState>> {
        let Some(batch) = self.resolved_at(outcome::alert_state(), read, as_of)? else {
            return Ok(Vec::new());
        };
        let rows = Rows::of(&batch);
        let [task, entity, model] =
            [rows.text("task")?, rows.text("entity_id")?, rows.text("model_id")?];
        let (cutoff, opened) = (rows.times("cutoff")?, rows.times("opened_at")?);
        // A table that an earlier release wrote last has no such column.
        let strongest = rows.doubles("strongest").ok();
        let mut states = Vec::new();
        for row in 0..rows.len() {
            let serves = |prediction: &&Prediction| {
                Some(prediction.task.as_str()) == task.at(row)
                    && Some(prediction.model_id.as_str()) == model.at(row)
                    && prediction.cutoff == cutoff.required(row)
            };
            // All rows of a task share model and cutoff, so the first one decides.
            if predictions.iter().any(serves) {
                states.push(AlertState {
                    task: task.owned(row),
                    entity_id: entity.owned(row),
                    is_open: rows.flag("is_open", row)?,
                    opened_at: opened.at(row),
                    strongest: strongest.as_ref().and_then(|values| values.at(row)),
                });
            }
        }
        Ok(states)
    }
}

/// The rows that are replays, or those that are none.
fn parse(task: &str, rows: &Rows<'_>, replays: bool) -> Result<Vec<Prediction>> {
    let mut parsed = identities(task, rows)?;
    add_values(&mut parsed, rows)?;
    add_dates(&mut parsed, rows)?;
    let mut wanted = Vec::with_capacity(parsed.len());
    for (row, prediction) in parsed.into_iter().enumerate() {
        if rows.flag("replay", row)? == replays {
            wanted.push(prediction);
        }
    }
    Ok(wanted)
}

/// Who said it about what, and why.
fn identities(task: &str, rows: &Rows<'_>) -> Result<Vec<Prediction>> {
    let [id, kind, entity] =
        [rows.text("prediction_id")?, rows.text("entity_type")?, rows.text("entity_id")?];
    let [model, role, lineage, not_scored] = [
        rows.text("model_id")?,
        rows.text("role")?,
        rows.text("lineage_id")?,
        rows.text("not_scored")?,
    ];
    let (cutoff, horizon) = (rows.times("cutoff")?, rows.longs("horizon_s")?);
    let drivers = rows.texts("drivers")?;
    let one = |row| Prediction {
        task: task.to_owned(),
        prediction_id: id.owned(row),
        entity_type: kind.owned(row),
        entity_id: entity.owned(row),
        cutoff: cutoff.required(row),
        horizon: horizon.at(row).unwrap_or(0) * SECOND,
        model_id: model.owned(row),
        role: Role::from_word(role.at(row).unwrap_or_default()),
        drivers: drivers.at(row).iter().filter_map(|text| Driver::parse(text)).collect(),
        not_scored: not_scored.filled(row),
        lineage_id: lineage.owned(row),
        ..Prediction::default()
    };
    Ok((0..rows.len()).map(one).collect())
}

fn add_values(parsed: &mut [Prediction], rows: &Rows<'_>) -> Result<()> {
    let [score, p_value, probability] =
        [rows.doubles("score")?, rows.doubles("p_value")?, rows.doubles("probability")?];
    let [low, median, high] =
        [rows.doubles("low")?, rows.doubles("median")?, rows.doubles("high")?];
    for (row, prediction) in parsed.iter_mut().enumerate() {
        prediction.score = score.at(row);
        prediction.p_value = p_value.at(row);
        prediction.probability = probability.at(row);
        prediction.low = low.at(row);
        prediction.median = median.at(row);
        prediction.high = high.at(row);
    }
    Ok(())
}

fn add_dates(parsed: &mut [Prediction], rows: &Rows<'_>) -> Result<()> {
    let [low, median, high] =
        [rows.times("event_low_at")?, rows.times("event_at")?, rows.times("event_high_at")?];
    for (row, prediction) in parsed.iter_mut().enumerate() {
        prediction.event_low_at = low.at(row);
        prediction.event_at = median.at(row);
        prediction.event_high_at = high.at(row);
    }
    Ok(())
}

const SECOND: Micros = 1_000_000;

/// Source of the rows that a model said when it was asked about the past.
pub(crate) const REPLAY: &str = "replay";

/// A task speaks some minutes after the data's end, when late files have arrived; never an hour.
pub(crate) const TASK_OFFSET: Micros = HOUR;
