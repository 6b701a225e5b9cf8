//! Rows of the log tables: ledger, quarantine, stale.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use foresite_schema::{BUCKETS, bucket_of};
use foresite_stage::{Context, Result};
use foresite_tables::Micros;

use crate::outcome::Outcome;
use crate::plan::{Content, IngestPlan};

/// An expected period for which nothing came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) source: String,
    pub(crate) ne_dn: String,
    pub(crate) start: Micros,
    pub(crate) end: Micros,
}

/// One row of the ledger.
#[derive(Debug, Clone, Default)]
struct Entry {
    source: String,
    path: String,
    file_id: Option<String>,
    size: Option<i64>,
    kind: String,
    ne_dn: Option<String>,
    start: Micros,
    end: Option<Micros>,
    state: &'static str,
    reason: Option<String>,
    rows: [i64; 3],
    landed_at: Micros,
    known_at: Micros,
}

/// Rows of the ledger: every file, and every expected period that is missing.
pub(crate) fn ledger(
    cx: &Context,
    plan: &IngestPlan,
    outcomes: &[Outcome],
    missing: &[Missing],
) -> Result<RecordBatch> {
    let mut entries: Vec<Entry> = outcomes.iter().flat_map(entries).collect();
    entries.extend(missing.iter().map(|absent| absent_entry(absent, plan.content.as_of)));
    let text = |of: fn(&Entry) -> &str| texts(entries.iter().map(of));
    let optional = |of: fn(&Entry) -> Option<&str>| optional_texts(entries.iter().map(of));
    let moment = |of: fn(&Entry) -> Micros| times(entries.iter().map(of));
    let number = |of: fn(&Entry) -> i64| longs(entries.iter().map(of));
    let ends: TimestampMicrosecondArray = entries.iter().map(|entry| entry.end).collect();
    let sizes: Int64Array = entries.iter().map(|entry| entry.size).collect();
    let buckets = entries.iter().map(|entry| bucket(entry.ne_dn.as_deref(), &entry.path));
    Ok(RecordBatch::try_from_iter_with_nullable([
        ("source", text(|entry| &entry.source), false),
        ("bucket", Arc::new(Int32Array::from_iter_values(buckets)) as ArrayRef, false),
        ("path", text(|entry| &entry.path), false),
        ("file_id", optional(|entry| entry.file_id.as_deref()), true),
        ("size", Arc::new(sizes) as ArrayRef, true),
        ("kind", text(|entry| &entry.kind), false),
        ("ne_dn", optional(|entry| entry.ne_dn.as_deref()), true),
        ("period_start", moment(|entry| entry.start), false),
        ("period_end", Arc::new(ends.with_timezone("UTC")) as ArrayRef, true),
        ("state", text(|entry| entry.state), false),
        ("reason", optional(|entry| entry.reason.as_deref()), true),
        ("rows_read", number(|entry| entry.rows[0]), false),
        ("rows_written", number(|entry| entry.rows[1]), false),
        ("rows_quarantined", number(|entry| entry.rows[2]), false),
        ("landed_at", moment(|entry| entry.landed_at), false),
        ("plan", same_text(&plan.id, entries.len()), false),
        ("known_at", moment(|entry| entry.known_at), false),
        ("ingested_at", same_time(cx.now(), entries.len()), false),
        ("lineage_id", same_text(&plan.content.lineage_id, entries.len()), false),
    ])?)
}

/// A row per element of a file; its numbers stand in the first one, so that they add up.
fn entries(file: &Outcome) -> Vec<Entry> {
    let (start, end) = match file.period {
        Some((start, end)) => (start, Some(end)),
        None => (file.landed_at, None),
    };
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let first = Entry {
        source: file.source.clone(),
        path: file.path.clone(),
        file_id: Some(file.file_id.clone()),
        size: Some(number(file.size)),
        kind: file.kind.clone(),
        ne_dn: file.elements.first().cloned(),
        start,
        end,
        state: file.state.word(),
        reason: file.reason.clone(),
        rows: [file.rows_read, file.rows_written, file.rows_quarantined()].map(number),
        landed_at: file.landed_at,
        known_at: file.known_at,
    };
    let further = file.elements.iter().skip(1).map(|element| Entry {
        ne_dn: Some(element.clone()),
        rows: [0; 3],
        ..first.clone()
    });
    let further: Vec<_> = further.collect();
    std::iter::once(first).chain(further).collect()
}

