//! Storms, mains and batteries.

use crate::calendar::{self, Micros};
use crate::faults::rates::hours_between;
use crate::layout::{Layout, Site};
use crate::random::Key;

use super::{Episode, Rates};

/// How much more often the mains fail in a storm.
pub const STORM_MAINS: f64 = 20.0;
/// Mean length of a storm in hours.
pub const STORM_MEAN_HOURS: f64 = 18.0;
/// Median length of a mains outage in hours.
pub const MAINS_HOURS: f64 = 1.1;
/// Standard deviation of the logarithm of that length.
pub const MAINS_SIGMA: f64 = 1.1;

/// Storms come and go as a two-state Markov process.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    /// Storms begun per calm hour.
    pub onset: f64,
}

impl Weather {
    /// Long-run share of stormy time.
    pub fn share(self) -> f64 {
        self.onset / (self.onset + 1.0 / STORM_MEAN_HOURS)
    }

    /// Expected stormy hours within `hours` from now.
    pub fn stormy_hours(self, stormy_now: bool, hours: f64) -> f64 {
        let pace = self.onset + 1.0 / STORM_MEAN_HOURS;
        let excess = f64::from(u8::from(stormy_now)) - self.share();
        self.share() * hours + excess * (1.0 - (-pace * hours).exp()) / pace
    }
}

/// Draws the storms of a region from `start` to `end`.
pub(super) fn draw_storms(
    key: Key,
    rates: &Rates,
    start: Micros,
    end: Micros,
) -> Vec<(Micros, Micros)> {
    let mut draw = key.named("storms").stream();
    let mut storms = Vec::new();
    let mut at = start;
    loop {
        at += calendar::hours(draw.exponential(1.0 / rates.storms));
        if at >= end {
            return storms;
        }
        let over = at + calendar::hours(draw.exponential(STORM_MEAN_HOURS));
        storms.push((at, over));
        at = over;
    }
}

/// Whether one of the storms covers `at`.
pub(super) fn is_stormy(storms: &[(Micros, Micros)], at: Micros) -> bool {
    let begun = storms.partition_point(|(start, _)| *start <= at);
    begun > 0 && at < storms[begun - 1].1
}

/// Mains outages of every feed: (start, end).
pub(super) fn draw_mains(
    layout: &Layout,
    rates: &Rates,
    storms: &[Vec<(Micros, Micros)>],
    span: [Micros; 2],
) -> Vec<Vec<(Micros, Micros)>> {
    let mut feeds = vec![Vec::new(); layout.feeds];
    for site in &layout.sites {
        if !feeds[site.feed].is_empty() {
            continue;
        }
        let region = &layout.regions[site.region];
        let mut draw = region.key.named("mains").at(site.feed as u64).stream();
        let limit = rates.mains * STORM_MAINS;
        let mut at = span[0];
        loop {
            at += calendar::hours(draw.exponential(1.0 / limit.max(1e-12)));
            if at >= span[1] {
                break;
            }
            let storm = is_stormy(&storms[site.region], at);
            if !draw.chance(if storm { 1.0 } else { 1.0 / STORM_MAINS }) {
                continue;
            }
            let hours = draw.log_normal(MAINS_HOURS, MAINS_SIGMA).clamp(0.05, 60.0);
            let over = at + calendar::hours(hours);
            feeds[site.feed].push((at, over));
            at = over;
        }
    }
    feeds
}

/// Hours that the battery of a site carries it at a severity of its deterioration.
pub fn autonomy_hours(site: &Site, severity: f64) -> f64 {
    site.autonomy_hours * (1.0 - 0.9 * severity.min(1.0))
}

/// Autonomy at `at` given the battery's present deterioration.
pub(super) fn autonomy_at(site: &Site, battery: Option<&Episode>, at: Micros) -> f64 {
    let severity = battery
        .map_or(0.0, |episode| hours_between(episode.start, at).max(0.0) / episode.pace_hours);
    autonomy_hours(site, severity)
}
