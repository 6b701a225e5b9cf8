//! What does not change about an entity, and its exposure, as rows of `inventory`.

use std::sync::Arc;

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use foresite_schema::{Column, DataKind, TableDef, catalog::raw};

use super::assemble::{Assembly, time_array};
use super::moment::Moments;
use super::number::NumberRules;
use super::rows::{Entities, Rows};
use super::spec::{Clock, Static, StaticFrom};
use super::value::Rejects;
use super::{MappingError, TableBatch};
use crate::Micros;

/// `inventory` with the static columns of a mapping.
pub(super) fn table(statics: &[Static]) -> TableDef {
    raw::inventory().with_columns(statics.iter().map(|one| {
        let (kind, meaning) = match one.from {
            StaticFrom::Text(_) => (DataKind::Text, "imported by a mapping"),
            StaticFrom::Number(_) => (DataKind::Double, "imported by a mapping"),
            StaticFrom::Since(_) | StaticFrom::Age { .. } => {
                (DataKind::Time, "imported by a mapping; age counts from here")
            }
        };
        Column::nullable(one.name.as_str(), kind, "", meaning)
    }))
}

/// The static columns, a value per row of the file.
pub(super) fn columns(
    rows: &Rows<'_>,
    rejects: &mut Rejects,
) -> Result<Vec<(String, ArrayRef)>, MappingError> {
    let columns = rows.spec.statics.iter().map(|one| {
        let column: ArrayRef = match &one.from {
            StaticFrom::Text(value) => rows.texts(Some(value), rejects)?.array(rows.len()),
            StaticFrom::Number(value) => {
                let rules = NumberRules::plain(one.name.as_str());
                Arc::new(rows.scope().numbers(value, &rules, rejects)?)
            }
            StaticFrom::Since(clock) => time_array(rows.moments(clock, rejects)?),
            StaticFrom::Age { value, unit, as_of } => {
                let rules = NumberRules::plain(one.name.as_str());
                let ages = rows.scope().numbers(value, &rules, rejects)?;
                let taken = rows.moments(as_of, rejects)?;
                let since = ages.iter().zip(taken);
                time_array(
                    since.map(|(age, taken)| Some(taken? - (age? * unit.micros()) as Micros)),
                )
            }
        };
        Ok((one.name.as_str().to_owned(), column))
    });
    columns.collect()
}

/// Whether the mapping says anything about entities beside their rows.
pub(super) fn are_declared(rows: &Rows<'_>) -> bool {
    let entity = rows.spec.entity.as_ref();
    !rows.spec.statics.is_empty()
        || entity.is_some_and(|entity| {
            entity.parent.is_some() || entity.exposure.is_some() || !entity.also.is_empty()
        })
}

/// A row of `inventory` per entity of the file, and per entity that no row names.
pub(super) fn inventory(
    rows: &Rows<'_>,
    entities: &Entities,
    rejects: &mut Rejects,
) -> Result<Option<TableBatch>, MappingError> {
    let Some(entity) = rows.spec.entity.as_ref().filter(|_| are_declared(rows)) else {
        return Ok(None);
    };
    let parents = rows.texts(entity.parent.as_ref(), rejects)?;
    let exposure = entity.exposure.as_ref();
    let start = exposure.map(|exposure| rows.moments(&exposure.start, rejects)).transpose()?;
    let end = exposure.and_then(|exposure| exposure.end.as_ref());
    let end = end.map(|clock| rows.moments(clock, rejects)).transpose()?;
    let columns = columns(rows, rejects)?;

    let first_rows: Vec<usize> =
        entities.first_rows.iter().copied().filter(|row| !rejects.has(*row)).collect();
    let silent = silent_entities(rows, entities, &first_rows);
    let count = first_rows.len() + silent.len();
    let padded = |of: &dyn Fn(usize) -> Option<Micros>, silent_at: Option<Micros>| {
        let listed = first_rows.iter().map(|row| of(*row)).collect::<Vec<_>>();
        listed.into_iter().chain(silent.iter().map(move |_| silent_at)).collect::<Moments>()
    };
    let silent_start = exposure.and_then(|exposure| constant(&exposure.start));
    let first_seen = first_seen(rows, entities, rejects);
    let from = |row: usize| match &start {
        Some(start) => start[row],
        None => first_seen[entities.codes[row] as usize],
    };
    let until = |row: usize| end.as_ref().and_then(|end| end[row]);
    let silent_end = exposure.and_then(|exposure| exposure.end.as_ref()).and_then(constant);

    let mut out = Assembly::new(table(&rows.spec.statics), count);
    let valid_from = padded(&from, silent_start.or(Some(rows.provenance.known_at)));
    let known = valid_from.iter().map(|from| Some(known_at(rows, (*from)?)));
    out.set_times("known_at", known.collect::<Vec<_>>());
    out.set_times("valid_from", valid_from);
    out.set_times("valid_to", padded(&until, silent_end));
    let kind = silent_kind(rows);
    let kinds = first_rows.iter().map(|row| entities.kinds.get(*row));
    out.set_texts("entity_type", kinds.chain(silent.iter().map(|_| kind)));
    let ids = first_rows.iter().map(|row| entities.ids.get(*row));
    out.set_texts("entity_id", ids.chain(silent.iter().map(|id| Some(id.as_str()))));
    let above = first_rows.iter().map(|row| parents.get(*row));
    out.set_texts("parent_id", above.chain(silent.iter().map(|_| None)));
    let picks = first_rows.iter().map(|row| Some(*row as u32)).chain(silent.iter().map(|_| None));
    let picks: UInt32Array = picks.collect();
    for (name, column) in columns {
        out.set(&name, take(&column, &picks, None)?);
    }
    Ok(Some(out.finish(rows.spec.name.as_str(), rows.provenance, None)?))
}

/// When an entity's existence could be known: at its start in a history, else when taken.
fn known_at(rows: &Rows<'_>, from: Micros) -> Micros {
    let is_history = rows.spec.history.is_some() && !rows.source.live;
    if is_history { from } else { rows.provenance.known_at }
}

/// The earliest time of each entity.
fn first_seen(rows: &Rows<'_>, entities: &Entities, rejects: &Rejects) -> Moments {
    let mut first: Moments = vec![None; entities.first_rows.len()];
    for row in (0..rows.len()).filter(|row| !rejects.has(*row)) {
        let seen = &mut first[entities.codes[row] as usize];
        *seen = match (*seen, rows.times[row]) {
            (Some(seen), Some(at)) => Some(seen.min(at)),
            (seen, at) => seen.or(at),
        };
    }
    first
}

/// Entities of the list that no row names.
fn silent_entities<'a>(
    rows: &Rows<'a>,
    entities: &Entities,
    first_rows: &[usize],
) -> Vec<&'a String> {
    let also = rows.spec.entity.as_ref().map_or([].as_slice(), |entity| entity.also.as_slice());
    let is_named = |id: &&String| first_rows.iter().any(|row| entities.id(*row) == id.as_str());
    also.iter().filter(|id| !is_named(id)).collect()
}

fn silent_kind<'a>(rows: &Rows<'a>) -> Option<&'a str> {
    match rows.spec.entity.as_ref().map(|entity| &entity.kind) {
        Some(super::leaf::Value::Constant(kind)) => Some(kind),
        _ => None,
    }
}

fn constant(clock: &Clock) -> Option<Micros> {
    match clock {
        Clock::None { at } => Some(at.micros()),
        _ => None,
    }
}
