//! Moments and how people read them.
//!
//! Computation uses microseconds since the epoch; text shows UTC, and the site's own time where a
//! day or an hour of the week matters.

use jiff::{SignedDuration, Timestamp, ZonedDateTime, tz::TimeZone};

/// Microseconds since the epoch, UTC.
pub type Micros = i64;

/// One hour.
pub const HOUR: Micros = 3_600_000_000;

/// One day.
pub const DAY: Micros = 24 * HOUR;

/// `at` on the clock of `zone`.
pub fn local(at: Micros, zone: &TimeZone) -> ZonedDateTime {
    // A stamp outside jiff's years (-9999 to 9999) can only come from a corrupt row: clamp it, so
    // that one row does not cost the whole report.
    let limit = if at < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(at).unwrap_or(limit).to_zoned_datetime(zone.clone())
}

/// The hour of the week at `at` in `zone`: 0 is Monday 00:00, 167 Sunday 23:00.
pub fn hour_of_week(at: Micros, zone: &TimeZone) -> usize {
    let local = local(at, zone);
    let day = usize::try_from(local.weekday().to_monday_zero_offset()).unwrap_or(0);
    let hour = usize::try_from(local.hour()).unwrap_or(0);
    day * 24 + hour
}

/// The time zone of that IANA name; UTC where the name is unknown.
pub fn zone(name: Option<&str>) -> TimeZone {
    name.and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC)
}

/// `2026-03-09 14:00 UTC`.
pub fn stamp(at: Micros) -> String {
    local(at, &TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// `2026-03-09T14:00Z`, for file names and the `datetime` attribute.
pub fn machine_stamp(at: Micros) -> String {
    local(at, &TimeZone::UTC).strftime("%Y-%m-%dT%H:%MZ").to_string()
}

/// `20260309T1400Z`, for folder names.
pub fn folder_stamp(at: Micros) -> String {
    local(at, &TimeZone::UTC).strftime("%Y%m%dT%H%MZ").to_string()
}

/// `9 Mar 14:00 CET` on the clock of `zone`.
pub fn local_stamp(at: Micros, zone: &TimeZone) -> String {
    local(at, zone).strftime("%-d %b %H:%M %Z").to_string()
}

/// `9 March 2026` on the clock of `zone`.
pub fn day(at: Micros, zone: &TimeZone) -> String {
    local(at, zone).strftime("%-d %B %Y").to_string()
}

/// A length of time in its two greatest units: `3 h`, `2 d 5 h`, `45 min`.
pub fn span(length: Micros) -> String {
    let total = SignedDuration::from_micros(length.abs());
    let (days, hours, minutes) =
        (total.as_hours() / 24, total.as_hours() % 24, total.as_mins() % 60);
    match (days, hours, minutes) {
        (0, 0, minutes) => format!("{minutes}\u{a0}min"),
        (0, hours, 0) => format!("{hours}\u{a0}h"),
        (0, hours, minutes) => format!("{hours}\u{a0}h {minutes}\u{a0}min"),
        (days, 0, _) => format!("{days}\u{a0}d"),
        (days, hours, _) if days < 3 => format!("{days}\u{a0}d {hours}\u{a0}h"),
        (days, _, _) => format!("{days}\u{a0}d"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Micros {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    #[test]
    fn the_hour_of_the_week_follows_the_local_clock() {
        let berlin = zone(Some("Europe/Berlin"));
        assert_eq!(hour_of_week(at("2026-03-02T00:00:00Z"), &berlin), 1);
        // The last Sunday of March is 23 hours long: 02:00 local does not exist.
        assert_eq!(hour_of_week(at("2026-03-29T01:00:00Z"), &berlin), 147);
        assert_eq!(hour_of_week(at("2026-03-30T00:00:00Z"), &berlin), 2);
    }

    #[test]
    fn a_corrupt_stamp_reads_as_the_end_of_time() {
        let utc = zone(None);
        assert_eq!(local(Micros::MAX, &utc).year(), 9999);
        assert_eq!(local(Micros::MIN, &utc).year(), -9999);
    }

    #[test]
    fn an_unknown_zone_reads_as_utc() {
        assert_eq!(zone(Some("Mars/Olympus")), TimeZone::UTC);
    }

    #[test]
    fn lengths_read_in_two_units() {
        let cases = [
            (45 * HOUR / 60, "45 min"),
            (3 * HOUR, "3 h"),
            (2 * DAY + 5 * HOUR, "2 d 5 h"),
            (9 * DAY + 5 * HOUR, "9 d"),
            (0, "0 min"),
        ];
        for (length, text) in cases {
            assert_eq!(span(length).replace('\u{a0}', " "), text);
        }
    }

    #[test]
    fn a_corrupt_stamp_does_not_break_the_text() {
        assert!(stamp(Micros::MAX).contains("UTC"));
    }
}
