//! The words of `local_events.fact`, how a place is written, and what makes a row none.

/// The event takes place, or takes place otherwise than was said under the same id.
pub const PLANNED: &str = "planned";

/// It does not take place.
pub const CANCELLED: &str = "cancelled";

/// Days that an event may last: what lasts longer is how people live there.
pub const LONGEST_DAYS: i64 = 92;

/// Kilometres that a circle may reach: more is a region, which has a name.
pub const LARGEST_RADIUS_KM: f64 = 100.0;

const LONGEST: i64 = LONGEST_DAYS * 86_400_000_000;

/// What the rules look at in a row; times in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Row<'a> {
    /// `planned` or `cancelled`.
    pub fact: &'a str,
    /// Entities in whose reach it takes place, see [`places`].
    pub entities: Option<&'a str>,
    /// Latitude and longitude in degrees (WGS 84), radius in kilometres.
    pub circle: [Option<f64>; 3],
    /// When it begins.
    pub start: i64,
    /// When it ends.
    pub end: Option<i64>,
}

/// Why a row counts for nothing, whoever wrote it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// The fact is no word of the table.
    NoFact,
    /// It never ends.
    NoEnd,
    /// It ends at the first time, not after its start, the second.
    Empty(i64, i64),
    /// It ends later than an event may.
    TooLong(i64),
    /// It takes place nowhere.
    NoPlace,
    /// Of latitude, longitude and radius some are there and some are not.
    PartOfACircle,
    /// Latitude, longitude or radius is none.
    NoCircle([f64; 3]),
}

/// What is wrong with a row; `None` where it counts.
pub fn fault(row: &Row<'_>) -> Option<Fault> {
    match row.fact {
        CANCELLED => None,
        PLANNED => fault_of_time(row).or_else(|| fault_of_place(row)),
        _ => Some(Fault::NoFact),
    }
}

/// The entities of a list that is separated by `;`: an id may hold blanks.
pub fn places(entities: &str) -> impl Iterator<Item = &str> {
    entities.split(';').map(str::trim).filter(|place| !place.is_empty())
}

fn fault_of_time(row: &Row<'_>) -> Option<Fault> {
    let Some(end) = row.end else { return Some(Fault::NoEnd) };
    if end <= row.start {
        return Some(Fault::Empty(end, row.start));
    }
    (end > row.start.saturating_add(LONGEST)).then_some(Fault::TooLong(end))
}

fn fault_of_place(row: &Row<'_>) -> Option<Fault> {
    let [Some(latitude), Some(longitude), Some(radius_km)] = row.circle else {
        if row.circle.iter().any(Option::is_some) {
            return Some(Fault::PartOfACircle);
        }
        let is_somewhere = places(row.entities.unwrap_or_default()).next().is_some();
        return (!is_somewhere).then_some(Fault::NoPlace);
    };
    let is_circle = (-90.0..=90.0).contains(&latitude)
        && (-180.0..=180.0).contains(&longitude)
        && radius_km > 0.0
        && radius_km <= LARGEST_RADIUS_KM;
    (!is_circle).then_some(Fault::NoCircle([latitude, longitude, radius_km]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOWHERE: [Option<f64>; 3] = [None; 3];

    #[test]
    fn an_event_has_an_end_and_a_place() {
        let whole = Row {
            fact: PLANNED,
            entities: Some("r/A; r/B"),
            circle: NOWHERE,
            start: 5,
            end: Some(5 + LONGEST),
        };
        let circle = Row { entities: None, circle: [Some(53.5), Some(10.0), Some(2.0)], ..whole };
        let cancelled = Row { fact: CANCELLED, ..Row::default() };
        assert_eq!([fault(&whole), fault(&circle), fault(&cancelled)], [None; 3]);
        let far = [91.0, 10.0, 2.0];
        let wide = [53.5, 10.0, LARGEST_RADIUS_KM + 1.0];
        for (row, expected) in [
            (Row { fact: "maybe", ..whole }, Fault::NoFact),
            (Row { end: None, ..whole }, Fault::NoEnd),
            (Row { end: Some(5), ..whole }, Fault::Empty(5, 5)),
            (Row { end: Some(4), ..whole }, Fault::Empty(4, 5)),
            (Row { end: Some(6 + LONGEST), ..whole }, Fault::TooLong(6 + LONGEST)),
            (Row { entities: Some(" ; "), ..whole }, Fault::NoPlace),
            (Row { entities: None, ..whole }, Fault::NoPlace),
            (Row { circle: [Some(53.5), None, Some(2.0)], ..whole }, Fault::PartOfACircle),
            (Row { circle: far.map(Some), ..circle }, Fault::NoCircle(far)),
            (Row { circle: wide.map(Some), ..circle }, Fault::NoCircle(wide)),
        ] {
            assert_eq!(fault(&row), Some(expected), "{row:?}");
        }
        let found: Vec<&str> = places(" r/A ;r/B 2;; ").collect();
        assert_eq!(found, ["r/A", "r/B 2"]);
    }
}
