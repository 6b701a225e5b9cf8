//! From what a clock on the wall shows to microseconds UTC.

use std::collections::HashSet;

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::leaf::Zone;
use super::spec::Repeat;
use crate::{Micros, parse_stamp};

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// A moment as a file writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// With its offset: the moment itself.
    Absolute(Micros),
    /// What the clock showed, counted as if it were UTC.
    Local(Micros),
}

/// Reads a stamp by `format`, or in any form of ISO 8601 that exports use.
pub(super) fn parse(text: &str, format: Option<&str>) -> Option<Written> {
    let text = text.trim();
    match format {
        Some(format) => parse_as(text, format),
        None => parse_iso(text),
    }
}

fn parse_as(text: &str, format: &str) -> Option<Written> {
    let mut parts = strtime::parse(format, text).ok()?;
    if let Some(stamp) = parts.timestamp() {
        return Some(Written::Absolute(stamp.as_microsecond()));
    }
    if parts.day().is_none() && parts.day_of_year().is_none() {
        parts.set_day(Some(1)).ok()?;
    }
    let local = as_utc(parts.to_datetime().ok()?)?;
    Some(match parts.offset() {
        Some(offset) => Written::Absolute(local - i64::from(offset.seconds()) * 1_000_000),
        None => Written::Local(local),
    })
}

fn parse_iso(text: &str) -> Option<Written> {
    if let Some(stamp) = parse_stamp(text) {
        return Some(match stamp.offset_s {
            Some(_) => Written::Absolute(stamp.at),
            None => Written::Local(stamp.at),
        });
    }
    let dashed = dashed(text)?;
    parse_stamp(&dashed).map(|stamp| Written::Local(stamp.at))
}

/// `2019/12/16`, `2019.12.16_13.40.04` and `2019-12-16` in the form that [`parse_stamp`] reads.
fn dashed(text: &str) -> Option<String> {
    let (date, clock) = match text.find(['T', ' ', '_']) {
        Some(end) => (&text[..end], text[end + 1..].trim()),
        None => (text, "00:00:00"),
    };
    let compact = date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit());
    let date = if compact {
        format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..])
    } else {
        date.replace(['/', '.'], "-")
    };
    let dotted = clock.matches('.').count() == 2 && !clock.contains(':');
    let clock = if dotted { clock.replace('.', ":") } else { clock.to_owned() };
    (date.len() == 10).then(|| format!("{date}T{clock}"))
}

/// Reads a time of day as microseconds since midnight; `24:00` is a whole day.
pub(super) fn parse_clock(text: &str, format: Option<&str>) -> Option<i64> {
    let text = text.trim();
    if let Some(format) = format {
        let time = strtime::parse(format, text).ok()?.to_time().ok()?;
        return as_utc(jiff::civil::date(1970, 1, 1).to_datetime(time));
    }
    let mut parts = text.split(['.', ':']);
    let mut number = |least: bool| -> Option<i64> {
        match parts.next() {
            Some(part) => part.parse().ok().filter(|number| (0..=60).contains(number)),
            None => (!least).then_some(0),
        }
    };
    let (hours, minutes, seconds) = (number(true)?, number(true)?, number(false)?);
    let micros = hours * HOUR + (minutes * 60 + seconds) * 1_000_000;
    (parts.next().is_none() && minutes < 60 && seconds < 60 && micros <= DAY).then_some(micros)
}

fn as_utc(local: DateTime) -> Option<Micros> {
    Offset::UTC.to_timestamp(local).ok().map(jiff::Timestamp::as_microsecond)
}

/// Turns local times of one zone into UTC.
pub(super) struct Locator<'a> {
    zone: &'a Zone,
    repeat: Repeat,
    /// The offset of the whole local hour last asked for, where it is the only one.
    last_hour: Option<(i64, i64)>,
    /// Repeated local times that an entity has shown once.
    seen: HashSet<(u32, Micros)>,
}

impl<'a> Locator<'a> {
    pub(super) fn new(zone: &'a Zone, repeat: Repeat) -> Self {
        Self { zone, repeat, last_hour: None, seen: HashSet::new() }
    }

    /// The moment at which the clock of `entity` showed `local`, or why there is none.
    pub(super) fn locate(&mut self, local: Micros, entity: u32) -> Result<Micros, String> {
        if self.zone.is_utc() {
            return Ok(local);
        }
        let hour = local.div_euclid(HOUR);
        if let Some((known, offset)) = self.last_hour
            && known == hour
        {
            return Ok(local - offset);
        }
        let shown = shown(local).ok_or("time is out of range")?;
        match self.zone.rules().to_ambiguous_timestamp(shown).offset() {
            AmbiguousOffset::Unambiguous { offset } => {
                let offset = micros(offset);
                if is_whole_hour(self.zone.rules(), hour, offset) {
                    self.last_hour = Some((hour, offset));
                }
                Ok(local - offset)
            }
            AmbiguousOffset::Gap { .. } => {
                Err(format!("local time {shown} does not exist: clocks went forward"))
            }
            AmbiguousOffset::Fold { before, after } => {
                let later = match self.repeat {
                    Repeat::Earlier => false,
                    Repeat::Later => true,
                    Repeat::Order => !self.seen.insert((entity, local)),
                };
                Ok(local - micros(if later { after } else { before }))
            }
        }
    }
}

