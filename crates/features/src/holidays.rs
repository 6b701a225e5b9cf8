//! Public holidays of a few countries by rule: fixed dates, days relative to Easter, and the n-th
//! weekday of a month.
//!
//! Only holidays on which a whole country rests are listed; regional ones shift traffic on single
//! sites and are left to the profile. A calendar name that is not known has no holidays.

use jiff::civil::{Date, Weekday};

/// A named set of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holidays {
    /// No holidays.
    None,
    /// The rules of a country.
    Rules(&'static [Rule]),
}

/// One holiday.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Month and day.
    Fixed(i8, i8),
    /// Days after (before) Western Easter Sunday.
    Easter(i32),
    /// Month, n-th (−1 = last) weekday.
    Nth(i8, i8, Weekday),
}

use Rule::{Easter, Fixed, Nth};

const GERMANY: &[Rule] = &[
    Fixed(1, 1),
    Easter(-2),
    Easter(1),
    Fixed(5, 1),
    Easter(39),
    Easter(50),
    Fixed(10, 3),
    Fixed(12, 25),
    Fixed(12, 26),
];
const ITALY: &[Rule] = &[
    Fixed(1, 1),
    Fixed(1, 6),
    Easter(0),
    Easter(1),
    Fixed(4, 25),
    Fixed(5, 1),
    Fixed(6, 2),
    Fixed(8, 15),
    Fixed(11, 1),
    Fixed(12, 8),
    Fixed(12, 25),
    Fixed(12, 26),
];
const FRANCE: &[Rule] = &[
    Fixed(1, 1),
    Easter(1),
    Fixed(5, 1),
    Fixed(5, 8),
    Easter(39),
    Easter(50),
    Fixed(7, 14),
    Fixed(8, 15),
    Fixed(11, 1),
    Fixed(11, 11),
    Fixed(12, 25),
];
const SPAIN: &[Rule] = &[
    Fixed(1, 1),
    Fixed(1, 6),
    Easter(-2),
    Fixed(5, 1),
    Fixed(8, 15),
    Fixed(10, 12),
    Fixed(11, 1),
    Fixed(12, 6),
    Fixed(12, 8),
    Fixed(12, 25),
];
const PORTUGAL: &[Rule] = &[
    Fixed(1, 1),
    Easter(-2),
    Easter(0),
    Fixed(4, 25),
    Fixed(5, 1),
    Easter(60),
    Fixed(6, 10),
    Fixed(8, 15),
    Fixed(10, 5),
    Fixed(11, 1),
    Fixed(12, 1),
    Fixed(12, 8),
    Fixed(12, 25),
];
const ENGLAND: &[Rule] = &[
    Fixed(1, 1),
    Easter(-2),
    Easter(1),
    Nth(5, 1, Weekday::Monday),
    Nth(5, -1, Weekday::Monday),
    Nth(8, -1, Weekday::Monday),
    Fixed(12, 25),
    Fixed(12, 26),
];
const UNITED_STATES: &[Rule] = &[
    Fixed(1, 1),
    Nth(1, 3, Weekday::Monday),
    Nth(2, 3, Weekday::Monday),
    Nth(5, -1, Weekday::Monday),
    Fixed(6, 19),
    Fixed(7, 4),
    Nth(9, 1, Weekday::Monday),
    Nth(10, 2, Weekday::Monday),
    Fixed(11, 11),
    Nth(11, 4, Weekday::Thursday),
    Fixed(12, 25),
];
const BRAZIL: &[Rule] = &[
    Fixed(1, 1),
    Easter(-48),
    Easter(-47),
    Easter(-2),
    Fixed(4, 21),
    Fixed(5, 1),
    Easter(60),
    Fixed(9, 7),
    Fixed(10, 12),
    Fixed(11, 2),
    Fixed(11, 15),
    Fixed(12, 25),
];

impl Holidays {
    /// The calendar of an ISO 3166 country code, with or without a subdivision (`DE-BY`).
    pub fn named(calendar: &str) -> Self {
        let country = calendar.split(['-', '_']).next().unwrap_or_default();
        match country.to_ascii_uppercase().as_str() {
            "DE" => Self::Rules(GERMANY),
            "IT" => Self::Rules(ITALY),
            "FR" => Self::Rules(FRANCE),
            "ES" => Self::Rules(SPAIN),
            "PT" => Self::Rules(PORTUGAL),
            "GB" | "UK" => Self::Rules(ENGLAND),
            "US" => Self::Rules(UNITED_STATES),
            "BR" => Self::Rules(BRAZIL),
            _ => Self::None,
        }
    }

    /// Whether the date is a holiday.
    pub fn contains(&self, date: Date) -> bool {
        match self {
            Self::None => false,
            Self::Rules(rules) => rules.iter().any(|rule| rule.holds(date)),
        }
    }
}

impl Rule {
    fn holds(&self, date: Date) -> bool {
        match *self {
            Fixed(month, day) => (date.month(), date.day()) == (month, day),
            Easter(days) => easter(date.year())
                .checked_add(jiff::Span::new().days(days))
                .is_ok_and(|holiday| holiday == date),
            Nth(month, nth, weekday) => date
                .first_of_month()
                .with()
                .month(month)
                .build()
                .and_then(|first| first.nth_weekday_of_month(nth, weekday))
                .is_ok_and(|holiday| holiday == date),
        }
    }
}

/// Western Easter Sunday.
///
/// **Source**: the anonymous Gregorian computus (Meeus, Astronomical Algorithms, chapter 8).
#[allow(clippy::many_single_char_names)] // The published names of the algorithm.
fn easter(year: i16) -> Date {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 19 * l) / 433;
    let month = (h + l - 7 * m + 90) / 25;
    let day = (h + l - 7 * m + 33 * month + 19) % 32;
    let (month, day) = (i8::try_from(month).unwrap_or(4), i8::try_from(day).unwrap_or(1));
    Date::new(year, month, day).unwrap_or(Date::constant(1970, 1, 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn easter_of_known_years() {
        // Dates as published by the US Naval Observatory.
        for (year, month, day) in
            [(2000, 4, 23), (2008, 3, 23), (2019, 4, 21), (2026, 4, 5), (2038, 4, 25)]
        {
            assert_eq!(easter(year), date(year, month, day));
        }
    }

    #[test]
    fn rules_of_each_kind() {
        let us = Holidays::named("US");
        assert!(us.contains(date(2026, 11, 26)) && !us.contains(date(2026, 11, 19)));
        let bavaria = Holidays::named("DE-BY");
        assert!(bavaria.contains(date(2026, 4, 3)) && bavaria.contains(date(2026, 5, 25)));
        assert!(Holidays::named("GB").contains(date(2026, 8, 31)));
        assert_eq!(Holidays::named("atlantis"), Holidays::None);
    }
}
