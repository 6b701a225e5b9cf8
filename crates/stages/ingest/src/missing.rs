//! Expected periods for which nothing came.
//!
//! An element is expected from the first file of its feed on, as long as `objects` knows it or it
//! sent something in the last days. A period counts as sent when a taken file reaches into it.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::TimestampMicrosecondType;
use foresite_schema::catalog::raw;
use foresite_stage::{Context, Result};
use foresite_tables::{Micros, Read};

use crate::config::{Config, PmFeed};
use crate::ledger::{self, Sent};
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
        let interval = plan.content.interval();
        // Whoever sent nothing since then is expected no more, whatever stands before it.
        let since = interval.start.saturating_sub(patience(feed));
        let mut sent = Sent::load(cx.root(), &feed.source, &plan.id, since)?;
        note_outcomes(&mut sent, feed, outcomes);
        let began = match ledger::has_taken_before(cx.root(), &feed.source, interval.start)? {
            true => Some(interval.start),
            false => sent.periods.values().flatten().map(|(start, _)| *start).min(),
        };
        // Objects do not say which feed measures them: with one feed it is that one.
        let objects = if config.pm.len() == 1 { known.clone() } else { BTreeMap::new() };
        let Some(began) = began else { continue };
        let grid = Grid { step: i64::from(seconds) * 1_000_000, start: began.max(interval.start) };
        missing.extend(of_feed(feed, (grid, interval.end), &mut sent, objects));
    }
    Ok(missing)
}

fn patience(feed: &PmFeed) -> Micros {
    i64::from(feed.forget_after_days) * DAY
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

/// Whole periods of a feed, from the first one that may be expected.
#[derive(Debug, Clone, Copy)]
struct Grid {
    step: Micros,
    start: Micros,
}

fn of_feed(
    feed: &PmFeed,
    (grid, end): (Grid, Micros),
    sent: &mut Sent,
    objects: BTreeMap<String, Service>,
) -> Vec<Missing> {
    let mut expected = objects;
    for (element, periods) in &mut sent.periods {
        periods.sort_unstable();
        let (Some(begin), Some(last)) =
            (periods.first().map(|period| period.0), periods.iter().map(|period| period.1).max())
        else {
            continue;
        };
        expected.entry(element.clone()).or_insert((begin, last.saturating_add(patience(feed))));
    }
    let (nothing, none) = (Vec::new(), BTreeSet::new());
    let mut missing = Vec::new();
    for (ne_dn, (from, to)) in expected {
        let came = sent.periods.get(&ne_dn).unwrap_or(&nothing);
        let recorded = sent.missing.get(&ne_dn).unwrap_or(&none);
        let absent = gaps(grid, (from, end.min(to)), came);
        missing.extend(absent.filter(|start| !recorded.contains(start)).map(|start| Missing {
            source: feed.source.clone(),
            ne_dn: ne_dn.clone(),
            start,
            end: start + grid.step,
        }));
    }
    missing
}

/// Starts of the periods wholly inside `[from, to)` into which no period of `came` reaches; these
/// are sorted.
fn gaps(
    grid: Grid,
    (from, to): (Micros, Micros),
    came: &[(Micros, Micros)],
) -> impl Iterator<Item = Micros> {
    let first = (grid.start.max(from) + grid.step - 1).div_euclid(grid.step) * grid.step;
    let count = usize::try_from((to.saturating_sub(first)).div_euclid(grid.step)).unwrap_or(0);
    let starts = (0..count as i64).map(move |number| first + number * grid.step);
    // What came is passed over once, however many periods there are.
    let (mut next, mut reach) = (0, Micros::MIN);
    starts.filter(move |start| {
        while let Some(period) = came.get(next).filter(|period| period.0 < start + grid.step) {
            reach = reach.max(period.1);
            next += 1;
        }
        reach <= *start
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    fn absent(sent: &Sent, objects: &[(&str, Service)], hours: [i64; 2]) -> Vec<(String, i64)> {
        let objects = objects.iter().map(|(name, service)| ((*name).to_owned(), *service));
        let began = sent.periods.values().flatten().map(|(start, _)| *start).min();
        let Some(began) = began else { return Vec::new() };
        let grid = Grid { step: HOUR, start: began.max(hours[0] * HOUR) };
        let mut sent = Sent { periods: sent.periods.clone(), missing: sent.missing.clone() };
        let span = (grid, hours[1] * HOUR);
        let missing = of_feed(&PmFeed::default(), span, &mut sent, objects.collect());
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
        sent.missing.insert("a".into(), [2 * HOUR].into());
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
    fn a_period_counts_wherever_it_reaches_into() {
        let grid = Grid { step: HOUR, start: 0 };
        let found = |came: &[(i64, i64)]| -> Vec<i64> {
            gaps(grid, (HOUR / 2, 7 * HOUR + 1), came).map(|start| start / HOUR).collect()
        };
        assert_eq!(found(&[]), [1, 2, 3, 4, 5, 6]);
        assert_eq!(found(&[(0, 3 * HOUR), (HOUR, 2 * HOUR), (5 * HOUR - 1, 5 * HOUR + 1)]), [3, 6]);
        assert_eq!(found(&[(3 * HOUR, 3 * HOUR)]), [1, 2, 3, 4, 5, 6], "an empty period");
    }

    #[test]
    fn an_element_that_went_silent_is_forgotten() {
        let sent = sent(&[("a", 0), ("b", 400)]);
        assert_eq!(absent(&sent, &[], [160, 180]).len(), 9);
        assert_eq!(absent(&sent, &[], [300, 320]), []);
    }
}
