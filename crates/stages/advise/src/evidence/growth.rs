//! Growth of a busy hour: the robust slope through weekly maxima.

use std::collections::BTreeMap;

use crate::{
    clock::{DAY, Micros},
    inputs::Sample,
};

/// Weekly maxima that a slope needs at least: fewer cannot tell growth from season.
const LEAST_WEEKS: usize = 8;

/// Days of a month, on average.
const MONTH_DAYS: f64 = 365.25 / 12.0;

/// How a busy hour grows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Growth {
    /// Change per month, in the channel's unit.
    pub per_month: f64,
    /// Weekly maxima behind it.
    pub weeks: usize,
}

/// Theil-Sen slope (median of all pairwise slopes) through the maxima of the weeks that end at
/// `cutoff`; the current level is the other half of the answer and stands in the plot.
pub fn weekly_growth(daily: &[Sample], cutoff: Micros) -> Option<Growth> {
    let maxima = weekly_maxima(daily, cutoff);
    if maxima.len() < LEAST_WEEKS {
        return None;
    }
    let mut slopes = Vec::with_capacity(maxima.len() * maxima.len() / 2);
    for (at, (week, value)) in maxima.iter().enumerate() {
        for (later_week, later) in &maxima[at + 1..] {
            slopes.push((later - value) / (later_week - week) as f64);
        }
    }
    slopes.sort_by(f64::total_cmp);
    let middle = slopes.len() / 2;
    let median = if slopes.len() % 2 == 1 {
        slopes[middle]
    } else {
        f64::midpoint(slopes[middle - 1], slopes[middle])
    };
    median
        .is_finite()
        .then_some(Growth { per_month: median * MONTH_DAYS / 7.0, weeks: maxima.len() })
}

/// The greatest value of each week, by weeks before the cutoff (negative), oldest first.
fn weekly_maxima(daily: &[Sample], cutoff: Micros) -> Vec<(i64, f64)> {
    let mut maxima: BTreeMap<i64, f64> = BTreeMap::new();
    for sample in daily.iter().filter(|sample| sample.at < cutoff) {
        if let Some(value) = sample.value.filter(|value| value.is_finite()) {
            let week = (sample.at - cutoff).div_euclid(7 * DAY);
            maxima.entry(week).and_modify(|most| *most = most.max(value)).or_insert(value);
        }
    }
    maxima.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daily(days: i64, value: impl Fn(i64) -> f64) -> Vec<Sample> {
        (0..days).map(|day| Sample { at: day * DAY, value: Some(value(day)) }).collect()
    }

    #[test]
    fn the_slope_ignores_a_festival() {
        let steady = |day: i64| 50.0 + day as f64 * 0.1;
        let series = daily(140, |day| if day == 70 { 95.0 } else { steady(day) });
        let growth = weekly_growth(&series, 140 * DAY).unwrap();
        // By hand: 0.1 a day is 3.04 a month.
        assert!((growth.per_month - 3.044).abs() < 0.05, "{growth:?}");
        assert_eq!(growth.weeks, 20);
    }

    #[test]
    fn two_months_are_the_least() {
        assert_eq!(weekly_growth(&daily(49, |_| 1.0), 49 * DAY), None);
        assert!(weekly_growth(&daily(56, |_| 1.0), 56 * DAY).is_some());
    }
}
