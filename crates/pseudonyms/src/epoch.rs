//! Epochs: whole months of the calendar, in UTC, named by their first day.

use std::fmt;
use std::str::FromStr;

use foresite_schema::marks::ERASED;
use foresite_tables::Micros;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// Months of an epoch: 1, 2, 3, 4, 6 or 12, so that a year is cut the same way every time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Months(i8);

impl TryFrom<u8> for Months {
    type Error = String;

    fn try_from(months: u8) -> Result<Self, String> {
        match i8::try_from(months) {
            Ok(whole @ (1 | 2 | 3 | 4 | 6 | 12)) => Ok(Self(whole)),
            _ => Err(format!("expected 1, 2, 3, 4, 6 or 12 months, got {months}")),
        }
    }
}

impl From<Months> for u8 {
    fn from(months: Months) -> Self {
        months.0.unsigned_abs()
    }
}

/// An epoch, by its first day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(Date);

impl Epoch {
    /// The epoch in which a time lies.
    pub fn of(at: Micros, months: Months) -> Self {
        let at = Timestamp::from_microsecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
        let day = at.to_zoned_datetime(TimeZone::UTC).date();
        let first = (day.month() - 1) / months.0 * months.0 + 1;
        Self(Date::new(day.year(), first, 1).unwrap_or(day))
    }

    /// Its first moment.
    pub fn start(self) -> Micros {
        let midnight = self.0.to_zoned_datetime(TimeZone::UTC);
        midnight.map_or(Micros::MIN, |midnight| midnight.timestamp().as_microsecond())
    }

    /// What all pseudonyms of the epoch begin with.
    pub fn prefix(self) -> String {
        format!("p:{self}:")
    }

    /// Stands for whoever is named in a fact that comes after the erasure of its epoch.
    pub fn erased(self) -> String {
        format!("p:{self}{ERASED}")
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Epoch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Anything longer, such as a time, would be cut off by the parser.
        let day = text.parse::<Date>().ok().filter(|day| day.to_string() == text);
        let first = day.filter(|day| day.day() == 1);
        first.map(Self).ok_or_else(|| {
            format!("expected the first day of an epoch such as 2026-01-01, got `{text}`")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(stamp: &str, months: u8) -> String {
        let at = stamp.parse::<Timestamp>().unwrap().as_microsecond();
        Epoch::of(at, Months::try_from(months).unwrap()).to_string()
    }

    #[test]
    fn an_epoch_begins_with_a_month_of_the_calendar() {
        assert_eq!(epoch("2026-03-31T23:59:59Z", 3), "2026-01-01");
        assert_eq!(epoch("2026-04-01T00:00:00Z", 3), "2026-04-01");
        assert_eq!(epoch("2026-12-31T12:00:00Z", 1), "2026-12-01");
        assert_eq!(epoch("2026-12-31T12:00:00Z", 4), "2026-09-01");
        assert_eq!(epoch("2026-12-31T12:00:00Z", 12), "2026-01-01");
    }

    #[test]
    fn months_cut_a_year_into_equal_parts() {
        for months in [0, 5, 7, 24, 255] {
            let error = Months::try_from(months).unwrap_err();
            assert!(error.ends_with(&format!("got {months}")), "{error}");
        }
    }

    #[test]
    fn only_a_first_day_names_an_epoch() {
        let first = "2026-01-01".parse::<Epoch>().unwrap();
        assert_eq!(
            (first.prefix(), first.erased()),
            ("p:2026-01-01:".into(), "p:2026-01-01:erased".into())
        );
        assert_eq!(Epoch::of(first.start(), Months(1)), first);
        assert_ne!(Epoch::of(first.start() - 1, Months(1)), first, "its first moment");
        for text in ["2026-01-02", "2026-01-01T00:00:00Z", "2026-1-1", "", "../../key"] {
            assert!(text.parse::<Epoch>().is_err(), "{text}");
        }
    }
}
