//! The targets `alarms`, `tickets` and `feedback`: a row of the file is an event, and each thing
//! that happens to it is a fact of its own with its own `known_at`.

use std::collections::HashSet;

use arrow::array::{Array as _, ArrayRef, AsArray as _, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::DataType;
use foresite_schema::TableDef;
use sha2::{Digest as _, Sha256};

use super::assemble::Assembly;
use super::fields::field;
use super::moment::Moments;
use super::rows::Rows;
use super::spec::Fact;
use super::value::{Rejects, Texts};
use super::{MappingError, TableBatch};
use crate::Micros;

/// The word of the fact that an entity starts anew.
const RESET: &str = "reset";

/// The facts of the events in `rows`.
pub(super) fn facts(
    rows: &Rows<'_>,
    table: TableDef,
    rejects: &mut Rejects,
) -> Result<TableBatch, MappingError> {
    let columns = own_columns(rows, &table, rejects)?;
    let declared = declared(rows, rejects)?;
    reject_backward(rows, &declared, rejects);
    let mut found = collect(rows, &declared, rejects);
    hide_repairs(rows, &mut found, rejects)?;

    let picks: UInt32Array = found.iter().map(|fact| fact.row as u32).collect();
    let id = table.columns.iter().find(|column| column.name.ends_with("_id"));
    let id = id.map_or(String::new(), |column| column.name.clone());
    let mut out = Assembly::new(table, found.len());
    if !rows.spec.fields.contains_key(&id) {
        out.set(&id, take(&made_ids(rows, &columns)?, &picks, None)?);
    }
    for (name, column) in &columns {
        out.set(name, take(column, &picks, None)?);
    }
    if let Some(entities) = &rows.entities {
        out.set_texts("entity_type", found.iter().map(|fact| entities.kinds.get(fact.row)));
        out.set_texts("entity_id", found.iter().map(|fact| entities.ids.get(fact.row)));
    }
    out.set_texts("fact", found.iter().map(|fact| Some(fact.word)));
    out.set_times("at", found.iter().map(|fact| Some(fact.at)));
    out.set_times("known_at", found.iter().map(|fact| Some(fact.known_at)));
    out.finish(rows.spec.name.as_str(), rows.provenance, None)
}

/// A fact of the mapping, with its words and moments.
struct Declared {
    words: Texts,
    at: Option<Moments>,
    resets: bool,
}

impl Declared {
    fn at(&self, rows: &Rows<'_>, row: usize) -> Option<Micros> {
        match &self.at {
            Some(at) => at[row],
            None => rows.times[row],
        }
    }
}

/// One fact to write.
struct Found<'a> {
    row: usize,
    word: &'a str,
    at: Micros,
    known_at: Micros,
}

fn declared(rows: &Rows<'_>, rejects: &mut Rejects) -> Result<Vec<Declared>, MappingError> {
    let column_fact = rows.spec.fields.get("fact").map(|value| Fact {
        fact: value.clone(),
        at: None,
        resets: false,
    });
    let facts = rows.spec.facts.iter().cloned().chain(column_fact);
    let declared = facts.map(|fact| {
        let words = rows.texts(Some(&fact.fact), rejects)?;
        let at = fact.at.as_ref().map(|clock| rows.moments(clock, rejects)).transpose()?;
        Ok(Declared { words, at, resets: fact.resets })
    });
    declared.collect()
}

/// The fields of the mapping as columns, a value per row of the file.
fn own_columns(
    rows: &Rows<'_>,
    table: &TableDef,
    rejects: &mut Rejects,
) -> Result<Vec<(String, ArrayRef)>, MappingError> {
    let mut columns = Vec::new();
    for (name, value) in rows.spec.fields.iter().filter(|(name, _)| *name != "fact") {
        if let Some(column) = table.column(name) {
            columns.push((name.clone(), field(rows, column, value, rejects)?));
        }
    }
    Ok(columns)
}

