//! Lengths of time as task files write them: `"15m"`, `"6h"`, `"14d"`, `"1d12h"`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Microseconds: since the epoch (UTC) for a moment, or of a length.
pub type Micros = i64;

/// Microseconds of a second.
pub const SECOND: Micros = 1_000_000;
/// Microseconds of a minute.
pub const MINUTE: Micros = 60 * SECOND;
/// Microseconds of an hour.
pub const HOUR: Micros = 60 * MINUTE;
/// Microseconds of 24 hours; a local day may be longer or shorter.
pub const DAY: Micros = 24 * HOUR;
/// Microseconds of 168 hours.
pub const WEEK: Micros = 7 * DAY;

/// Units from the longest to the shortest.
const UNITS: [(&str, Micros); 5] =
    [("w", WEEK), ("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND)];

/// A length of time, never negative, in whole seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(Micros);

/// A text that is no span.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no span; expected numbers with w, d, h, m or s, such as `6h` or `1d12h`")]
pub struct SpanError(String);

impl Span {
    /// `count` hours.
    pub fn hours(count: u32) -> Self {
        Self(Micros::from(count) * HOUR)
    }

    /// `count` days of 24 hours.
    pub fn days(count: u32) -> Self {
        Self(Micros::from(count) * DAY)
    }

    /// Reads `"1d12h"`.
    pub fn parse(text: &str) -> Result<Self, SpanError> {
        let wrong = || SpanError(text.to_owned());
        let (mut total, mut rest) = (0_i64, text);
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let count: Micros = rest[..digits].parse().map_err(|_| wrong())?;
            let unit = rest[digits..].chars().next().ok_or_else(wrong)?;
            let (name, micros) =
                UNITS.iter().find(|(name, _)| name.starts_with(unit)).ok_or_else(wrong)?;
            total = count
                .checked_mul(*micros)
                .and_then(|part| total.checked_add(part))
                .ok_or_else(wrong)?;
            rest = &rest[digits + name.len()..];
        }
        if text.is_empty() {
            return Err(wrong());
        }
        Ok(Self(total))
    }

    /// Length in microseconds.
    pub fn micros(self) -> Micros {
        self.0
    }

    /// Length in hours, with a fraction.
    pub fn as_hours(self) -> f64 {
        self.0 as f64 / HOUR as f64
    }

    /// Length in seconds.
    pub fn as_seconds(self) -> i64 {
        self.0 / SECOND
    }

    /// The sum of two lengths.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The length `count` times over.
    #[must_use]
    pub fn times(self, count: usize) -> Self {
        let count = Micros::try_from(count).unwrap_or(Micros::MAX);
        Self(self.0.saturating_mul(count))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        for (name, micros) in UNITS {
            let count = rest / micros;
            // Days read better than weeks in feature names: `7d` beside `1d`.
            if count == 0 || name == "w" {
                continue;
            }
            write!(f, "{count}{name}")?;
            rest %= micros;
        }
        if self.0 == 0 { f.write_str("0s") } else { Ok(()) }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_they_are_written() {
        for (text, micros) in [
            ("15m", 15 * MINUTE),
            ("1d12h", DAY + 12 * HOUR),
            ("14d", 2 * WEEK),
            ("15d", 15 * DAY),
            ("0s", 0),
        ] {
            let span = Span::parse(text).unwrap();
            assert_eq!(span.micros(), micros);
            assert_eq!(span.to_string(), text);
        }
    }

    #[test]
    fn weeks_are_written_as_days() {
        assert_eq!(Span::parse("2w").unwrap().to_string(), "14d");
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "6", "h", "-6h", "6x", "6 h", "99999999999999w"] {
            assert!(Span::parse(text).is_err(), "{text}");
        }
    }
}
