//! Hours whose counters changed, for the stages that recompute.

use std::collections::BTreeSet;

use foresite_tables::Micros;
use serde_json::{Value as Json, json};

use crate::outcome::{Outcome, State};

const HOUR: i64 = 3_600_000_000;

/// Spans in the result; it must fit into 4 KiB.
const MOST_SPANS: usize = 16;

/// Source, bucket, start and end of every touched hour, in order.
pub(crate) fn slots(outcomes: &[Outcome]) -> Vec<(String, i32, Micros, Micros)> {
    let taken = outcomes.iter().filter(|outcome| outcome.state == State::Taken);
    let slots: BTreeSet<_> = taken
        .flat_map(|file| {
            let of = |&(bucket, start)| (file.source.clone(), bucket, start, start + HOUR);
            file.hours.iter().map(of)
        })
        .collect();
    slots.into_iter().collect()
}

/// The touched hours as few spans, whatever their bucket: neighbours joined, then the spans with
/// the smallest gaps between them until they fit into the result.
pub(crate) fn spans(slots: &[(String, i32, Micros, Micros)]) -> Vec<(String, Micros, Micros)> {
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

    fn slot(hour: i64, bucket: i32) -> (String, i32, Micros, Micros) {
        ("pm".into(), bucket, hour * HOUR, (hour + 1) * HOUR)
    }

    fn spanned(slots: &[(String, i32, Micros, Micros)]) -> Vec<(i64, i64)> {
        spans(slots).iter().map(|(_, start, end)| (start / HOUR, end / HOUR)).collect()
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
