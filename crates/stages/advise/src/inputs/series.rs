//! Series of `kpis` and the expectation from `profiles`.

pub use foresite_report::frame::Sample;
use jiff::tz::TimeZone;

use crate::clock::{self, Micros};

/// An entity and channel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeriesKey {
    /// The entity.
    pub entity_id: String,
    /// The channel.
    pub channel: String,
}

impl SeriesKey {
    /// A key from its parts.
    pub fn new(entity_id: &str, channel: &str) -> Self {
        Self { entity_id: entity_id.to_owned(), channel: channel.to_owned() }
    }
}

/// Values of one entity and channel, ordered by time.
pub type Series = Vec<Sample>;

/// What one hour of the week usually looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UsualHour {
    /// Median of the look-back.
    pub median: f64,
    /// Interquartile range / 1.349.
    pub spread: f64,
}

/// The usual week of an entity and channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    hours: Vec<Option<UsualHour>>,
}

impl Default for Profile {
    fn default() -> Self {
        Self { hours: vec![None; 168] }
    }
}

impl Profile {
    /// Sets an hour of the week; an hour beyond 167 or a value that is no number is left out.
    pub fn set(&mut self, hour_of_week: usize, usual: UsualHour) {
        let sane = usual.median.is_finite() && usual.spread.is_finite() && usual.spread >= 0.0;
        if let Some(hour) = self.hours.get_mut(hour_of_week).filter(|_| sane) {
            *hour = Some(usual);
        }
    }

    /// What is usual at `at` in `zone`.
    pub fn at(&self, at: Micros, zone: &TimeZone) -> Option<UsualHour> {
        self.hours.get(clock::hour_of_week(at, zone)).copied().flatten()
    }

    /// The mean median of the hours in `[start, end)`; `None` where no hour is known.
    pub fn mean(&self, start: Micros, end: Micros, zone: &TimeZone) -> Option<f64> {
        let mut at = start;
        let mut sum = 0.0;
        let mut known = 0_u32;
        while at < end {
            if let Some(usual) = self.at(at, zone) {
                sum += usual.median;
                known += 1;
            }
            at += clock::HOUR;
        }
        (known > 0).then(|| sum / f64::from(known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::HOUR;

    #[test]
    fn unknown_hours_are_left_out_of_a_mean() {
        let mut profile = Profile::default();
        // 1970-01-01 is a Thursday: its first hour is hour 72 of the week.
        profile.set(72, UsualHour { median: 4.0, spread: 1.0 });
        profile.set(73, UsualHour { median: f64::NAN, spread: 1.0 });
        profile.set(500, UsualHour { median: 1.0, spread: 1.0 });
        assert_eq!(profile.mean(0, 3 * HOUR, &TimeZone::UTC), Some(4.0));
        assert_eq!(profile.mean(HOUR, 3 * HOUR, &TimeZone::UTC), None);
    }
}
