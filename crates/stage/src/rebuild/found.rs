//! What was published in an interval, computation by computation.

use std::collections::BTreeMap;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use foresite_schema::TableDef;
use foresite_tables::{ErrorKind as TableError, Micros, Read};
use serde_json::Value as Json;

use crate::{Context, ErrorContext as _, ErrorKind, Interval, Result, StageError};

/// The data end at a cutoff, the statement about it comes within a day.
const DAY: Micros = 24 * HOUR;
const HOUR: Micros = 3_600_000_000;

/// A computation whose rows were published.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// Its id.
    pub lineage_id: String,
    /// The interval that it was run for.
    pub interval: Interval,
    /// A clock at which it is what it was: of the run, or any other between which nothing more became
    /// known; the asked one, where that is earlier.
    pub as_of: Micros,
    /// When the newest of its rows was written; `None` where none says so.
    pub(crate) ingested_at: Option<Micros>,
    /// Its lineage document; null where that is gone.
    document: Json,
}

impl Published {
    /// The configuration that it had.
    pub(crate) fn configuration(&self) -> &Json {
        &self.document["configuration"]
    }

    /// Its document: what went into it.
    pub(crate) fn document(&self) -> &Json {
        &self.document
    }

    /// Whether its document is gone.
    pub(crate) fn is_lost(&self) -> bool {
        self.document.is_null()
    }

    /// The one input of a kind, such as `model`; `None` where there was none, or several.
    pub fn input(&self, kind: &str) -> Option<&str> {
        match self.document["reads"][kind].as_array()?.as_slice() {
            [one] => one.as_str(),
            _ => None,
        }
    }
}

#[cfg(test)]
impl Published {
    /// One whose document is gone.
    pub(crate) fn lost(interval: Interval) -> Self {
        let lineage_id = "00ab".to_owned();
        Self { lineage_id, interval, as_of: 0, ingested_at: None, document: Json::Null }
    }
}

/// Sources of the rows that stages compute; others are names of mappings.
const COMPUTED: [&str; 2] = ["derived", "shadow"];

/// What the rows of a computation tell.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    /// The greatest clock that stands in them, or else when the last of them became known.
    clock: Option<Micros>,
    /// When the newest of them was written.
    ingested_at: Option<Micros>,
    /// Whether a stage made them.
    is_computed: bool,
}

/// The stage's computations that touch the interval, in the order in which they were made.
pub(super) fn published(cx: &Context, tables: Vec<TableDef>) -> Result<Vec<Published>> {
    let interval = cx.interval()?;
    let mut told: BTreeMap<String, Told> = BTreeMap::new();
    for def in tables {
        look_into(cx, def, interval, &mut told)?;
    }
    let mut found = Vec::new();
    for (lineage_id, told) in told {
        found.extend(of_this_stage(cx, interval, lineage_id, told)?);
    }
    found.sort_by_key(|one| (one.interval, one.as_of));
    Ok(found)
}

/// Notes every computation with rows in a table.
fn look_into(
    cx: &Context,
    def: TableDef,
    interval: Interval,
    told: &mut BTreeMap<String, Told>,
) -> Result<()> {
    let Some(table) = cx.root().find(def)? else { return Ok(()) };
    let wanted =
        ["lineage_id", "source", "tombstone", "known_at", "ingested_at", "as_of", "replay"];
    let columns = wanted.into_iter().filter(|name| table.def().column(name).is_some());
    let read = Read::all().period(interval.start, interval.end + DAY).columns(columns);
    let read = match cx.args.as_of {
        Some(as_of) => read.as_of(as_of),
        None => read,
    };
    for batch in table.scan(&read)? {
        cx.check_stop()?;
        note(&batch?, told)?;
    }
    Ok(())
}

