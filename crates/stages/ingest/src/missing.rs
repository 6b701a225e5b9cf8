//! Expected periods for which nothing came.
//!
//! An element is expected from the first file of its feed on, as long as `objects` knows it or it
//! sent something in the last days. A period counts as sent when a taken file reaches into it.

use std::collections::BTreeMap;

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::TimestampMicrosecondType;
use foresite_schema::catalog::raw;
use foresite_stage::{Context, Interval, Result};
use foresite_tables::{Micros, Read};

use crate::config::{Config, PmFeed};
use crate::ledger::Sent;
use crate::outcome::{Outcome, State};
use crate::plan::IngestPlan;
use crate::records::Missing;

const DAY: i64 = 86_400_000_000;

/// When an element is in service: from, until.
type Service = (Micros, Micros);

/// Periods of the interval that are expected, did not come and are not on record yet.
pub(crate) fn missing(
    cx: &Context,
    config: &Config,
    plan: &IngestPlan,
    outcomes: &[Outcome],
) -> Result<Vec<Missing>> {
    let known = in_service(cx, plan.content.as_of)?;
    let mut missing = Vec::new();
    for feed in &config.pm {
        let Some(seconds) = feed.expect_every_seconds.filter(|seconds| *seconds > 0) else {
            continue;
        };
        let mut sent = Sent::load(cx.root(), &feed.source, &plan.id)?;
        note_outcomes(&mut sent, feed, outcomes);
        // Objects do not say which feed measures them: with one feed it is that one.
        let objects = if config.pm.len() == 1 { known.clone() } else { BTreeMap::new() };
        let step = i64::from(seconds) * 1_000_000;
        missing.extend(of_feed(feed, plan.content.interval(), step, &sent, objects));
    }
    Ok(missing)
}

fn note_outcomes(sent: &mut Sent, feed: &PmFeed, outcomes: &[Outcome]) {
    let taken =
        outcomes.iter().filter(|file| file.state == State::Taken && file.source == feed.source);
    for file in taken {
        if let Some(period) = file.period {
            file.elements.iter().for_each(|element| sent.note(element.clone(), period));
        }
    }
}

/// Elements that `objects` names, with the time in which it knows them.
fn in_service(cx: &Context, as_of: Micros) -> Result<BTreeMap<String, Service>> {
    let mut known: BTreeMap<String, Service> = BTreeMap::new();
    let Some(objects) = cx.root().find(raw::objects())? else {
        return Ok(known);
    };
    let columns = ["ne_dn", "valid_from", "valid_to"];
    let batch = objects.read(&Read::all().columns(columns).as_of(as_of))?;
    let elements = batch.column(0).as_string::<i32>();
    let from = batch.column(1).as_primitive::<TimestampMicrosecondType>();
    let to = batch.column(2).as_primitive::<TimestampMicrosecondType>();
    for row in 0..batch.num_rows() {
        let end = if to.is_valid(row) { to.value(row) } else { Micros::MAX };
        let service = known.entry(elements.value(row).to_owned()).or_insert((from.value(row), end));
        service.0 = service.0.min(from.value(row));
        service.1 = service.1.max(end);
    }
    Ok(known)
}

fn of_feed(
    feed: &PmFeed,
    interval: Interval,
    step: Micros,
    sent: &Sent,
    objects: BTreeMap<String, Service>,
) -> Vec<Missing> {
    let Some(first) = sent.periods.values().flatten().map(|(start, _)| *start).min() else {
        return Vec::new();
    };
    let patience = i64::from(feed.forget_after_days) * DAY;
    let mut expected = objects;
    for (element, periods) in &sent.periods {
        let begin = periods.iter().map(|period| period.0).min().unwrap_or(first);
        let last = periods.iter().map(|period| period.1).max().unwrap_or(first);
        expected.entry(element.clone()).or_insert((begin, last.saturating_add(patience)));
    }
    let nothing = Vec::new();
    let mut missing = Vec::new();
    for (ne_dn, (from, to)) in expected {
        let periods = sent.periods.get(&ne_dn).unwrap_or(&nothing);
        // Only whole periods of the grid, wholly inside interval and service.
        let from = interval.start.max(from).max(first);
        let to = interval.end.min(to);
        let mut start = (from + step - 1).div_euclid(step) * step;
        while start + step <= to {
            let end = start + step;
            let came = periods.iter().any(|period| period.0 < end && period.1 > start);
            if !came && !sent.missing.contains(&(ne_dn.clone(), start)) {
                let (source, ne_dn) = (feed.source.clone(), ne_dn.clone());
                missing.push(Missing { source, ne_dn, start, end });
            }
            start = end;
        }
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    fn absent(sent: &Sent, objects: &[(&str, Service)], hours: [i64; 2]) -> Vec<(String, i64)> {
        let interval = Interval { start: hours[0] * HOUR, end: hours[1] * HOUR };
        let objects = objects.iter().map(|(name, service)| ((*name).to_owned(), *service));
        let missing = of_feed(&PmFeed::default(), interval, HOUR, sent, objects.collect());
        missing.into_iter().map(|absent| (absent.ne_dn, absent.start / HOUR)).collect()
    }

    fn sent(periods: &[(&str, i64)]) -> Sent {
        let mut sent = Sent::default();
        for (element, hour) in periods {
            sent.note((*element).to_owned(), (hour * HOUR, (hour + 1) * HOUR));
        }
        sent
    }

    #[test]
    fn gaps_are_missing_once() {
        let mut sent = sent(&[("a", 1), ("a", 3), ("b", 1), ("b", 2), ("b", 3)]);
        assert_eq!(absent(&sent, &[], [0, 4]), [("a".into(), 2)]);
        sent.missing.insert(("a".into(), 2 * HOUR));
        assert_eq!(absent(&sent, &[], [0, 4]), []);
    }

    #[test]
    fn nothing_is_expected_before_the_feed_began_or_outside_service() {
        let sent = sent(&[("a", 5)]);
        let objects = [("a", (0, Micros::MAX)), ("c", (6 * HOUR, 8 * HOUR))];
        let expected = [("a", 6), ("a", 7), ("a", 8), ("c", 6), ("c", 7)];
        let expected = expected.map(|(element, hour)| (element.to_owned(), hour));
        assert_eq!(absent(&sent, &objects, [0, 9]), expected);
        assert_eq!(absent(&Sent::default(), &objects, [0, 9]), []);
    }

    #[test]
    fn an_element_that_went_silent_is_forgotten() {
        let sent = sent(&[("a", 0), ("b", 400)]);
        assert_eq!(absent(&sent, &[], [160, 180]).len(), 9);
        assert_eq!(absent(&sent, &[], [300, 320]), []);
    }
}
