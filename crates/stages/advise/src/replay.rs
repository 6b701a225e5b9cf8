//! Judges a policy on history: the lists of past hours, made anew with this configuration from what
//! was known at each of them.
//!
//! Incidents go on from list to list as they would have, and so do the places of a shift; nothing is
//! written, and nobody is told. What came of the items is looked up afterwards, in people's marks and,
//! on a simulated network, in its truth.

mod history;
mod judge;

use std::collections::BTreeSet;

use foresite_schema::catalog::outcome;
use foresite_stage::{Context, ErrorKind, Report, Result, StageError};
use foresite_tables::Read;

use self::history::History;
use crate::advice;
use crate::clock::{DAY, HOUR, Micros};
use crate::config::Config;
use crate::read::{Reader, Rows, TASK_OFFSET};

/// The span that one replay may cover.
const LONGEST: Micros = 400 * DAY;

/// How long after the end of its data a list was made: predictions speak within the hour.
const LATENESS: Micros = TASK_OFFSET;

/// Replays the lists of the cutoffs from `from` to `to`, both included.
///
/// # Errors
/// `Usage` for a span that is none; storage errors; `Stopped`.
pub fn run(cx: &Context, config: &Config, [from, to]: [Micros; 2]) -> Result<Report> {
    if to < from || to - from > LONGEST {
        let message = "`--replay`: expected FROM before TO, and at most 400 days between them";
        return Err(StageError::new(ErrorKind::Usage, message));
    }
    let mut report = cx.report();
    let cutoffs = cutoffs(cx, config, [from, to])?;
    report.verdict =
        Some(if cutoffs.is_empty() { "no_predictions".into() } else { "replay".into() });
    report.number("cutoffs", cutoffs.len());
    let mut history = History::default();
    let progress = cx.progress(cutoffs.len() as u64, "lists replayed");
    for cutoff in cutoffs.iter().copied() {
        cx.check_stop()?;
        step(cx, config, cutoff, &mut history)?;
        progress.add(1);
    }
    history.tell(config, &mut report);
    judge::by_marks(cx, config, [from, to], &history, &mut report)?;
    judge::by_truth(cx, config, (to, &cutoffs), &history, &mut report)?;
    Ok(report)
}

/// One list as it would have been.
fn step(cx: &Context, config: &Config, cutoff: Micros, history: &mut History) -> Result<()> {
    let mut reader = Reader::at(cx, config, cutoff, cutoff + LATENESS);
    let mut signals = reader.signals()?;
    history.continue_in(&mut signals);
    let opened = advice::open_incidents(&signals, config);
    let focus = advice::focus(&opened, &signals);
    let context = reader.context(&focus, &signals)?;
    let advice = advice::advise(opened, &signals, &context, config);
    history.remember(&advice, cutoff);
    Ok(())
}

/// The hours for which some list's task made predictions.
fn cutoffs(cx: &Context, config: &Config, [from, to]: [Micros; 2]) -> Result<BTreeSet<Micros>> {
    let mut found = BTreeSet::new();
    for list in &config.lists {
        let Some(table) = cx.root().find(outcome::predictions(&list.task))? else { continue };
        let read = Read::all().period(from, to + TASK_OFFSET).columns(["cutoff"]);
        for batch in table.scan(&read)? {
            cx.check_stop()?;
            let batch = batch?;
            let rows = Rows::of(&batch);
            let at = rows.times("cutoff")?;
            // A task speaks some minutes after the end of the data, which is the cutoff of the list.
            let hours = (0..rows.len()).map(|row| at.required(row).div_euclid(HOUR) * HOUR);
            found.extend(hours.filter(|hour| (from..=to).contains(hour)));
        }
    }
    Ok(found)
}
