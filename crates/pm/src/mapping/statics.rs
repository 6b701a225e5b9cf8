//! What does not change about an entity, and its exposure, as rows of `inventory`.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use foresite_schema::{Column, DataKind, TableDef, catalog::raw};

use super::assemble::{Assembly, time_array};
use super::leaf::Value;
use super::number::NumberRules;
use super::rows::{Entities, Rows};
use super::spec::{Clock, Entity, Static, StaticFrom};
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
                // A float that no moment holds saturates, and the date is null.
                let born = |(age, taken): (Option<f64>, Option<Micros>)| {
                    taken?.checked_sub((age? * unit.micros()) as Micros)
                };
                time_array(since.map(born))
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
    let columns = columns(rows, rejects)?;
    let members = members(rows, (entity, entities), rejects)?;
    let mut out = Assembly::new(table(&rows.spec.statics), members.len());
    out.set_texts("entity_type", members.iter().map(|member| Some(member.kind)));
    out.set_texts("entity_id", members.iter().map(|member| Some(member.id)));
    out.set_texts("parent_id", members.iter().map(|member| parents.get(member.row?)));
    out.set_times("valid_from", members.iter().map(|member| Some(member.from)));
    out.set_times("valid_to", members.iter().map(|member| member.until));
    out.set_times("known_at", members.iter().map(|member| Some(known_at(rows, member.from))));
    let picks: UInt32Array = members.iter().map(|member| Some(member.row? as u32)).collect();
    for (name, column) in columns {
        out.set(&name, take(&column, &picks, None)?);
    }
    Ok(Some(out.finish(rows.spec.name.as_str(), rows.provenance, None)?))
}

/// An entity as `inventory` knows it.
struct Member<'a> {
    /// Its first usable row in the file; `None` where no row names it.
    row: Option<usize>,
    kind: &'a str,
    id: &'a str,
    from: Micros,
    until: Option<Micros>,
}

/// The entities that rows name, then those of the mapping's own list.
fn members<'a>(
    rows: &Rows<'a>,
    (entity, entities): (&'a Entity, &'a Entities),
    rejects: &mut Rejects,
) -> Result<Vec<Member<'a>>, MappingError> {
    let exposure = entity.exposure.as_ref();
    let start = exposure.map(|exposure| rows.moments(&exposure.start, rejects)).transpose()?;
    let end = exposure.and_then(|exposure| exposure.end.as_ref());
    let ends = end.map(|clock| rows.moments(clock, rejects)).transpose()?;
    let mut members = Vec::new();
    for (row, first_seen) in first_rows(rows, entities, rejects) {
        let (kind, id) = (entities.kind(row), entities.id(row));
        let from = start.as_ref().and_then(|start| start[row]).unwrap_or(first_seen);
        let until = ends.as_ref().and_then(|ends| ends[row]);
        if !kind.is_empty() && !id.is_empty() {
            members.push(Member { row: Some(row), kind, id, from, until });
        }
    }
    let from = exposure.and_then(|exposure| constant(&exposure.start));
    let (Value::Constant(kind), Some(from)) = (&entity.kind, from) else {
        return Ok(members);
    };
    let named: HashSet<&str> = members.iter().map(|member| member.id).collect();
    let silent = entity.also.iter().map(String::as_str).filter(|id| !named.contains(id));
    let until = end.and_then(constant);
    let silent = silent.map(|id| Member { row: None, kind, id, from, until });
    let silent: Vec<Member<'_>> = silent.collect();
    members.extend(silent);
    Ok(members)
}

/// The first usable row of each entity in the order of the file, and its earliest time.
fn first_rows(rows: &Rows<'_>, entities: &Entities, rejects: &Rejects) -> Vec<(usize, Micros)> {
    let mut place: HashMap<u32, usize> = HashMap::new();
    let mut found: Vec<(usize, Micros)> = Vec::new();
    for row in (0..rows.len()).filter(|row| !rejects.has(*row)) {
        let Some(at) = rows.times[row] else { continue };
        match place.entry(entities.codes[row]) {
            Entry::Occupied(known) => {
                let earliest = &mut found[*known.get()].1;
                *earliest = (*earliest).min(at);
            }
            Entry::Vacant(free) => {
                free.insert(found.len());
                found.push((row, at));
            }
        }
    }
    found
}

/// When an entity's existence could be known: at its start in a history, else when taken.
fn known_at(rows: &Rows<'_>, from: Micros) -> Micros {
    let is_history = rows.spec.history.is_some() && !rows.source.live;
    if is_history { from } else { rows.provenance.known_at }
}

fn constant(clock: &Clock) -> Option<Micros> {
    match clock {
        Clock::None { at } => Some(at.micros()),
        _ => None,
    }
}
