//! What a model said.
//!
//! Only what is judged is held: of each region the entities that drift is tested on as well, and what
//! the caller asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array as _, Float64Array};
use foresite_features::task::{Micros, SECOND};
use foresite_kpi::Columns;
use foresite_schema::catalog::outcome;
use foresite_stage::Result;
use foresite_tables::Read;

use crate::models::Model;
use crate::panel::Members;
use crate::source::{Source, unfit};

const COLUMNS: [&str; 14] = [
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
    "tombstone",
    "known_at",
    "ingested_at",
    "lineage_id",
];

/// One prediction.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    pub(crate) entity_id: Arc<str>,
    pub(crate) cutoff: Micros,
    pub(crate) horizon: Micros,
    pub(crate) probability: Option<f64>,
    pub(crate) median: Option<f64>,
    pub(crate) interval: Option<(f64, f64)>,
}

/// One prediction in one of its versions.
struct Version {
    said: Said,
    /// When it was known and written: the greatest counts.
    age: (Micros, Micros),
    /// Whether it was said under the alias and not taken back.
    counts: bool,
}

/// What the model said under its alias about cutoffs in `(start, end]`, as far as `keep` wants it
/// (cutoff, horizon). Replays are left out: nobody saw them. Of a prediction that was made anew the last
/// version counts.
pub(crate) fn read(
    source: &mut Source<'_>,
    (model, chosen): (&Model, &Members),
    (start, end): (Micros, Micros),
    keep: impl Fn(Micros, Micros) -> bool,
) -> Result<Vec<Said>> {
    let mut found = Vec::new();
    let mut names: BTreeMap<String, Arc<str>> = BTreeMap::new();
    let read = of_model(model, (start, end)).columns(COLUMNS);
    source.scan(outcome::predictions(&model.task.task), read, |batch| {
        let columns = Columns(batch);
        let text = |name| columns.text(name).map_err(unfit);
        let doubles = |name| columns.doubles(name).map_err(unfit);
        let (entities, roles) = (text("entity_id")?, text("role")?);
        let cutoffs = columns.times("cutoff").map_err(unfit)?;
        let horizons = columns.longs("horizon_s").map_err(unfit)?;
        let (replays, gone) = (columns.bools("replay"), columns.bools("tombstone"));
        let (replays, gone) = (replays.map_err(unfit)?, gone.map_err(unfit)?);
        let (known, written) = (columns.times("known_at"), columns.times("ingested_at"));
        let (known, written) = (known.map_err(unfit)?, written.map_err(unfit)?);
        let [probability, low, median, high] =
            [doubles("probability")?, doubles("low")?, doubles("median")?, doubles("high")?];
        for row in 0..batch.num_rows() {
            let (id, cutoff) = (entities.value(row), cutoffs.value(row));
            let horizon = horizons.value(row) * SECOND;
            if replays.value(row) || !keep(cutoff, horizon) || !chosen.has(id) {
                continue;
            }
            if !names.contains_key(id) {
                names.insert(id.to_owned(), id.into());
            }
            let Some(entity_id) = names.get(id).map(Arc::clone) else { continue };
            let at = |array: &Float64Array| array.is_valid(row).then(|| array.value(row));
            let said = Said {
                entity_id,
                cutoff,
                horizon,
                probability: at(&probability),
                median: at(&median),
                interval: at(&low).zip(at(&high)),
            };
            found.push(Version {
                said,
                age: (known.value(row), written.value(row)),
                counts: !gone.value(row) && roles.value(row) == model.role.word(),
            });
        }
        Ok(())
    })?;
    Ok(newest(found))
}

/// The last version of every prediction, in order.
fn newest(mut versions: Vec<Version>) -> Vec<Said> {
    fn key(of: &Version) -> (&str, Micros, Micros) {
        (&of.said.entity_id, of.said.cutoff, of.said.horizon)
    }
    versions.sort_unstable_by(|a, b| key(a).cmp(&key(b)).then(b.age.cmp(&a.age)));
    versions.dedup_by(|older, newest| key(older) == key(newest));
    versions.into_iter().filter(|of| of.counts).map(|of| of.said).collect()
}

/// Ends of the periods that the model spoke about under its alias, of cutoffs in `(start, end]`.
pub(crate) fn periods(
    source: &mut Source<'_>,
    model: &Model,
    span: (Micros, Micros),
) -> Result<BTreeSet<Micros>> {
    let mut found = BTreeSet::new();
    let columns = ["cutoff", "model_id", "role", "replay", "known_at", "lineage_id"];
    let read = of_model(model, span).columns(columns);
    source.scan(outcome::predictions(&model.task.task), read, |batch| {
        let columns = Columns(batch);
        let cutoffs = columns.times("cutoff").map_err(unfit)?;
        let roles = columns.text("role").map_err(unfit)?;
        let replays = columns.bools("replay").map_err(unfit)?;
        let seen = (0..batch.num_rows())
            .filter(|row| !replays.value(*row) && roles.value(*row) == model.role.word());
        found.extend(seen.map(|row| model.task.cutoffs.period_end(cutoffs.value(row))));
        Ok(())
    })?;
    Ok(found)
}

/// A cutoff lies a little after the period that it describes.
fn of_model(model: &Model, (start, end): (Micros, Micros)) -> Read {
    let until = end + model.task.cutoffs.offset.micros() + 1;
    Read::all().period(start + 1, until).text("model_id", &model.id)
}
