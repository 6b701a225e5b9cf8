//! What people said: suppressions one by one, local events by file, marks as counts by person and
//! day. Each stands where ingest took it: `known_at` may follow from a time that a file claims, in
//! its rows or as its time of modification.

use std::collections::BTreeMap;

use foresite_schema::catalog::raw;
use foresite_schema::marks::Mark;
use foresite_schema::suppressions::{LIFTED, SET};
use foresite_stage::Result;
use foresite_tables::{Micros, Read};

use super::Asked;
use super::book::{Book, Entry, stamp};
use super::cells::{self, Cells};
use crate::DAY;

/// Suppressions that were set and lifted, when they were taken.
pub(super) fn suppressions(asked: &Asked<'_>, book: &mut Book) -> Result<()> {
    let columns = [
        "suppression_id",
        "fact",
        "at",
        "entity_id",
        "task",
        "driver",
        "owner",
        "reason",
        "end_at",
        "ingested_at",
    ];
    cells::within(asked, raw::suppressions(), "ingested_at", &columns, |cells, row, taken_at| {
        book.add(Entry {
            at: taken_at,
            kind: match cells.text("fact", row)?.as_deref() {
                Some(SET) => "suppression_set",
                Some(LIFTED) => "suppression_lifted",
                _ => "suppression",
            },
            subject: cells.text("suppression_id", row)?.unwrap_or_default(),
            person: cells.text("owner", row)?,
            reason: cells.text("reason", row)?,
            detail: scope(cells, row, taken_at)?,
        })
    })
}

/// What is suppressed and until when, and when it was decided, where that was not then.
fn scope(cells: &Cells<'_>, row: usize, taken_at: Micros) -> Result<Option<String>> {
    let mut parts = Vec::new();
    for (word, column) in [("entity", "entity_id"), ("task", "task"), ("driver", "driver")] {
        parts.extend(cells.text(column, row)?.map(|text| format!("{word} {text}")));
    }
    parts.extend(cells.time("end_at", row)?.map(|end| format!("until {}", stamp(end))));
    let decided = cells.time("at", row)?.filter(|at| *at != taken_at);
    parts.extend(decided.map(|at| format!("decided {}", stamp(at))));
    Ok((!parts.is_empty()).then(|| parts.join("; ")))
}

/// Files of local events that were taken. The calendar names nobody: who may write to the path that
/// an entry is about has said it.
pub(super) fn calendars(asked: &Asked<'_>, book: &mut Book) -> Result<()> {
    let columns = [
        "source",
        "path",
        "file_id",
        "rows_written",
        "rows_quarantined",
        "known_at",
        "ingested_at",
    ];
    let kind = raw::local_events().name;
    let read = Read::all().columns(columns).text("kind", &kind).text("state", "taken");
    cells::select(asked, raw::ingest_ledger(), "ingested_at", read, |cells, row, taken_at| {
        let text =
            |column: &str| -> Result<String> { Ok(cells.text(column, row)?.unwrap_or_default()) };
        let (source, sha256) = (text("source")?, text("file_id")?);
        let (taken, aside) =
            (cells.long("rows_written", row)?, cells.long("rows_quarantined", row)?);
        let known_at = cells.time("known_at", row)?.unwrap_or(taken_at);
        book.add(Entry {
            at: taken_at,
            kind: "events_delivered",
            subject: text("path")?,
            person: None,
            reason: None,
            detail: Some(format!(
                "{taken} events, {aside} set aside; known {}; source {source}; sha256 {sha256}",
                stamp(known_at)
            )),
        })
    })
}

/// Marks of one person on one day.
#[derive(Default)]
struct Marks {
    first: Micros,
    counts: BTreeMap<&'static str, u64>,
}

/// Marks by person and day (UTC), when they were taken.
pub(super) fn marks(asked: &Asked<'_>, book: &mut Book) -> Result<()> {
    let columns = ["fact", "person", "ingested_at"];
    let mut days: BTreeMap<(Micros, Option<String>), Marks> = BTreeMap::new();
    cells::within(asked, raw::feedback(), "ingested_at", &columns, |cells, row, taken_at| {
        let key = (taken_at.div_euclid(DAY), cells.text("person", row)?);
        let mark = cells.text("fact", row)?.and_then(|word| Mark::from_word(&word));
        if !days.contains_key(&key) {
            book.require_room(days.len() + 1)?;
        }
        let of = days.entry(key).or_insert(Marks { first: taken_at, ..Marks::default() });
        of.first = of.first.min(taken_at);
        *of.counts.entry(mark.map_or("other", Mark::word)).or_default() += 1;
        Ok(())
    })?;
    for ((_, person), Marks { first, counts }) in days {
        let words: Vec<String> =
            counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
        book.add(Entry {
            at: first,
            kind: "marked",
            subject: "marks of the day".to_owned(),
            person,
            reason: None,
            detail: Some(words.join(", ")),
        })?;
    }
    Ok(())
}
