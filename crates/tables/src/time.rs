//! Times and dates as the Delta log writes them.

use jiff::Timestamp;
use jiff::civil::Date;

/// Microseconds since the epoch of an RFC 3339 stamp.
pub(crate) fn parse(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_microsecond)
}

/// Days since the epoch of `YYYY-MM-DD`.
pub(crate) fn parse_date(text: &str) -> Option<i32> {
    let date: Date = text.parse().ok()?;
    date.since(EPOCH).ok().map(|span| span.get_days())
}

/// `YYYY-MM-DD` of days since the epoch; `None` outside the years that Delta can write.
pub(crate) fn date_text(days: i32) -> Option<String> {
    let date = EPOCH.checked_add(jiff::Span::new().try_days(days).ok()?).ok()?;
    (date.year() >= 1).then(|| date.to_string())
}

/// The UTC date of a time, in days since the epoch.
pub fn date_of(micros: i64) -> i32 {
    i32::try_from(micros.div_euclid(MICROS_PER_DAY)).unwrap_or(i32::MAX)
}

/// RFC 3339 with exactly three decimals, the form of Delta's statistics; `None` outside the years
/// that Delta can write.
pub(crate) fn stats_text(millis: i64) -> Option<String> {
    let days = i32::try_from(millis.div_euclid(MICROS_PER_DAY / 1000)).ok()?;
    date_text(days)?;
    Timestamp::from_millisecond(millis).ok().map(|stamp| format!("{stamp:.3}"))
}

/// Milliseconds since the epoch, now.
pub(crate) fn now_millis() -> i64 {
    Timestamp::now().as_millisecond()
}

/// Microseconds of a day.
pub(crate) const MICROS_PER_DAY: i64 = 86_400_000_000;

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_round_trip() {
        assert_eq!(parse_date("2026-11-24"), Some(20_781));
        assert_eq!(date_text(20_781).as_deref(), Some("2026-11-24"));
        assert_eq!(date_of(-1), -1);
        let text = stats_text(1_700_000_000_123);
        assert_eq!(text.as_deref(), Some("2023-11-14T22:13:20.123Z"));
        assert_eq!(parse("2023-11-14T22:13:20.123Z"), Some(1_700_000_000_123_000));
    }

    #[test]
    fn years_that_delta_cannot_write_are_refused() {
        assert_eq!(date_text(2_932_896).as_deref(), Some("9999-12-31"));
        for days in [2_932_897, i32::MAX, i32::MIN, -719_529] {
            assert_eq!(date_text(days), None, "{days}");
        }
        assert_eq!(stats_text(i64::MAX), None);
        assert_eq!(stats_text(-62_135_596_800_001), None, "the year 0");
        assert_eq!(stats_text(-1).as_deref(), Some("1969-12-31T23:59:59.999Z"));
    }
}
