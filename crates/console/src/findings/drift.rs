//! Confirmed drift by its cause.

use foresite_schema::catalog::watch;
use foresite_tables::{Micros, Result, Root};

use super::{known, of_days};
use crate::gauges::{Gauges, Page};
use crate::rows::Rows;

/// The causes that `monitor` names.
const CAUSES: [&str; 7] =
    ["missing_data", "outage", "software_upgrade", "new_carrier", "event", "holiday", "unknown"];

/// How a test ended.
const OUTCOMES: [&str; 2] = ["tested", "not_tested"];

/// Appends the tests of a day and what they confirmed.
pub(super) fn add(root: &Root, day: Micros, page: &mut Page) -> Result<()> {
    let columns = ["task", "confirmed", "cause"];
    let Some(batch) = of_days(root, watch::drift(), columns, (day, day))? else {
        return Ok(());
    };
    let mut confirmed = Gauges::new(
        "foresite_monitor_drift_confirmed",
        "Confirmed findings of drift of the newest day, by cause.",
        ["task", "cause"],
    );
    let mut tests = Gauges::new(
        "foresite_monitor_drift_tests",
        "Tests for drift of the newest day, and those that were not possible.",
        ["task", "outcome"],
    );
    let rows = Rows::of(&batch);
    let (tasks, causes) = (rows.text("task"), rows.text("cause"));
    let verdicts = rows.flags("confirmed");
    for row in rows.each() {
        let (task, verdict) = (tasks.at(row), verdicts.at(row));
        // Zeros too: a series that falls to zero ends an alert, one that is gone may be a fault.
        for cause in CAUSES {
            confirmed.add([task, cause], 0.0);
        }
        for outcome in OUTCOMES {
            tests.add([task, outcome], 0.0);
        }
        tests.add([task, OUTCOMES[usize::from(verdict.is_none())]], 1.0);
        if verdict == Some(true) {
            confirmed.add([task, known(causes.at(row), &CAUSES)], 1.0);
        }
    }
    page.push(&confirmed);
    page.push(&tests);
    Ok(())
}
