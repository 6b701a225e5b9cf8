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
    /// Its clock.
    pub as_of: Micros,
    /// A clock at which its rows, and no later versions of them, are seen.
    pub visible_at: Micros,
    /// Its lineage document.
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

    /// The one input of a kind, such as `model`; `None` where there was none, or several.
    pub fn input(&self, kind: &str) -> Option<&str> {
        match self.document["reads"][kind].as_array()?.as_slice() {
            [one] => one.as_str(),
            _ => None,
        }
    }
}

/// Clocks of a computation as its rows tell them.
#[derive(Debug, Clone, Copy, Default)]
struct Clocks {
    as_of: Option<Micros>,
    known_at: Option<Micros>,
}

/// The stage's computations in the interval, in the order in which they were made.
pub(super) fn published(cx: &Context, tables: Vec<TableDef>) -> Result<Vec<Published>> {
    let interval = cx.interval()?;
    let mut clocks: BTreeMap<String, Clocks> = BTreeMap::new();
    for def in tables {
        look_into(cx, def, interval, &mut clocks)?;
    }
    let mut found = Vec::new();
    for (lineage_id, clocks) in clocks {
        found.extend(of_this_stage(cx, interval, lineage_id, clocks)?);
    }
    found.sort_by_key(|one| (one.interval, one.as_of));
    Ok(found)
}

/// Notes every computation with rows in a table.
fn look_into(
    cx: &Context,
    def: TableDef,
    interval: Interval,
    clocks: &mut BTreeMap<String, Clocks>,
) -> Result<()> {
    let Some(table) = cx.root().find(def)? else { return Ok(()) };
    let wanted = ["lineage_id", "known_at", "as_of", "replay"];
    let columns = wanted.into_iter().filter(|name| table.def().column(name).is_some());
    let read = Read::all().period(interval.start, interval.end + DAY).columns(columns);
    let read = match cx.args.as_of {
        Some(as_of) => read.as_of(as_of),
        None => read,
    };
    for batch in table.scan(&read)? {
        cx.check_stop()?;
        note(&batch?, clocks)?;
    }
    Ok(())
}

fn note(batch: &RecordBatch, clocks: &mut BTreeMap<String, Clocks>) -> Result<()> {
    let times =
        |name: &str| batch.column_by_name(name)?.as_primitive_opt::<TimestampMicrosecondType>();
    let ids = batch.column_by_name("lineage_id").and_then(|column| column.as_string_opt::<i32>());
    let (Some(ids), Some(known_at)) = (ids, times("known_at")) else {
        let message = "published rows without `lineage_id` or `known_at`";
        return Err(StageError::new(ErrorKind::Internal, message));
    };
    let as_of = times("as_of");
    let replay = batch.column_by_name("replay").and_then(|column| column.as_boolean_opt());
    // What was computed after the fact was shown to nobody.
    let is_replay = |row: usize| replay.is_some_and(|replay| replay.value(row));
    for row in (0..batch.num_rows()).filter(|row| !is_replay(*row)) {
        let id = ids.value(row);
        if !clocks.contains_key(id) {
            clocks.insert(id.to_owned(), Clocks::default());
        }
        let Some(one) = clocks.get_mut(id) else { continue };
        one.known_at = one.known_at.max(Some(known_at.value(row)));
        let clock = as_of.filter(|times| times.is_valid(row)).map(|times| times.value(row));
        one.as_of = one.as_of.max(clock);
    }
    Ok(())
}

/// The computation behind a lineage id, where it is one of this stage, step and task, and lies in the
/// interval.
fn of_this_stage(
    cx: &Context,
    interval: Interval,
    lineage_id: String,
    clocks: Clocks,
) -> Result<Option<Published>> {
    let path = format!("lineage/{lineage_id}.json");
    let text = match cx.root().read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == TableError::Missing => {
            tracing::warn!(lineage_id, "no document {path}: its rows cannot be rebuilt");
            return Ok(None);
        }
        Err(error) => return Err(error).context(|| format!("read {path}")),
    };
    let document: Json = serde_json::from_slice(&text).map_err(|error| {
        StageError::new(ErrorKind::BadData, format!("{path}: {error}"))
            .hint("restore the document from a copy of the data root")
    })?;
    let is_ours = document["stage"] == cx.stage
        && document["task"].as_str() == cx.args.task.as_deref()
        && document["step"].as_str() == cx.step;
    let Some(slot) = slot(&document)
        .filter(|slot| is_ours && interval.start <= slot.start && slot.end <= interval.end)
    else {
        return Ok(None);
    };
    let as_of = clocks.as_of.or_else(|| document["as_of"].as_i64()).unwrap_or(slot.end);
    let visible_at = clocks.known_at.unwrap_or(as_of).max(as_of);
    Ok(Some(Published { lineage_id, interval: slot, as_of, visible_at, document }))
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
