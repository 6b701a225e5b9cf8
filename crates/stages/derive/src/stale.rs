//! The list of what has to be recomputed: hours that were derived are taken off it.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use foresite_kpi::{Columns, KpiError, Micros};
use foresite_schema::catalog::raw;
use foresite_stage::{Context, Inputs, Interval, Report, Result};
use foresite_tables::{Commit, Read, Slot, Value};

use crate::inputs::unfit;

/// The table whose hours this stage recomputes.
const COUNTERS: &str = "pm_counters";
const COLUMNS: [&str; 7] =
    ["source", "bucket", "stale_table", "start_at", "end_at", "cause", "state"];

/// Source, bucket, start, end and cause of a stale hour.
type Hour = (String, i32, Micros, Micros, String);

/// Marks what lies in the interval, and was known to be stale as of the run, as done.
pub(crate) fn settle(cx: &Context, interval: Interval, report: &mut Report) -> Result<()> {
    let Some(table) = cx.root().find(raw::stale())? else {
        return Ok(());
    };
    let known = table.read_all(&Read::all().as_of(cx.as_of()).columns(COLUMNS))?;
    let open = open(&known, interval).map_err(unfit)?;
    if open.is_empty() {
        return Ok(());
    }
    let mut inputs = Inputs::new();
    for hour in &open {
        inputs.add_id("stale", format!("{hour:?}"));
    }
    let lineage = cx.lineage(("stale", interval.start, interval.end), &inputs)?;
    cx.record(&lineage)?;
    // Only what is open is appended, so that nothing has to be replaced even with --force.
    let commit = Commit { force: false, ..cx.commit(&lineage) };
    let done = Value::Text("done".into());
    let slot = Slot { equals: [("state".to_owned(), done)].into(), period: None };
    let outcome = table.append(&slot, &rows(&open, cx, &lineage.id)?, &commit)?;
    report.wrote(&table.def().name, outcome);
    Ok(())
}

/// Hours of the interval that are open and not done.
fn open(batch: &RecordBatch, interval: Interval) -> Result<BTreeSet<Hour>, KpiError> {
    let columns = Columns(batch);
    let (tables, states) = (columns.text("stale_table")?, columns.text("state")?);
    let (sources, causes) = (columns.text("source")?, columns.text("cause")?);
    let (starts, ends) = (columns.times("start_at")?, columns.times("end_at")?);
    let buckets = columns.ints("bucket")?;
    let of_state = |state: &str| -> BTreeSet<Hour> {
        (0..batch.num_rows())
            .filter(|row| tables.value(*row) == COUNTERS && states.value(*row) == state)
            .filter(|row| interval.start <= starts.value(*row) && ends.value(*row) <= interval.end)
            .map(|row| {
                let (source, cause) = (sources.value(row), causes.value(row));
                let (start, end) = (starts.value(row), ends.value(row));
                (source.to_owned(), buckets.value(row), start, end, cause.to_owned())
            })
            .collect()
    };
    Ok(&of_state("open") - &of_state("done"))
}

fn rows(hours: &BTreeSet<Hour>, cx: &Context, lineage_id: &str) -> Result<RecordBatch> {
    let text = |of: &dyn Fn(&Hour) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(hours.iter().map(of)))
    };
    let time = |of: &dyn Fn(&Hour) -> Micros| -> ArrayRef {
        let times = TimestampMicrosecondArray::from_iter_values(hours.iter().map(of));
        Arc::new(times.with_timezone("UTC"))
    };
    let buckets = Int32Array::from_iter_values(hours.iter().map(|hour| hour.1));
    Ok(RecordBatch::try_from_iter([
        ("source", text(&|hour| hour.0.clone())),
        ("bucket", Arc::new(buckets) as ArrayRef),
        ("stale_table", text(&|_| COUNTERS.to_owned())),
        ("start_at", time(&|hour| hour.2)),
        ("end_at", time(&|hour| hour.3)),
        ("cause", text(&|hour| hour.4.clone())),
        ("state", text(&|_| "done".to_owned())),
        ("at", time(&|_| cx.as_of())),
        ("known_at", time(&|_| cx.as_of())),
        ("ingested_at", time(&|_| cx.now())),
        ("lineage_id", text(&|_| lineage_id.to_owned())),
    ])?)
}
