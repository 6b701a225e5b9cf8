//! Hours whose counters changed, for the stages that recompute.

use std::collections::BTreeSet;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::{Int32Type, TimestampMicrosecondType};
use foresite_schema::catalog::raw;
use foresite_schema::{BUCKETS, bucket_of};
use foresite_stage::Result;
use foresite_tables::{Micros, Read, Root};
use serde_json::{Value as Json, json};

use crate::outcome::{Outcome, State};
use crate::records::Missing;

pub(crate) const HOUR: i64 = 3_600_000_000;

/// Spans in the result; it must fit into 4 KiB.
const MOST_SPANS: usize = 16;

/// Source, bucket, start and end of an hour.
pub(crate) type Slot = (String, i32, Micros, Micros);

/// Every hour that files touched, or for which nothing came: that is a gap to derive.
pub(crate) fn slots(outcomes: &[Outcome], absent: &[Missing]) -> BTreeSet<Slot> {
    let taken = outcomes.iter().filter(|outcome| outcome.state == State::Taken);
    let touched = taken.flat_map(|file| {
        let of = |&(bucket, start)| (file.source.clone(), bucket, start, start + HOUR);
        file.hours.iter().map(of)
    });
    let silent = absent.iter().flat_map(|gap| hours(&gap.source, &gap.ne_dn, gap.start, gap.end));
    touched.chain(silent).collect()
}

/// The hours of an element that a period reaches into.
pub(crate) fn hours(
    source: &str,
    ne_dn: &str,
    start: Micros,
    end: Micros,
) -> impl Iterator<Item = Slot> {
    let bucket = bucket_of(ne_dn, BUCKETS);
    let first = start.div_euclid(HOUR);
    let last = if start < end { (end - 1).div_euclid(HOUR) + 1 } else { first };
    let of = move |hour| (source.to_owned(), bucket, hour * HOUR, (hour + 1) * HOUR);
    (first..last).map(of)
}

/// Hours that earlier plans left open, as known at `as_of`: a run whose derive failed and was never
/// repeated must not leave a hole.
pub(crate) fn left_open(root: &Root, as_of: Micros) -> Result<Vec<Slot>> {
    let Some(table) = root.find(raw::stale())? else {
        return Ok(Vec::new());
    };
    let columns = ["source", "bucket", "start_at", "end_at", "cause", "state", "stale_table"];
    let batch = table.read_all(&Read::all().columns(columns).as_of(as_of))?;
    let open = &in_state(&batch, "open") - &in_state(&batch, "done");
    Ok(open.into_iter().map(|(slot, _)| slot).collect())
}

/// Hours in a state, with their cause.
fn in_state(batch: &RecordBatch, state: &str) -> BTreeSet<(Slot, String)> {
    let text = |index: usize| batch.column(index).as_string::<i32>();
    let time = |index: usize| batch.column(index).as_primitive::<TimestampMicrosecondType>();
    let (sources, causes, states, tables) = (text(0), text(4), text(5), text(6));
    let buckets = batch.column(1).as_primitive::<Int32Type>();
    let (starts, ends) = (time(2), time(3));
    (0..batch.num_rows())
        .filter(|row| states.value(*row) == state && tables.value(*row) == "pm_counters")
        .map(|row| {
            let source = sources.value(row).to_owned();
            let slot = (source, buckets.value(row), starts.value(row), ends.value(row));
            (slot, causes.value(row).to_owned())
        })
        .collect()
}

/// The touched hours as few spans, whatever their bucket: neighbours joined, then the spans with
/// the smallest gaps between them until they fit into the result.
pub(crate) fn spans(slots: &[Slot]) -> Vec<(String, Micros, Micros)> {
    let mut hours: Vec<(String, Micros, Micros)> =
        slots.iter().map(|(source, _, start, end)| (source.clone(), *start, *end)).collect();
    hours.sort();
    let mut spans: Vec<(String, Micros, Micros)> = Vec::new();
    for (source, start, end) in hours {
        match spans.last_mut() {
            Some(last) if last.0 == source && start <= last.2 => last.2 = last.2.max(end),
            _ => spans.push((source, start, end)),
        }
    }
    while spans.len() > MOST_SPANS {
        let gap = |pair: &[(String, Micros, Micros)]| {
            if pair[0].0 == pair[1].0 { pair[1].1 - pair[0].2 } else { i64::MAX }
        };
        let narrowest = (1..spans.len()).min_by_key(|at| gap(&spans[at - 1..=*at])).unwrap_or(1);
        let joined = spans.remove(narrowest);
        spans[narrowest - 1].2 = joined.2;
    }
    spans
}

/// The spans as the orchestrator reads them.
pub(crate) fn as_json(spans: &[(String, Micros, Micros)]) -> Json {
    let stamp = |micros: Micros| {
        jiff::Timestamp::from_microsecond(micros)
            .map_or_else(|_| String::new(), |at| at.to_string())
    };
    let of = |(source, start, end): &(String, Micros, Micros)| json!({"table": "pm_counters", "source": source, "start": stamp(*start), "end": stamp(*end)});
    spans.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(hour: i64, bucket: i32) -> Slot {
        ("pm".into(), bucket, hour * HOUR, (hour + 1) * HOUR)
    }

    fn spanned(slots: &[Slot]) -> Vec<(i64, i64)> {
        spans(slots).iter().map(|(_, start, end)| (start / HOUR, end / HOUR)).collect()
    }

    #[test]
    fn a_period_is_stale_in_every_hour_that_it_reaches_into() {
        let starts = |start, end| -> Vec<i64> {
            hours("pm", "N1", start, end).map(|slot| slot.2 / HOUR).collect()
        };
        assert_eq!(starts(HOUR, 2 * HOUR), [1]);
        assert_eq!(starts(HOUR + 1, 2 * HOUR + 1), [1, 2]);
        assert_eq!(starts(HOUR, HOUR), [0; 0]);
        assert_eq!(starts(2 * HOUR, HOUR), [0; 0]);
    }

    #[test]
    fn neighbours_and_buckets_are_joined() {
        let slots = [slot(3, 1), slot(1, 0), slot(2, 0), slot(1, 1), slot(7, 0)];
        assert_eq!(spanned(&slots), [(1, 4), (7, 8)]);
        assert_eq!(
            as_json(&spans(&slots))[1].to_string(),
            r#"{"end":"1970-01-01T08:00:00Z","source":"pm","start":"1970-01-01T07:00:00Z","table":"pm_counters"}"#
        );
    }

    #[test]
    fn many_spans_are_joined_over_the_narrowest_gaps() {
        let mut slots: Vec<_> = (0..16).map(|n| slot(n * 100, 0)).collect();
        slots.push(slot(2, 0));
        slots.push(slot(305, 0));
        let spans = spanned(&slots);
        assert_eq!(spans.len(), MOST_SPANS);
        assert_eq!((spans[0], spans[3]), ((0, 3), (300, 306)));
    }
}
