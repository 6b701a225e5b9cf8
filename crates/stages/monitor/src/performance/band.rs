//! A day's count against those of the days before.

use foresite_features::task::{DAY, Micros};
use foresite_metrics::drift::volume::{Band, LEAST_DAYS};

use super::{Metric, State};
use crate::config::Judging;

/// Number of the day that ends at a moment or holds it.
pub(super) fn day_of(at: Micros) -> Micros {
    (at - 1).div_euclid(DAY)
}

/// The metric of a day's count of `what`: worth a look outside of the band of the days before.
pub(super) fn judged(
    metric: Metric,
    (count, what): (u64, &str),
    before: &[u64],
    judging: &Judging,
) -> Metric {
    let mut metric = metric.value(Some(count as f64), before.len());
    let Some(band) = Band::of(before, judging.volume_alpha.get()) else {
        let reason = format!("{} days before, {LEAST_DAYS} are needed for a band", before.len());
        return metric.state(State::Unknown, reason);
    };
    metric.interval = Some((band.low as f64, band.high as f64));
    if band.holds(count) {
        return metric.state(State::Ok, None);
    }
    let reason = format!(
        "{count} {what} on a day, {} to {} are usual (mean {:.1})",
        band.low, band.high, band.mean
    );
    metric.state(State::Warn, reason)
}
