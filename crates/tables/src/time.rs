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

/// `YYYY-MM-DD` of days since the epoch.
pub(crate) fn date_text(days: i32) -> String {
    EPOCH.saturating_add(jiff::Span::new().days(days)).to_string()
}

/// The UTC date of a time, in days since the epoch.
pub fn date_of(micros: i64) -> i32 {
    i32::try_from(micros.div_euclid(86_400_000_000)).unwrap_or(i32::MAX)
}

/// RFC 3339 with exactly three decimals, the form of Delta's statistics.
pub(crate) fn stats_text(millis: i64) -> String {
    match Timestamp::from_millisecond(millis) {
        Ok(stamp) => format!("{stamp:.3}"),
        Err(_) => String::new(),
    }
}

/// Milliseconds since the epoch, now.
pub(crate) fn now_millis() -> i64 {
    Timestamp::now().as_millisecond()
}

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_round_trip() {
        assert_eq!(parse_date("2026-11-24"), Some(20_781));
        assert_eq!(date_text(20_781), "2026-11-24");
        assert_eq!(date_of(-1), -1);
        assert_eq!(stats_text(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
        assert_eq!(parse("2023-11-14T22:13:20.123Z"), Some(1_700_000_000_123_000));
    }
}