fn shown(local: Micros) -> Option<DateTime> {
    jiff::Timestamp::from_microsecond(local).ok().map(|stamp| Offset::UTC.to_datetime(stamp))
}

fn micros(offset: Offset) -> i64 {
    i64::from(offset.seconds()) * 1_000_000
}

/// Whether the first and the last moment of a local hour have that one offset.
fn is_whole_hour(rules: &TimeZone, hour: i64, offset: i64) -> bool {
    [hour * HOUR, hour * HOUR + HOUR - 1].into_iter().all(|local| {
        let found = shown(local).map(|shown| rules.to_ambiguous_timestamp(shown).offset());
        matches!(found, Some(AmbiguousOffset::Unambiguous { offset: found }) if micros(found) == offset)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Micros {
        text.parse::<jiff::Timestamp>().unwrap().as_microsecond()
    }

    fn local(text: &str) -> Micros {
        at(&format!("{text}Z"))
    }

    fn rome() -> Zone {
        Zone::try_from("Europe/Rome".to_owned()).unwrap()
    }

    #[test]
    fn stamps_as_exports_write_them() {
        let noon = at("2019-12-16T13:40:04Z");
        for text in
            ["2019-12-16 13:40:04", "2019.12.16_13.40.04", "2019/12/16 13:40:04", "20191216134004"]
        {
            assert_eq!(parse(text, None), Some(Written::Local(noon)), "{text}");
        }
        assert_eq!(parse("2019-12-16T14:40:04+01:00", None), Some(Written::Absolute(noon)));
        let day = Some(Written::Local(at("2019-12-16T00:00:00Z")));
        for text in ["2019-12-16", "20191216", "2019/12/16"] {
            assert_eq!(parse(text, None), day, "{text}");
        }
        for text in ["", "yesterday", "16.12.2019", "2019-13-01", "2019-12-16 25:00:00"] {
            assert_eq!(parse(text, None), None, "{text}");
        }
    }

    #[test]
    fn formats() {
        let march = Some(Written::Local(at("2021-03-01T09:05:00Z")));
        assert_eq!(parse("3/1/2021 9:05", Some("%m/%d/%Y %H:%M")), march);
        assert_eq!(parse("202103", Some("%Y%m")), Some(Written::Local(at("2021-03-01T00:00:00Z"))));
    }

    #[test]
    fn clocks() {
        assert_eq!(parse_clock("13:30", None), Some(13 * HOUR + HOUR / 2));
        assert_eq!(parse_clock("24:00:00", None), Some(DAY));
        assert_eq!(parse_clock("1:05 PM", Some("%I:%M %p")), Some(13 * HOUR + 300_000_000));
        for text in ["", "25:00", "12", "12:61", "a:b", "24:01"] {
            assert_eq!(parse_clock(text, None), None, "{text}");
        }
    }

    #[test]
    fn the_hour_that_does_not_exist() {
        let (zone, mut seen) = (rome(), Vec::new());
        let mut locator = Locator::new(&zone, Repeat::Order);
        for text in ["2021-03-28T01:30:00", "2021-03-28T02:30:00", "2021-03-28T03:30:00"] {
            seen.push(locator.locate(local(text), 0));
        }
        assert_eq!(seen[0], Ok(at("2021-03-28T00:30:00Z")));
        assert!(seen[1].as_ref().is_err_and(|reason| reason.contains("does not exist")));
        assert_eq!(seen[2], Ok(at("2021-03-28T01:30:00Z")));
    }

    #[test]
    fn the_hour_that_comes_twice() {
        let zone = rome();
        let twice = local("2021-10-31T02:00:00");
        let (first, second) = (Ok(at("2021-10-31T00:00:00Z")), Ok(at("2021-10-31T01:00:00Z")));
        let mut in_order = Locator::new(&zone, Repeat::Order);
        assert_eq!(in_order.locate(twice, 0), first);
        assert_eq!(in_order.locate(twice, 1), first, "another entity");
        assert_eq!(in_order.locate(twice, 0), second);
        assert_eq!(Locator::new(&zone, Repeat::Earlier).locate(twice, 0), first);
        assert_eq!(Locator::new(&zone, Repeat::Later).locate(twice, 0), second);
    }

    proptest! {
        #[test]
        fn the_cached_hour_changes_nothing(minutes in proptest::collection::vec(0_i64..2_000_000, 1..20)) {
            let zone = Zone::try_from("Australia/Lord_Howe".to_owned()).unwrap();
            let mut cached = Locator::new(&zone, Repeat::Earlier);
            for minute in minutes {
                let local = minute * 60_000_000;
                let fresh = Locator::new(&zone, Repeat::Earlier).locate(local, 0);
                prop_assert_eq!(cached.locate(local, 0), fresh);
            }
        }

        #[test]
        fn any_text_is_safe(text in ".{0,30}", format in "[%a-zA-Z :/]{0,8}") {
            let _ = parse(&text, None);
            let _ = parse(&text, Some(&format));
            let _ = parse_clock(&text, None);
        }
    }
}