/// An event that ends before it starts is no event.
fn reject_backward(rows: &Rows<'_>, declared: &[Declared], rejects: &mut Rejects) {
    let Some((first, later)) = declared.split_first() else { return };
    for row in 0..rows.len() {
        let start = first.at(rows, row);
        let is_before =
            |fact: &Declared| fact.at(rows, row).zip(start).is_some_and(|(at, start)| at < start);
        if later.iter().any(is_before) {
            rejects.add(row, || "the event ends before it starts".into());
        }
    }
}

fn collect<'a>(rows: &Rows<'_>, declared: &'a [Declared], rejects: &mut Rejects) -> Vec<Found<'a>> {
    for row in 0..rows.len() {
        let happens =
            |fact: &Declared| fact.words.get(row).is_some() && fact.at(rows, row).is_some();
        if !declared.iter().any(happens) {
            rejects.add(row, || "no fact has both a word and a time".into());
        }
    }
    let mut found = Vec::new();
    for row in (0..rows.len()).filter(|row| !rejects.has(*row)) {
        for fact in declared {
            let (Some(word), Some(at)) = (fact.words.get(row), fact.at(rows, row)) else {
                continue;
            };
            let known_at = rows.known_after(row, at);
            found.push(Found { row, word, at, known_at });
            if fact.resets {
                found.push(Found { row, word: RESET, at, known_at });
            }
        }
    }
    found
}

/// A repair of the very moment of a failure would announce the failure to whoever looks at that
/// moment, so it becomes known later.
fn hide_repairs(
    rows: &Rows<'_>,
    found: &mut [Found<'_>],
    rejects: &mut Rejects,
) -> Result<(), MappingError> {
    let Some(repairs) = &rows.spec.repairs else { return Ok(()) };
    let entity = |row: usize| rows.entities.as_ref().map(|entities| entities.codes[row]);
    let is_one_of = |word: &str, words: &[String]| words.iter().any(|other| other == word);
    let failures: HashSet<_> = found
        .iter()
        .filter(|fact| is_one_of(fact.word, &repairs.failure))
        .map(|fact| (entity(fact.row), fact.at))
        .collect();
    let answers = rows.texts(repairs.answers.as_ref(), rejects)?;
    let delay = i64::from(repairs.hidden_seconds) * 1_000_000;
    for fact in found {
        // The reset that a repair brings with it would tell as much.
        let is_repair = is_one_of(fact.word, &repairs.repair) || fact.word == RESET;
        let answered =
            failures.contains(&(entity(fact.row), fact.at)) || answers.get(fact.row).is_some();
        if is_repair && answered {
            fact.known_at = fact.known_at.max(fact.at + delay);
        }
    }
    Ok(())
}

/// Identifiers for events that have none: the same event in another file gets the same one.
fn made_ids(rows: &Rows<'_>, columns: &[(String, ArrayRef)]) -> Result<ArrayRef, MappingError> {
    let texts = columns.iter().map(|(_, column)| cast(column, &DataType::Utf8));
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    let ids = (0..rows.len()).map(|row| {
        let mut hash = Sha256::new();
        let mut part = |text: &str| {
            hash.update(text.as_bytes());
            hash.update([0]);
        };
        part(rows.spec.name.as_str());
        if let Some(entities) = &rows.entities {
            part(entities.kind(row));
            part(entities.id(row));
        }
        part(&rows.times[row].unwrap_or_default().to_string());
        // What may be filled in later must not make another event of it, and a list of names must
        // not open the id of a suppression whose owner is a pseudonym.
        for ((name, _), column) in columns.iter().zip(&texts) {
            if !["text", "end_at", "owner"].contains(&name.as_str()) {
                let texts = column.as_string::<i32>();
                part(if texts.is_valid(row) { texts.value(row) } else { "" });
            }
        }
        let digest = hash.finalize();
        Some(digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect::<String>())
    });
    Ok(std::sync::Arc::new(ids.collect::<arrow::array::StringArray>()))
}
