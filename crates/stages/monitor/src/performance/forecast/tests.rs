//! Forecasts of which the truth is known, and what is said of them.

use super::*;

/// Forty forecasts, a week each, that are off by `own` where last week's value is off by `naive`.
fn horizon(own: f64, naive: f64) -> Horizon {
    let mut of = Horizon::default();
    for row in 0..40_u64 {
        let actual = 10.0 + row as f64;
        // Alternating, so that blocks differ and none has the same error on both sides.
        let wobble = if row % 2 == 0 { 0.9 } else { 1.1 };
        of.actual.push(actual);
        of.median.push(actual + own * wobble);
        of.naive.push(if row < 4 { f64::NAN } else { actual - naive });
        of.low.push(actual - 1.0);
        of.high.push(actual + 1.0);
        of.blocks.push(row);
    }
    of
}

fn judged(own: f64, naive: f64) -> Metric {
    worth(horizon(own, naive).over_naive(Metric::of_data("7d", "ratio", 0)))
}

#[test]
fn a_forecast_is_judged_beside_last_week() {
    let better = judged(1.0, 2.0);
    assert!(better.value.is_some_and(|ratio| (ratio - 0.5).abs() < 1e-9), "{better:?}");
    assert_eq!((better.state, better.samples), (State::Ok, 36));
    let worse = judged(2.0, 1.0);
    assert_eq!(worse.state, State::Warn);
    assert!(worse.reason.unwrap().starts_with("2.00 times the error"));
    assert_eq!(judged(1.0, 0.0).state, State::Unknown, "nothing to divide by");
}

#[test]
fn intervals_that_are_left_twice_as_often_as_they_should_are_broken() {
    let judged = |value, plausible| {
        let mut metric = Metric::of_data("7d", "coverage_80", 0).value(Some(value), 40);
        metric.interval = Some(plausible);
        Horizon::default().judged(&Config::default(), metric).state
    };
    assert_eq!(judged(0.80, (0.74, 0.86)), State::Ok);
    assert_eq!(judged(0.56, (0.48, 0.63)), State::Warn, "0.6 is still plausible");
    assert_eq!(judged(0.50, (0.42, 0.59)), State::Broken);
    assert_eq!(judged(0.95, (0.91, 0.97)), State::Warn, "too wide does no harm");
}

#[test]
fn a_naive_forecast_looks_back_whole_weeks_to_what_is_known() {
    let weeks = [(1, 1), (7, 1), (8, 2), (90, 13)];
    for (days, back) in weeks {
        assert_eq!(weeks_before(days * DAY), back, "{days} days ahead");
    }
}

#[test]
fn a_batch_holds_whole_entities() {
    let said = |(entity, day): (&str, Micros)| Said {
        entity_id: entity.into(),
        cutoff: day * DAY,
        horizon: DAY,
        probability: None,
        median: None,
        interval: None,
    };
    let all = [("a", 1), ("a", 2), ("b", 1), ("c", 1), ("c", 2), ("c", 3)].map(said);
    let due: Vec<&Said> = all.iter().collect();
    let lengths = |most| batches(&due, most).map(<[_]>::len).collect::<Vec<usize>>();
    assert_eq!(lengths(1), [2, 1, 3]);
    assert_eq!(lengths(2), [3, 3]);
    assert_eq!(lengths(9), [6]);
    assert_eq!(batches(&[], 1).count(), 0);
}
