//! Time stamps and durations as measurement files write them.
//!
//! Strict RFC 3339 readers fail on real files: offsets come without a colon (`+0100`), with
//! seconds (`+02:00:00`), with a typographic minus, or not at all.

use jiff::civil::DateTime;
use jiff::tz::Offset;

/// Microseconds since the epoch, UTC.
pub type Micros = i64;

const DAY: Micros = 86_400_000_000;

/// A moment together with how it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The moment.
    pub at: Micros,
    /// The offset from UTC as written; `None` when there was none, and UTC was assumed.
    pub offset_s: Option<i32>,
}

/// Reads `2022-04-18T19:15:00+00:00`, `20210301143000Z` and their variants.
pub fn parse_stamp(text: &str) -> Option<Stamp> {
    let text = text.trim();
    let mut scan = Scan(text.as_bytes());
    let year = scan.number(4)?;
    let dashed = scan.accept(b"-");
    let month = scan.number(2)?;
    if dashed && !scan.accept(b"-") {
        return None;
    }
    let day = scan.number(2)?;
    if !scan.accept(b"T") && dashed && !scan.accept(b" ") {
        return None;
    }
    let clock = scan.clock()?;
    let micros = scan.fraction()?;
    let offset_s = scan.offset()?;
    // The end of a day may be written as its 24th hour.
    let is_midnight = clock == [24, 0, 0] && micros == 0;
    let (clock, days) = if is_midnight { ([0; 3], DAY) } else { (clock, 0) };
    let local = as_utc([year, month, day], clock)? + days + micros;
    Some(Stamp { at: local - i64::from(offset_s.unwrap_or(0)) * 1_000_000, offset_s })
}

/// A date and a time of day as if they were UTC.
fn as_utc([year, month, day]: [i32; 3], [hour, minute, second]: [i32; 3]) -> Option<Micros> {
    let part = |number: i32| i8::try_from(number).ok();
    let civil = DateTime::new(
        i16::try_from(year).ok()?,
        part(month)?,
        part(day)?,
        part(hour)?,
        part(minute)?,
        part(second)?,
        0,
    );
    Some(Offset::UTC.to_timestamp(civil.ok()?).ok()?.as_microsecond())
}

/// Reads an ISO 8601 duration of days, hours, minutes and seconds (`PT900S`, `PT1H30M`, `P1D`), or
/// a bare number of seconds, as whole seconds above zero. Years and months have no fixed length:
/// they may only be zero, as some writers spell them out (`P0Y0M0DT0H15M0.000S`).
pub fn parse_duration_s(text: &str) -> Option<i32> {
    let text = text.trim();
    let Some(mut rest) = text.strip_prefix('P') else {
        return text.parse().ok().filter(|seconds| *seconds > 0);
    };
    let mut seconds = 0_i32;
    let mut in_time = false;
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('T') {
            (rest, in_time) = (time, true);
            continue;
        }
        let unit_at = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let (number, unit) = rest.split_at(unit_at);
        let number = number.parse::<i32>().ok()?;
        let unit = unit.strip_prefix('.').map_or(Some(unit), without_zeros)?;
        let scale = match (in_time, unit.as_bytes().first()?) {
            (false, b'D') => 86_400,
            (true, b'H') => 3_600,
            (true, b'M') => 60,
            (true, b'S') => 1,
            (false, b'Y' | b'M') if number == 0 => 0,
            _ => return None,
        };
        seconds = seconds.checked_add(number.checked_mul(scale)?)?;
        rest = &unit[1..];
    }
    (seconds > 0).then_some(seconds)
}

/// What follows a fraction of a second that is zero.
fn without_zeros(fraction: &str) -> Option<&str> {
    let unit = fraction.trim_start_matches('0');
    (unit.len() < fraction.len() && unit.starts_with('S')).then_some(unit)
}

/// What is left to read of a stamp.
struct Scan<'a>(&'a [u8]);

