//! Half-open intervals of time.

use std::fmt;

use foresite_tables::Micros;
use jiff::Timestamp;

use crate::{ErrorKind, Result, StageError};

const HOUR: Micros = 3_600_000_000;

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

    /// This interval, which has to consist of full hours.
    ///
    /// # Errors
    /// `Usage` when it begins or ends within an hour.
    pub fn of_full_hours(self) -> Result<Self> {
        if self.start.rem_euclid(HOUR) == 0 && self.end.rem_euclid(HOUR) == 0 {
            return Ok(self);
        }
        let message = format!("interval {self}: expected full hours");
        Err(StageError::new(ErrorKind::Usage, message).hint("move its ends to full hours, UTC"))
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
    fn a_part_of_an_hour_is_no_full_hour() {
        let [full, late] = [0, 1].map(|start| Interval { start, end: 2 * HOUR }.of_full_hours());
        assert!(full.is_ok());
        assert_eq!(late.unwrap_err().kind(), ErrorKind::Usage);
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
