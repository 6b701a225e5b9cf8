//! Local time and holidays of a region.
//!
//! Demand follows the clock on the wall: the busy hour stays at the same local hour when daylight
//! saving begins, and a holiday looks like a Sunday.

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// Microseconds since the epoch, UTC.
pub type Micros = i64;
/// One second.
pub const SECOND: Micros = 1_000_000;
/// One hour.
pub const HOUR: Micros = 3_600 * SECOND;
/// Twenty-four hours.
pub const DAY: Micros = 24 * HOUR;

/// So many hours, to the second: nothing in a network's records is finer. Waiting times of things
/// that never happen end at a thousand years.
pub fn hours(count: f64) -> Micros {
    const LIMIT: f64 = 1000.0 * 8766.0;
    (count.clamp(-LIMIT, LIMIT) * 3600.0).round() as Micros * SECOND
}

/// So many days of 24 hours, to the second.
pub fn days(count: f64) -> Micros {
    hours(24.0 * count)
}

/// The first midnight (UTC) at or after `at`.
pub fn next_midnight(at: Micros) -> Micros {
    at + (-at).rem_euclid(DAY)
}

/// A moment as the people of a region see it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LocalTime {
    /// Hours since local midnight, with fraction.
    pub hour: f64,
    /// Monday 0 … Sunday 6.
    pub weekday: usize,
    /// Place in the year, 0 to 1.
    pub year_phase: f64,
    /// A public holiday.
    pub holiday: bool,
}

/// The clock and the holidays of one region.
#[derive(Debug, Clone)]
pub struct Clock {
    zone: TimeZone,
    holidays: Holidays,
}

/// The calendars that the simulator knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holidays {
    /// Germany, days common to all states.
    Germany,
    /// Portugal.
    Portugal,
    /// United Kingdom, England.
    England,
    /// None at all.
    None,
}

impl Holidays {
    /// The calendar of that name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "DE" => Some(Self::Germany),
            "PT" => Some(Self::Portugal),
            "GB" => Some(Self::England),
            "none" => Some(Self::None),
            _ => None,
        }
    }

    /// Whether `day` is a holiday.
    pub fn contains(self, day: Date) -> bool {
        let fixed: &[(i8, i8)] = match self {
            Self::Germany => &[(1, 1), (5, 1), (10, 3), (12, 25), (12, 26)],
            Self::Portugal => &[
                (1, 1),
                (4, 25),
                (5, 1),
                (6, 10),
                (8, 15),
                (10, 5),
                (11, 1),
                (12, 1),
                (12, 8),
                (12, 25),
            ],
            Self::England => &[(1, 1), (12, 25), (12, 26)],
            Self::None => &[],
        };
        // Days after Easter Sunday.
        let moving: &[i64] = match self {
            Self::Germany => &[-2, 1, 39, 50],
            Self::Portugal => &[-2, 0, 60],
            Self::England => &[-2, 1],
            Self::None => &[],
        };
        let easter = easter(day.year());
        fixed.contains(&(day.month(), day.day()))
            || moving.iter().any(|days| easter.saturating_add(days.days()) == day)
    }
}

impl Clock {
    /// A clock in a zone with a holiday calendar.
    pub fn new(zone: TimeZone, holidays: Holidays) -> Self {
        Self { zone, holidays }
    }

    /// Local time at `at`.
    pub fn local(&self, at: Micros) -> LocalTime {
        let stamp = timestamp(at);
        let civil = self.zone.to_datetime(stamp);
        let (day, time) = (civil.date(), civil.time());
        let seconds = f64::from(time.hour()) * 3600.0
            + f64::from(time.minute()) * 60.0
            + f64::from(time.second());
        LocalTime {
            hour: seconds / 3600.0,
            weekday: usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0),
            year_phase: (f64::from(day.day_of_year()) - 1.0) / 365.25,
            holiday: self.holidays.contains(day),
        }
    }

    /// The first moment at or after `at` when the local clock shows `hour`.
    pub fn next_local_hour(&self, at: Micros, hour: f64) -> Micros {
        let now = self.local(at).hour;
        let wait = (hour - now).rem_euclid(24.0);
        at + hours(wait)
    }
}

/// The moment of `at`; times beyond jiff's range end at its limits.
pub fn timestamp(at: Micros) -> Timestamp {
    let limit = if at < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(at).unwrap_or(limit)
}

/// Easter Sunday of the Gregorian calendar.
///
/// **Source**: the anonymous algorithm of 1876 (Meeus, *Astronomical Algorithms*, chapter 8).
fn easter(year: i16) -> Date {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - b / 4 - g + 15) % 30;
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 19 * l) / 433;
    let month = (h + l - 7 * m + 90) / 25;
    let day = (h + l - 7 * m + 33 * month + 19) % 32;
    date(year, month as i8, day as i8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn easter_sundays() {
        for (year, month, day) in [(2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2038, 4, 25)] {
            assert_eq!(easter(year), date(year, month, day));
        }
    }

    #[test]
    fn the_wall_clock_moves_with_daylight_saving() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let clock = Clock::new(zone, Holidays::Germany);
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_microsecond();
        assert_eq!(clock.local(at("2026-01-15T18:00:00Z")).hour, 19.0);
        assert_eq!(clock.local(at("2026-07-15T18:15:00Z")).hour, 20.25);
        assert!(clock.local(at("2026-05-14T12:00:00Z")).holiday, "Ascension Day");
        assert_eq!(clock.local(at("2026-04-05T12:00:00Z")).weekday, 6);
        let two = clock.next_local_hour(at("2026-01-15T18:00:00Z"), 2.0);
        assert_eq!(two, at("2026-01-16T01:00:00Z"));
    }
}
