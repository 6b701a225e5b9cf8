//! Months: a stretch of time cut at their beginnings, and one CSV file for each.

use super::csv::{Csv, day_name};
use super::{WriteError, Writer, Written};
use crate::calendar::{DAY, Micros};

/// Cuts a stretch of time at the beginnings of months (UTC).
pub(super) fn months([from, to]: [Micros; 2]) -> Vec<[Micros; 2]> {
    let mut cuts = vec![from];
    let mut day = from - from.rem_euclid(DAY) + DAY;
    while day < to {
        if day_name(day, "%d") == "01" {
            cuts.push(day);
        }
        day += DAY;
    }
    cuts.push(to);
    let pairs = cuts.windows(2).map(|pair| [pair[0], pair[1]]);
    pairs.filter(|[from, to]| from < to).collect()
}

/// Writes a file `<name>_<month>.csv` for each month of a stretch of time: what `render` makes of
/// the month's part of it. The first part begins with the stretch, each file arrives as its part
/// ends.
pub(super) fn land_months(
    writer: &Writer<'_>,
    name: &str,
    span: [Micros; 2],
    render: impl Fn([Micros; 2]) -> Csv,
) -> Result<Written, WriteError> {
    let mut written = Written::default();
    for month in months(span) {
        let path = format!("{name}_{}.csv", day_name(month[0], "%Y%m"));
        written += writer.land(&path, render(month).bytes(), month[1])?;
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(stamp: &str) -> Micros {
        stamp.parse::<jiff::Timestamp>().unwrap().as_microsecond()
    }

    #[test]
    fn a_stretch_is_cut_at_the_beginnings_of_months() {
        let [from, to] = ["2026-01-15T06:00:00Z", "2026-03-01T02:00:00Z"].map(at);
        let [february, march] = ["2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"].map(at);
        assert_eq!(months([from, to]), [[from, february], [february, march], [march, to]]);
        assert_eq!(months([from, from]), Vec::<[Micros; 2]>::new(), "nothing to cut");
    }
}