fn note(batch: &RecordBatch, told: &mut BTreeMap<String, Told>) -> Result<()> {
    let times =
        |name: &str| batch.column_by_name(name)?.as_primitive_opt::<TimestampMicrosecondType>();
    let texts = |name: &str| batch.column_by_name(name)?.as_string_opt::<i32>();
    let flags = |name: &str| batch.column_by_name(name)?.as_boolean_opt();
    let (Some(ids), Some(known_at)) = (texts("lineage_id"), times("known_at")) else {
        let message = "published rows without `lineage_id` or `known_at`";
        return Err(StageError::new(ErrorKind::Internal, message));
    };
    let (as_of, source, ingested_at) = (times("as_of"), texts("source"), times("ingested_at"));
    // What was computed after the fact was shown to nobody; a tombstone keeps the clock of the row that
    // it buries.
    let aside = [flags("replay"), flags("tombstone")];
    let is_aside = |row: usize| aside.iter().flatten().any(|flags| flags.value(row));
    for row in (0..batch.num_rows()).filter(|row| !is_aside(*row)) {
        let id = ids.value(row);
        if !told.contains_key(id) {
            told.insert(id.to_owned(), Told::default());
        }
        let Some(one) = told.get_mut(id) else { continue };
        let clock = as_of.filter(|times| times.is_valid(row)).unwrap_or(known_at).value(row);
        one.clock = one.clock.max(Some(clock));
        one.ingested_at = one.ingested_at.max(ingested_at.map(|times| times.value(row)));
        one.is_computed |= source.is_some_and(|source| COMPUTED.contains(&source.value(row)));
    }
    Ok(())
}

/// The computation behind a lineage id, where it is one of this stage, step and task, and touches the
/// interval.
fn of_this_stage(
    cx: &Context,
    interval: Interval,
    lineage_id: String,
    told: Told,
) -> Result<Option<Published>> {
    let capped = |clock: Micros| cx.args.as_of.map_or(clock, |asked| clock.min(asked));
    let Some(document) = document(cx, &lineage_id)? else {
        let as_of = capped(told.clock.unwrap_or(interval.end));
        let ingested_at = told.ingested_at;
        let lost = Published { lineage_id, interval, as_of, ingested_at, document: Json::Null };
        return Ok(told.is_computed.then_some(lost));
    };
    let is_ours = document["stage"] == cx.stage
        && document["task"].as_str() == cx.args.task.as_deref()
        && document["step"].as_str() == cx.step;
    let touches = |slot: &Interval| slot.start < interval.end && interval.start < slot.end;
    let Some(slot) = slot(&document).filter(|slot| is_ours && touches(slot)) else {
        return Ok(None);
    };
    let clock = told.clock.max(document["as_of"].as_i64()).unwrap_or(slot.end);
    let (as_of, ingested_at) = (capped(clock), told.ingested_at);
    Ok(Some(Published { lineage_id, interval: slot, as_of, ingested_at, document }))
}

/// A lineage document; `None` where it is gone.
fn document(cx: &Context, lineage_id: &str) -> Result<Option<Json>> {
    let path = format!("lineage/{lineage_id}.json");
    match cx.root().read(&path) {
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| {
            StageError::new(ErrorKind::BadData, format!("{path}: {error}"))
                .hint("restore the document from a copy of the data root")
        }),
        Err(error) if error.kind() == TableError::Missing => Ok(None),
        Err(error) => Err(error).context(|| format!("read {path}")),
    }
}

/// The interval that a computation was run for: its slot, or the hour before the one moment that it is
/// about.
fn slot(document: &Json) -> Option<Interval> {
    let slot = &document["slot"];
    let (start, end) = match (slot.as_i64(), slot.as_array().map(Vec::as_slice)) {
        (Some(cutoff), _) => (cutoff - HOUR, cutoff),
        (None, Some([start, end])) => (start.as_i64()?, end.as_i64()?),
        _ => return None,
    };
    Interval::new(start, end).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_slot_is_an_interval_or_the_moment_that_ends_it() {
        let of = |slot: Json| slot_of(&slot);
        fn slot_of(slot: &Json) -> Option<Interval> {
            super::slot(&json!({"slot": slot}))
        }
        assert_eq!(of(json!([5, 9])), Interval::new(5, 9).ok());
        assert_eq!(of(json!(2 * HOUR)), Interval::new(HOUR, 2 * HOUR).ok());
        assert_eq!(of(json!(["stale", 5, 9])), None);
        assert_eq!(of(json!([9, 5])), None);
    }
}
