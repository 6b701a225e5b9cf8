//! Moments as the documents and the folders write them.

use foresite_tables::Micros;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// One day.
pub(crate) const DAY: Micros = 24 * HOUR;
/// One hour.
pub(crate) const HOUR: Micros = 3_600_000_000;
/// One second.
pub(crate) const SECOND: Micros = 1_000_000;

/// RFC 3339 in UTC. A stamp that no calendar has can only come from a corrupt row: it is clamped, so
/// that one row does not cost the whole document.
pub(crate) fn stamp(at: Micros) -> String {
    clamped(at).to_string()
}

/// `20260309T1400Z`, for folder names.
pub(crate) fn folder_stamp(at: Micros) -> String {
    clamped(at).to_zoned_datetime(TimeZone::UTC).strftime("%Y%m%dT%H%MZ").to_string()
}

/// RFC 3339 has years of four digits; the calendar ends a day before the last of them does.
fn clamped(at: Micros) -> Timestamp {
    const YEAR_0: Micros = -62_167_219_200 * SECOND;
    Timestamp::from_microsecond(at.max(YEAR_0)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_of_the_calendar() {
        assert_eq!(stamp(1_773_064_800 * SECOND), "2026-03-09T14:00:00Z");
        assert_eq!(folder_stamp(1_773_064_800 * SECOND), "20260309T1400Z");
        assert!(stamp(Micros::MAX).starts_with("9999-12-30T22:00:00"));
        assert!(stamp(Micros::MIN).starts_with("0000-01-01T00:00:00"));
    }
}