impl Scan<'_> {
    fn accept(&mut self, token: &[u8]) -> bool {
        match self.0.strip_prefix(token) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn number(&mut self, digits: usize) -> Option<i32> {
        let (head, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        head.iter().try_fold(0, |number, byte| {
            byte.is_ascii_digit().then(|| number * 10 + i32::from(byte - b'0'))
        })
    }

    /// Hours, minutes, seconds; with colons or without, seconds optional.
    fn clock(&mut self) -> Option<[i32; 3]> {
        let hours = self.number(2)?;
        let colons = self.accept(b":");
        let minutes = self.number(2)?;
        let more =
            if colons { self.accept(b":") } else { self.0.first().is_some_and(u8::is_ascii_digit) };
        let seconds = if more { self.number(2)? } else { 0 };
        Some([hours, minutes, seconds])
    }

    /// A decimal fraction of a second in microseconds.
    fn fraction(&mut self) -> Option<i64> {
        if !self.accept(b".") && !self.accept(b",") {
            return Some(0);
        }
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (head, rest) = self.0.split_at(digits);
        self.0 = rest;
        let padded = head.iter().map(|byte| i64::from(byte - b'0'));
        let micros = padded.chain(std::iter::repeat(0)).take(6);
        (digits > 0).then(|| micros.fold(0, |sum, digit| sum * 10 + digit))
    }

    /// `Z`, an offset, or nothing; `None` when something else follows.
    fn offset(&mut self) -> Option<Option<i32>> {
        if self.0.is_empty() {
            return Some(None);
        }
        if self.accept(b"Z") || self.accept(b"z") {
            return self.0.is_empty().then_some(Some(0));
        }
        let sign = if self.accept(b"+") {
            1
        } else if self.accept(b"-") || self.accept("\u{2212}".as_bytes()) {
            -1
        } else {
            return None;
        };
        let mut seconds = self.number(2)? * 3600;
        self.accept(b":");
        seconds += self.number(2)? * 60;
        if self.accept(b":") {
            seconds += self.number(2)?;
        }
        (self.0.is_empty() && seconds <= 18 * 3600).then_some(Some(sign * seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF_PAST_ONE: Micros = 1_614_605_400_000_000; // 2021-03-01T13:30:00Z, `date -u -d`

    #[test]
    fn every_written_form_is_the_same_moment() {
        for (text, offset_s) in [
            ("2021-03-01T13:30:00Z", Some(0)),
            ("2021-03-01T14:30:00+01:00", Some(3600)),
            ("2021-03-01T14:30:00+0100", Some(3600)),
            ("2021-03-01T15:30:00+02:00:00", Some(7200)),
            ("2021-03-01T09:30:00.000-04:00:00", Some(-14400)),
            ("2021-03-01T03:30:00\u{2212}1000", Some(-36000)),
            ("2021-03-01 13:30:00", None),
            ("2021-03-01T13:30", None),
            ("20210301133000", None),
            ("20210301133000Z", Some(0)),
            ("20210301143000+0100", Some(3600)),
            ("2021-02-28T24:00:00-13:30", Some(-48_600)),
        ] {
            let stamp = parse_stamp(text);
            assert_eq!(stamp, Some(Stamp { at: HALF_PAST_ONE, offset_s }), "{text}");
        }
        let fraction = parse_stamp("2021-03-01T13:30:00.25Z").unwrap();
        assert_eq!(fraction.at, HALF_PAST_ONE + 250_000);
    }

    #[test]
    fn far_years_are_moments_too() {
        assert_eq!(parse_stamp("1970-01-01T00:00:00Z").unwrap().at, 0);
        assert_eq!(parse_stamp("2106-02-07T06:28:16Z").unwrap().at, (1_i64 << 32) * 1_000_000);
    }

    #[test]
    fn nonsense_is_no_moment() {
        for text in [
            "",
            "now",
            "2021-13-01T00:00:00Z",
            "2021-02-30T00:00:00Z",
            "2021-03-01",
            "2021-03-01T25:00:00Z",
            "2021-03-01T13:30:00+1",
            "2021-03-01T13:30:00 UTC",
            "2021-03-01T13:30:00.Z",
            "2021-03-01T13:30:00+99:00",
            "2021-0301T13:30:00Z",
            "2021-03-01T24:00:01Z",
            "2021-03-01T24:00:00.5Z",
        ] {
            assert_eq!(parse_stamp(text), None, "{text}");
        }
    }

    #[test]
    fn durations() {
        for (text, seconds) in [
            ("PT900S", Some(900)),
            ("PT15M", Some(900)),
            ("PT1H30M", Some(5400)),
            ("P1D", Some(86_400)),
            ("P1DT1S", Some(86_401)),
            ("PT100S", Some(100)),
            ("900", Some(900)),
            (" PT60S ", Some(60)),
            ("P0Y0M0DT0H15M0.000S", Some(900)),
            ("PT900.0S", Some(900)),
            ("PT0.5S", None),
            ("PT1.S", None),
            ("PT1.0H", None),
            ("P1Y", None),
            ("some duration", None),
            ("PT", None),
            ("P1M", None),
            ("PT-5S", None),
            ("PT0S", None),
            ("", None),
            ("PT99999999999S", None),
            ("PT5", None),
        ] {
            assert_eq!(parse_duration_s(text), seconds, "{text}");
        }
    }
}