fn absent_entry(absent: &Missing, as_of: Micros) -> Entry {
    Entry {
        source: absent.source.clone(),
        kind: "pm".into(),
        ne_dn: Some(absent.ne_dn.clone()),
        start: absent.start,
        end: Some(absent.end),
        state: "missing",
        reason: Some("no file landed".into()),
        landed_at: as_of,
        known_at: as_of,
        ..Entry::default()
    }
}

/// Rows of the quarantine.
pub(crate) fn quarantine(
    cx: &Context,
    plan: &IngestPlan,
    outcomes: &[Outcome],
) -> Result<RecordBatch> {
    let rows: Vec<_> = outcomes
        .iter()
        .flat_map(|file| file.rejected.iter().map(move |entry| (file, entry)))
        .collect();
    let count = rows.len();
    let buckets =
        rows.iter().map(|(file, _)| bucket(file.elements.first().map(String::as_str), &file.path));
    let numbers = rows.iter().map(|(_, entry)| i64::try_from(entry.rows).unwrap_or(i64::MAX));
    let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let places: StringArray = rows.iter().map(|(_, entry)| filled(&entry.place)).collect();
    let samples: StringArray = rows.iter().map(|(_, entry)| filled(&entry.sample)).collect();
    Ok(RecordBatch::try_from_iter_with_nullable([
        ("source", texts(rows.iter().map(|(file, _)| file.source.as_str())), false),
        ("bucket", Arc::new(Int32Array::from_iter_values(buckets)) as ArrayRef, false),
        ("path", texts(rows.iter().map(|(file, _)| file.path.as_str())), false),
        ("file_id", texts(rows.iter().map(|(file, _)| file.file_id.as_str())), false),
        ("at", same_time(plan.content.as_of, count), false),
        ("place", Arc::new(places) as ArrayRef, true),
        ("reason", texts(rows.iter().map(|(_, entry)| entry.reason.as_str())), false),
        ("sample", Arc::new(samples) as ArrayRef, true),
        ("rows", longs(numbers), false),
        ("plan", same_text(&plan.id, count), false),
        ("known_at", times(rows.iter().map(|(file, _)| file.known_at)), false),
        ("ingested_at", same_time(cx.now(), count), false),
        ("lineage_id", same_text(&plan.content.lineage_id, count), false),
    ])?)
}

/// Rows of `stale`: each an hour of a source and bucket whose counters changed.
pub(crate) fn stale(
    cx: &Context,
    plan: &IngestPlan,
    slots: &[crate::stale::Slot],
) -> Result<RecordBatch> {
    let Content { as_of, ref lineage_id, .. } = plan.content;
    let count = slots.len();
    let buckets = slots.iter().map(|(_, bucket, ..)| *bucket);
    Ok(RecordBatch::try_from_iter_with_nullable([
        ("source", texts(slots.iter().map(|(source, ..)| source.as_str())), false),
        ("bucket", Arc::new(Int32Array::from_iter_values(buckets)) as ArrayRef, false),
        ("stale_table", same_text("pm_counters", count), false),
        ("start_at", times(slots.iter().map(|slot| slot.2)), false),
        ("end_at", times(slots.iter().map(|slot| slot.3)), false),
        ("cause", same_text(&plan.id, count), false),
        ("state", same_text("open", count), false),
        ("at", same_time(as_of, count), false),
        ("known_at", same_time(as_of, count), false),
        ("ingested_at", same_time(cx.now(), count), false),
        ("lineage_id", same_text(lineage_id, count), false),
    ])?)
}

fn bucket(ne_dn: Option<&str>, path: &str) -> i32 {
    bucket_of(ne_dn.unwrap_or(path), BUCKETS)
}

fn texts<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn optional_texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn longs(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

fn times(values: impl Iterator<Item = Micros>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(values).with_timezone("UTC"))
}

fn same_text(value: &str, count: usize) -> ArrayRef {
    Arc::new(StringArray::from(vec![value; count]))
}

fn same_time(value: Micros, count: usize) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_value(value, count).with_timezone("UTC"))
}
