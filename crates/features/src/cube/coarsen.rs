//! From hours to local days.

use super::{Cube, Grid, Rank};
use crate::clock::LocalClock;
use crate::task::{Aggregate, DAY, Micros};

/// Adds local days to `daily` from the hours of `hourly`: one value per channel, entity and day.
///
/// A step of `daily` is the local date, stamped as if midnight were UTC: day `n` of every zone is
/// step `n`, so that weekdays and holidays line up although the days begin at different moments.
/// A day with less than `min_observed` of its hours observed has no value. Every moment at which
/// an hour of the day became known makes one version of the day, the complete ones only.
pub fn coarsen(
    hourly: &Cube,
    daily: &mut Cube,
    clock_of: impl Fn(&str) -> LocalClock,
    aggregate: Aggregate,
    min_observed: f64,
) {
    for (entity, id) in hourly.entities().iter().enumerate() {
        let Some(target) = daily.entity(id) else {
            continue;
        };
        let clock = clock_of(id);
        for step in 0..daily.grid.steps {
            let day = i32::try_from(daily.grid.at(step).div_euclid(DAY)).unwrap_or(0);
            let (start, end) = (clock.start_of(day), clock.start_of(day + 1));
            let hours = steps_within(hourly.grid, start, end);
            for (known_at, values) in
                versions(hourly, entity, hours, (end, aggregate, min_observed))
            {
                daily.insert(target, step, (Rank::Derived, known_at), &values);
            }
        }
    }
}

fn steps_within(grid: Grid, start: Micros, end: Micros) -> std::ops::Range<usize> {
    let first = -(grid.start - start).div_euclid(grid.step);
    let last = (end - grid.start).div_euclid(grid.step);
    let clamp = |step: i64| usize::try_from(step.max(0)).unwrap_or(0).min(grid.steps);
    clamp(first)..clamp(last)
}

/// The distinct values of a day over time, each with the moment from which it holds.
fn versions(
    hourly: &Cube,
    entity: usize,
    hours: std::ops::Range<usize>,
    (end, aggregate, min_observed): (Micros, Aggregate, f64),
) -> Vec<(Micros, Vec<f32>)> {
    let mut found: Vec<(Micros, Vec<f32>)> = Vec::new();
    if hours.is_empty() {
        return found;
    }
    let times = hourly.known_times(entity, hours.clone());
    // A day is complete when its last hour is known; before that it would be a partial maximum.
    let complete = times.iter().copied().filter(|known| *known >= end);
    let after_all = times.last().copied().filter(|last| *last < end);
    for known_at in complete.chain(after_all) {
        let values: Vec<f32> = (0..hourly.channels.len())
            .map(|channel| {
                let series = hourly.series(entity, channel, hours.clone(), known_at);
                combine(&series, aggregate, min_observed)
            })
            .collect();
        let same = |(_, have): &(Micros, Vec<f32>)| {
            have.iter().map(|x| x.to_bits()).eq(values.iter().map(|x| x.to_bits()))
        };
        if !found.last().is_some_and(same) {
            found.push((known_at, values));
        }
    }
    found
}

fn combine(series: &[f64], aggregate: Aggregate, min_observed: f64) -> f32 {
    let seen: Vec<f64> = series.iter().copied().filter(|x| !x.is_nan()).collect();
    if seen.is_empty() || (seen.len() as f64) < min_observed * series.len() as f64 {
        return f32::NAN;
    }
    let value = aggregate.of(&seen);
    value as f32
}
