//! What a model said.

use arrow::array::{Array as _, Float64Array};
use foresite_features::task::{Micros, SECOND};
use foresite_kpi::Columns;
use foresite_schema::catalog::outcome;
use foresite_stage::Result;
use foresite_tables::Read;

use crate::models::Model;
use crate::source::{Source, unfit};

const COLUMNS: [&str; 13] = [
    "prediction_id",
    "entity_id",
    "cutoff",
    "horizon_s",
    "model_id",
    "role",
    "replay",
    "probability",
    "low",
    "median",
    "high",
    "known_at",
    "lineage_id",
];

/// One prediction.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    pub(crate) id: String,
    pub(crate) entity_id: String,
    pub(crate) cutoff: Micros,
    pub(crate) horizon: Micros,
    pub(crate) probability: Option<f64>,
    pub(crate) median: Option<f64>,
    pub(crate) interval: Option<(f64, f64)>,
}

/// What the model said under its alias about cutoffs in `(start, end]`, replays left out: nobody saw
/// them.
pub(crate) fn read(
    source: &mut Source<'_>,
    model: &Model,
    (start, end): (Micros, Micros),
) -> Result<Vec<Said>> {
    let mut found = Vec::new();
    // A cutoff lies a little after the period that it describes.
    let until = end + model.task.cutoffs.offset.micros() + 1;
    let read = Read::all().columns(COLUMNS).period(start + 1, until).text("model_id", &model.id);
    source.scan(outcome::predictions(&model.task.task), read, |batch| {
        let columns = Columns(batch);
        let text = |name| columns.text(name).map_err(unfit);
        let doubles = |name| columns.doubles(name).map_err(unfit);
        let (ids, entities, roles) = (text("prediction_id")?, text("entity_id")?, text("role")?);
        let cutoffs = columns.times("cutoff").map_err(unfit)?;
        let horizons = columns.longs("horizon_s").map_err(unfit)?;
        let replays = columns.bools("replay").map_err(unfit)?;
        let [probability, low, median, high] =
            [doubles("probability")?, doubles("low")?, doubles("median")?, doubles("high")?];
        for row in 0..batch.num_rows() {
            if replays.value(row) || roles.value(row) != model.role.word() {
                continue;
            }
            let at = |array: &Float64Array| array.is_valid(row).then(|| array.value(row));
            found.push(Said {
                id: ids.value(row).to_owned(),
                entity_id: entities.value(row).to_owned(),
                cutoff: cutoffs.value(row),
                horizon: horizons.value(row) * SECOND,
                probability: at(&probability),
                median: at(&median),
                interval: at(&low).zip(at(&high)),
            });
        }
        Ok(())
    })?;
    Ok(found)
}
