//! `predictions_<task>`: what the models said that the incidents rest on.
//!
//! The table is read batch by batch and only what an incident names is kept, so that memory follows
//! from the lists and not from the network.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, RecordBatch};
use foresite_kpi::{Columns, micros};
use foresite_schema::catalog::outcome;
use foresite_stage::Result;
use foresite_tables::{Micros, Read};

use crate::config::Config;
use crate::moment::SECOND;
use crate::source::{Source, number, text, texts, unfit};

/// One prediction.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Prediction {
    pub(crate) prediction_id: String,
    pub(crate) entity_id: String,
    pub(crate) cutoff: Micros,
    pub(crate) horizon: Micros,
    pub(crate) model_id: String,
    pub(crate) score: Option<f64>,
    pub(crate) p_value: Option<f64>,
    pub(crate) probability: Option<f64>,
    /// 10 %, median and 90 % of the forecast.
    pub(crate) value: [Option<f64>; 3],
    pub(crate) event: [Option<Micros>; 3],
    pub(crate) drivers: Vec<String>,
    pub(crate) not_scored: Option<String>,
}

/// The version of a row that was known last, and then written last.
type Newest = BTreeMap<String, ((Micros, Micros), Option<Prediction>)>;

/// Which predictions are wanted.
pub(crate) struct Wanted<'a> {
    pub(crate) ids: BTreeSet<&'a str>,
    pub(crate) config: &'a Config,
}

/// Predictions of the task with the wanted ids and roles and cutoffs in `[start, end)`.
pub(crate) fn read(
    source: &mut Source<'_>,
    task: &str,
    wanted: &Wanted<'_>,
    (start, end): (Micros, Micros),
) -> Result<BTreeMap<String, Prediction>> {
    let mut newest = Newest::new();
    let read = Read::all().period(start, end);
    source.scan(outcome::predictions(task), read, |batch| keep(batch, wanted, &mut newest))?;
    let live = newest.into_iter().filter_map(|(id, (_, row))| Some((id, row?)));
    Ok(live.collect())
}

fn keep(batch: &RecordBatch, wanted: &Wanted<'_>, newest: &mut Newest) -> Result<()> {
    let columns = Columns(batch);
    let ids = columns.text("prediction_id").map_err(unfit)?;
    let roles = columns.text("role").map_err(unfit)?;
    let replays = columns.bools("replay").map_err(unfit)?;
    let tombstones = columns.bools("tombstone").map_err(unfit)?;
    let times = |name| columns.times(name).map_err(unfit);
    let (known, written) = (times("known_at")?, times("ingested_at")?);
    let rows: Vec<usize> = (0..batch.num_rows())
        .filter(|row| !replays.value(*row) && wanted.ids.contains(ids.value(*row)))
        .filter(|row| wanted.config.hears(roles.value(*row)))
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let parsed = parse(batch, &rows)?;
    for (row, prediction) in rows.into_iter().zip(parsed) {
        let clock = |times| micros(times, row).unwrap_or_default();
        let version = (clock(&known), clock(&written));
        let stands = (!tombstones.value(row)).then_some(prediction);
        match newest.get(ids.value(row)) {
            Some((have, _)) if *have >= version => {}
            _ => {
                newest.insert(ids.value(row).to_owned(), (version, stands));
            }
        }
    }
    Ok(())
}

fn parse(batch: &RecordBatch, rows: &[usize]) -> Result<Vec<Prediction>> {
    let columns = Columns(batch);
    let words = |name| columns.text(name).map_err(unfit);
    let [ids, entities, models, not_scored] =
        [words("prediction_id")?, words("entity_id")?, words("model_id")?, words("not_scored")?];
    let numbers = |name| columns.doubles(name).map_err(unfit);
    let [score, p_value, probability] =
        [numbers("score")?, numbers("p_value")?, numbers("probability")?];
    let values = [numbers("low")?, numbers("median")?, numbers("high")?];
    let times = |name| columns.times(name).map_err(unfit);
    let cutoffs = times("cutoff")?;
    let dates = [times("event_low_at")?, times("event_at")?, times("event_high_at")?];
    let horizons = columns.longs("horizon_s").map_err(unfit)?;
    let drivers = columns.lists("drivers").map_err(unfit)?;
    let one = |row| Prediction {
        prediction_id: text(&ids, row).unwrap_or_default(),
        entity_id: text(&entities, row).unwrap_or_default(),
        cutoff: micros(&cutoffs, row).unwrap_or_default(),
        horizon: if horizons.is_valid(row) {
            horizons.value(row).saturating_mul(SECOND)
        } else {
            0
        },
        model_id: text(&models, row).unwrap_or_default(),
        score: number(&score, row),
        p_value: number(&p_value, row),
        probability: number(&probability, row),
        value: values.each_ref().map(|values| number(values, row)),
        event: dates.each_ref().map(|dates| micros(dates, row)),
        drivers: texts(&drivers, row),
        not_scored: text(&not_scored, row),
    };
    Ok(rows.iter().map(|row| one(*row)).collect())
}
