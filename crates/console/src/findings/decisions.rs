//! Whether tasks are trained again, and whether what was due has come.

use foresite_schema::catalog::{outcome, watch};
use foresite_tables::{Micros, Read, Result, Root};

use super::{DAY_END, known, of_days};
use crate::clock::DAY;
use crate::gauges::{Gauges, Page, seconds};
use crate::read::scanned;
use crate::rows::Rows;

/// How far back a decision for training is looked for. What did not come of an older one is no news.
const LOOKS_BACK: Micros = 30 * DAY;

/// The decisions there are.
const DECISIONS: [&str; 2] = [RETRAIN, "wait"];
const RETRAIN: &str = "retrain";

/// What speaks for training; [`NOTHING`] where the column is empty.
const REASONS: [&str; 8] =
    ["asked", "no_model", "erased", "skill_down", "coverage_broken", "drift", "scheduled", NOTHING];
const NOTHING: &str = "none";

/// What speaks against it.
const AGAINST: [&str; 6] =
    ["bad_data", "in_shadow", "too_little_truth", "cool_down", "would_not_help", "quota"];

/// Appends the decisions of a day, when training was due last, and when it gave a model last.
pub(super) fn add(root: &Root, day: Micros, page: &mut Page) -> Result<()> {
    let columns = ["task", "decision", "reason", "against", DAY_END];
    let days = (day - LOOKS_BACK, day);
    if let Some(batch) = of_days(root, watch::retrain_decisions(), columns, days)? {
        push(Rows::of(&batch), day, page);
    }
    page.push(&registered(root)?);
    Ok(())
}

fn push(rows: Rows<'_>, day: Micros, page: &mut Page) {
    let mut decided = Gauges::new(
        "foresite_monitor_retrain_decision",
        "What the newest day decided about a task, and what spoke for training: always 1.",
        ["task", "decision", "reason"],
    );
    let mut held = Gauges::new(
        "foresite_monitor_retrain_against",
        "What spoke against training a task on the newest day: always 1.",
        ["task", "against"],
    );
    let mut due = Gauges::new(
        "foresite_monitor_retrain_due_timestamp_seconds",
        "End of the last day within 30 that decided to train a task.",
        ["task"],
    );
    let [tasks, decisions, reasons] = ["task", "decision", "reason"].map(|name| rows.text(name));
    let (against, ends) = (rows.texts("against"), rows.times(DAY_END));
    for row in rows.each() {
        let (task, decision, end) = (tasks.at(row), decisions.at(row), ends.required(row));
        if decision == RETRAIN {
            due.raise([task], seconds(end));
        }
        if end != day {
            continue;
        }
        let reason = Some(reasons.at(row)).filter(|reason| !reason.is_empty()).unwrap_or(NOTHING);
        decided.set([task, known(decision, &DECISIONS), known(reason, &REASONS)], 1.0);
        for word in against.at(row) {
            held.set([task, known(&word, &AGAINST)], 1.0);
        }
    }
    page.push(&decided);
    page.push(&held);
    page.push(&due);
}

/// When a model of each task was registered last: what every training that comes to its end does.
/// By the clock of the training, as a day that is due is: a later run about an earlier day has not
/// learnt it.
fn registered(root: &Root) -> Result<Gauges<1>> {
    let mut registered = Gauges::new(
        "foresite_monitor_model_registered_timestamp_seconds",
        "Clock of the newest training that gave a model of a task.",
        ["task"],
    );
    let read = Read::all().columns(["task", "at"]).text("event", "registered");
    scanned(root, outcome::registry_events(), &read, |rows| {
        let (tasks, times) = (rows.text("task"), rows.times("at"));
        for row in rows.each() {
            registered.raise([tasks.at(row)], seconds(times.required(row)));
        }
    })?;
    Ok(registered)
}
