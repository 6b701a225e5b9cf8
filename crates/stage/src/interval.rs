//! Half-open intervals of time.

use std::fmt;

use foresite_tables::Micros;
use jiff::Timestamp;

use crate::{ErrorKind, Result, StageError};

/// `[start, end)` in microseconds since the epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    /// First microsecond.
    pub start: Micros,
    /// First microsecond after it.
    pub end: Micros,
}

impl Interval {
    /// An interval that is not empty.
    ///
    /// # Errors
    /// `Usage` when `end` is not after `start`.
    pub fn new(start: Micros, end: Micros) -> Result<Self> {
        if start < end {
            return Ok(Self { start, end });
        }
        let (start, end) = (stamp(start), stamp(end));
        Err(StageError::new(
            ErrorKind::Usage,
            format!("interval [{start}, {end}): the end must come after the start"),
        ))
    }

    /// The parts of this interval between multiples of `step` (hours, days), in order.
    pub fn steps(self, step: Micros) -> impl Iterator<Item = Self> {
        let first = self.start.div_euclid(step);
        let last = (self.end - 1).div_euclid(step);
        (first..=last).map(move |index| Self {
            start: self.start.max(index * step),
            end: self.end.min((index + 1) * step),
        })
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", stamp(self.start), stamp(self.end))
    }
}

/// RFC 3339 of microseconds since the epoch.
pub(crate) fn stamp(micros: Micros) -> String {
    Timestamp::from_microsecond(micros)
        .map_or_else(|_| format!("{micros}µs"), |stamp| stamp.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_cover_the_interval_exactly() {
        let parts: Vec<_> = Interval { start: 5, end: 25 }.steps(10).collect();
        let expected = [(5, 10), (10, 20), (20, 25)].map(|(start, end)| Interval { start, end });
        assert_eq!(parts, expected);
    }

    #[test]
    fn an_empty_interval_is_refused() {
        let error = Interval::new(0, 0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "interval [1970-01-01T00:00:00Z, 1970-01-01T00:00:00Z): the end must come after the start"
        );
    }
}
