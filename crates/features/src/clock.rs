//! Local time: hours of the week, days and calendar features in the site's own zone.
//!
//! A step of the grid is a moment in UTC; what people do follows the wall clock, which jumps twice
//! a year. Everything that says "hour of the week" or "day" goes through a [`LocalClock`].

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

use crate::holidays::Holidays;
use crate::task::{HOUR, Micros};

/// Hours of a week.
pub const HOURS_OF_WEEK: usize = 168;

/// A zone name that the time zone database does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time zone of the IANA database")]
pub struct UnknownZone(pub String);

/// The wall clock of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalClock {
    zone: TimeZone,
    holidays: Holidays,
}

impl Default for LocalClock {
    fn default() -> Self {
        Self { zone: TimeZone::UTC, holidays: Holidays::None }
    }
}

impl LocalClock {
    /// The clock of an IANA zone and a holiday calendar.
    ///
    /// # Errors
    /// When the zone is unknown. A calendar that is not built in has no holidays.
    pub fn new(zone: &str, calendar: &str) -> Result<Self, UnknownZone> {
        Ok(Self {
            zone: TimeZone::get(zone).map_err(|_| UnknownZone(zone.to_owned()))?,
            holidays: Holidays::named(calendar),
        })
    }

    /// Whether both show the same time always.
    pub fn same_zone(&self, other: &Self) -> bool {
        self.zone == other.zone
    }

    /// The local time at a moment.
    pub fn at(&self, at: Micros) -> ZonedDateTime {
        Timestamp::from_microsecond(at)
            .unwrap_or(Timestamp::UNIX_EPOCH)
            .to_zoned_datetime(self.zone.clone())
    }

    /// Hour of the local week, Monday 00:00 first.
    pub fn hour_of_week(&self, at: Micros) -> usize {
        hour_of_week(&self.at(at))
    }

    /// Days since 1970-01-01 of the local date.
    pub fn day(&self, at: Micros) -> i32 {
        day_number(self.at(at).date())
    }

    /// Whether the local date is a holiday.
    pub fn is_holiday(&self, at: Micros) -> bool {
        self.holidays.contains(self.at(at).date())
    }

    /// Whether the date, counted in days since 1970-01-01, is a holiday.
    pub fn is_holiday_on(&self, day: i32) -> bool {
        self.holidays.contains(date_of(day))
    }

    /// The moment at which the local date begins, counted in days since 1970-01-01.
    pub fn start_of(&self, day: i32) -> Micros {
        date_of(day)
            .to_zoned_datetime(self.zone.clone())
            .map_or(0, |zoned| zoned.timestamp().as_microsecond())
    }

    /// Hour of the week of `steps` grid steps from `start`.
    ///
    /// The zone is asked once per hour at most: offsets change on whole quarters of an hour, and
    /// between two changes the hour of the week follows by counting.
    pub fn hours_of_week(&self, start: Micros, step: Micros, steps: usize) -> Vec<u8> {
        let mut cached = (Micros::MIN, 0_u8);
        let mut hours = Vec::with_capacity(steps);
        let mut at = start;
        for _ in 0..steps {
            let quarter = at.div_euclid(HOUR / 4);
            if cached.0 != quarter {
                cached = (quarter, u8::try_from(self.hour_of_week(at)).unwrap_or(0));
            }
            hours.push(cached.1);
            at += step;
        }
        hours
    }

    /// Names of the calendar features, in the order of [`Self::features`].
    pub const FEATURES: [&'static str; 7] =
        ["hour_sin", "hour_cos", "weekday_sin", "weekday_cos", "year_sin", "year_cos", "holiday"];

    /// Position in the local day, week and year on the circle, and whether it is a holiday.
    pub fn features(&self, at: Micros) -> [f64; 7] {
        let local = self.at(at);
        let hour = f64::from(local.hour()) + f64::from(local.minute()) / 60.0;
        let weekday = f64::from(local.weekday().to_monday_zero_offset()) + hour / 24.0;
        let day_of_year = f64::from(local.day_of_year()) + hour / 24.0;
        let circle =
            |position: f64, length: f64| (std::f64::consts::TAU * position / length).sin_cos();
        let (hour, weekday, year) =
            (circle(hour, 24.0), circle(weekday, 7.0), circle(day_of_year, 365.25));
        let holiday = f64::from(u8::from(self.holidays.contains(local.date())));
        [hour.0, hour.1, weekday.0, weekday.1, year.0, year.1, holiday]
    }
}

fn hour_of_week(local: &ZonedDateTime) -> usize {
    let weekday = usize::try_from(local.weekday().to_monday_zero_offset()).unwrap_or(0);
    weekday * 24 + usize::try_from(local.hour()).unwrap_or(0)
}

/// Days since 1970-01-01.
pub fn day_number(date: Date) -> i32 {
    let epoch = Date::constant(1970, 1, 1);
    epoch.until(date).map_or(0, |span| span.get_days())
}

fn date_of(day: i32) -> Date {
    let epoch = Date::constant(1970, 1, 1);
    epoch.checked_add(jiff::Span::new().days(day)).unwrap_or(epoch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::MINUTE;

    fn micros(text: &str) -> Micros {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    #[test]
    fn the_hour_of_the_week_follows_daylight_saving() {
        let rome = LocalClock::new("Europe/Rome", "").unwrap();
        // 2026-03-29 is the Sunday on which the hour from 02:00 to 03:00 does not exist.
        assert_eq!(rome.hour_of_week(micros("2026-03-29T00:30:00Z")), 6 * 24 + 1);
        assert_eq!(rome.hour_of_week(micros("2026-03-29T01:00:00Z")), 6 * 24 + 3);
        // On 2026-10-25 the hour from 02:00 to 03:00 comes twice.
        assert_eq!(rome.hour_of_week(micros("2026-10-25T00:30:00Z")), 6 * 24 + 2);
        assert_eq!(rome.hour_of_week(micros("2026-10-25T01:30:00Z")), 6 * 24 + 2);
    }

    #[test]
    fn a_row_of_hours_equals_one_by_one() {
        for zone in ["Europe/Rome", "Asia/Kathmandu", "America/New_York"] {
            let clock = LocalClock::new(zone, "").unwrap();
            let start = micros("2026-03-27T00:00:00Z");
            for step in [15 * MINUTE, HOUR] {
                let row = clock.hours_of_week(start, step, 400);
                for (index, hour) in row.iter().enumerate() {
                    let at = start + step * i64::try_from(index).unwrap();
                    assert_eq!(usize::from(*hour), clock.hour_of_week(at), "{zone} {at}");
                }
            }
        }
    }

    #[test]
    fn local_days_begin_at_local_midnight() {
        let tokyo = LocalClock::new("Asia/Tokyo", "").unwrap();
        let evening = micros("2026-05-01T16:00:00Z");
        let day = tokyo.day(evening);
        assert_eq!(tokyo.start_of(day), micros("2026-05-01T15:00:00Z"));
        assert_eq!(day, LocalClock::default().day(evening) + 1);
    }

    #[test]
    fn calendar_features_lie_on_the_circle() {
        let clock = LocalClock::new("Europe/Berlin", "DE").unwrap();
        let christmas = clock.features(micros("2026-12-25T11:00:00Z"));
        assert!((christmas[0] - 0.0).abs() < 1e-12 && (christmas[1] + 1.0).abs() < 1e-12);
        assert_eq!(christmas[6], 1.0);
        assert!(LocalClock::new("Europe/Atlantis", "").is_err());
    }
}
