//! Moments as the answers write them.

use foresite_tables::Micros;
use jiff::Timestamp;

/// One hour.
pub(crate) const HOUR: Micros = 3_600_000_000;

/// One day.
pub(crate) const DAY: Micros = 24 * HOUR;

/// `2026-03-09T14:00:00Z`: to the second, the earlier one.
pub(crate) fn stamp(at: Micros) -> String {
    // A stamp outside jiff's years can only come from a corrupt row; it must not cost the answer.
    let seconds = at.div_euclid(1_000_000);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// As [`stamp`], where there is a moment.
pub(crate) fn optional(at: Option<Micros>) -> Option<String> {
    at.map(stamp)
}

/// `20260309T1400Z`, the name of a report's folder.
pub(crate) fn folder(at: Micros) -> String {
    let at = Timestamp::from_microsecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
    at.strftime("%Y%m%dT%H%MZ").to_string()
}

/// Now, by this machine's clock.
pub(crate) fn now() -> Micros {
    Timestamp::now().as_microsecond()
}

/// The start of the hour that holds a moment.
pub(crate) fn hour_of(at: Micros) -> Micros {
    at.div_euclid(HOUR) * HOUR
}

/// The first full hour at a moment or after it.
pub(crate) fn hour_after(at: Micros) -> Micros {
    hour_of(at.saturating_add(HOUR - 1))
}

/// The start of the UTC day that holds a moment.
pub(crate) fn day_of(at: Micros) -> Micros {
    at.div_euclid(DAY) * DAY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_to_the_second() {
        assert_eq!(stamp(1_773_064_800_999_999), "2026-03-09T14:00:00Z");
        assert_eq!(folder(1_773_064_800_000_000), "20260309T1400Z");
        assert_eq!(stamp(Micros::MAX), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn an_hour_that_is_full_stays() {
        assert_eq!((hour_after(HOUR), hour_after(HOUR + 1)), (HOUR, 2 * HOUR));
        assert_eq!((hour_of(-1), day_of(-1)), (-HOUR, -DAY));
    }
}
