//! What `monitor` found on its newest day, as numbers for Prometheus.
//!
//! The day that is told is the newest one that each step wrote about; a table that is not there has no
//! series. What the numbers stand for in full, with evidence and reasons, is in `drift`, `performance`
//! and `retrain_decisions`, and on the page `reports/<day>/monitor.html`.

mod decisions;
mod drift;
mod performance;

use arrow::array::RecordBatch;
use foresite_schema::TableDef;
use foresite_schema::catalog::watch;
use foresite_tables::{Micros, Read, Result, Root};

use crate::clock;
use crate::gauges::{Gauges, Page, seconds};
use crate::read::{newest, resolved};

/// The column that says which day a row is about: its end.
const DAY_END: &str = "window_end";

/// What stands for a word that this program does not know: a newer `monitor` may have more of them.
const OTHER: &str = "other";

/// The series of the newest day.
pub(crate) fn page(root: &Root) -> Result<String> {
    let measured = newest_day(root, watch::performance())?.max(newest_day(root, watch::drift())?);
    let decided = newest_day(root, watch::retrain_decisions())?;
    let mut page = Page::default();
    let mut days = Gauges::new(
        "foresite_monitor_day_end_timestamp_seconds",
        "End of the newest day that a step of monitor wrote about.",
        ["step"],
    );
    for (step, day) in [("measure", measured), ("retrain", decided)] {
        if let Some(day) = day {
            days.set([step], seconds(day));
        }
    }
    page.push(&days);
    if let Some(day) = measured {
        drift::add(root, day, &mut page)?;
        performance::add(root, day, &mut page)?;
    }
    if let Some(day) = decided {
        decisions::add(root, day, &mut page)?;
    }
    let left_out = page.left_out() as f64;
    let about = "Series of the newest day that are not told, because they are too many.";
    page.number("foresite_monitor_left_out_series", "gauge", about, left_out);
    Ok(page.into_text())
}

/// The end of the newest day in a table.
fn newest_day(root: &Root, def: TableDef) -> Result<Option<Micros>> {
    let Some(table) = root.find(def)? else {
        return Ok(None);
    };
    newest(&table, (DAY_END, &[DAY_END]), clock::now(), |rows| {
        let ends = rows.times(DAY_END);
        rows.each().filter_map(|row| ends.at(row)).max()
    })
}

/// The rows about days that ended since a moment and up to a day; none where there is no such
/// table.
fn of_days(
    root: &Root,
    def: TableDef,
    columns: impl IntoIterator<Item = &'static str>,
    (since, day): (Micros, Micros),
) -> Result<Option<RecordBatch>> {
    resolved(root, def, &Read::all().columns(columns).period(since, day + 1))
}

/// The word where it is one of these: a label has no other values.
fn known<'a>(word: &'a str, words: &[&str]) -> &'a str {
    if words.contains(&word) { word } else { OTHER }
}
