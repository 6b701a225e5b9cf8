//! Judges a policy on history: the lists of past hours, made anew with this configuration from what
//! was known at each of them.
//!
//! Incidents go on from list to list as they would have, and so do the places of a shift; nothing is
//! written, and nobody is told. What came of the items is looked up afterwards, in people's marks and,
//! on a simulated network, in its truth. A task may be given another model than the one that served: its
//! lists come from what that model said in its replays.

mod asked;
mod history;
mod judge;

use std::collections::{BTreeMap, BTreeSet};

use foresite_schema::catalog::outcome;
use foresite_stage::{Context, ErrorKind, Report, Result, StageError};
use foresite_tables::Read;

use self::history::History;
use crate::advice;
use crate::clock::{DAY, HOUR, Micros};
use crate::config::Config;
use crate::inputs::Role;
use crate::read::{Reader, Rows, TASK_OFFSET};
use crate::worklist::SOURCE;

/// The span that one replay may cover.
const LONGEST: Micros = 400 * DAY;

/// Replays the lists of the cutoffs from `from` to `to`, both included, with the models that are `named`
/// by task in the place of those that served.
///
/// # Errors
/// `Usage` for a span that is none, or a model of no list; `Missing` where a model said nothing about the
/// span; storage errors; `Stopped`.
pub fn run(
    cx: &Context,
    config: &Config,
    [from, to]: [Micros; 2],
    named: &[(String, String)],
) -> Result<Report> {
    if to < from || to - from > LONGEST {
        let message = "`--replay`: expected FROM before TO, and at most 400 days between them";
        return Err(StageError::new(ErrorKind::Usage, message));
    }
    let asked = asked::models(config, named)?;
    let spoken = asked::cutoffs(cx, config, &asked, [from, to])?;
    let mut report = cx.report();
    asked::tell(&asked, &spoken, &mut report);
    let spoken = spoken.values().flatten().copied();
    let hours = hours(cx, config, [from, to], spoken)?;
    let mut history = History::default();
    let progress = cx.progress(hours.len() as u64, "lists replayed");
    let mut cutoffs = BTreeSet::new();
    let mut reader = Reader::new(cx, config, to).asking(&asked);
    for (cutoff, known_at) in &hours {
        cx.check_stop()?;
        reader.turn_to(*cutoff, *known_at);
        if step(&mut reader, config, &mut history)? {
            cutoffs.insert(*cutoff);
        }
        progress.add(1);
    }
    report.verdict =
        Some(if cutoffs.is_empty() { "no_predictions".into() } else { "replay".into() });
    report.number("cutoffs", cutoffs.len());
    let whole = to.div_euclid(HOUR) - (from - 1).div_euclid(HOUR);
    report.number("hours_without_predictions", whole - cutoffs.len() as i64);
    history.tell(config, &mut report);
    judge::by_marks(cx, config, [from, to], &history, &mut report)?;
    judge::by_truth(cx, config, (to, &cutoffs), &history, &mut report)?;
    Ok(report)
}

/// One list as it would have been; false where nothing was said for it.
fn step(reader: &mut Reader<'_>, config: &Config, history: &mut History) -> Result<bool> {
    let mut signals = reader.signals()?;
    if signals.predictions.is_empty() {
        return Ok(false);
    }
    history.continue_in(&mut signals);
    let opened = advice::open_incidents(&signals, config);
    let focus = advice::focus(&opened, &signals);
    let context = reader.series(&focus)?;
    let advice = advice::advise(opened, &signals, &context, config);
    history.remember(&advice, signals);
    Ok(true)
}

/// The hours about which some list's task spoke to people, and when the newest of that could be known:
/// a list is made right after, and sees nothing that came later. An hour about which only replays speak
/// (`spoken`, their cutoffs) has its list at their cutoff.
fn hours(
    cx: &Context,
    config: &Config,
    [from, to]: [Micros; 2],
    spoken: impl Iterator<Item = Micros>,
) -> Result<BTreeMap<Micros, Micros>> {
    let mut found = BTreeMap::new();
    for list in &config.lists {
        let Some(table) = cx.root().find(outcome::predictions(&list.task))? else { continue };
        let columns = ["cutoff", "known_at", "replay", "role", "tombstone"];
        let read = Read::all().period(from, to + TASK_OFFSET).columns(columns);
        for batch in table.scan(&read.text("source", SOURCE).as_of(cx.as_of()))? {
            cx.check_stop()?;
            take_hours(&Rows::of(&batch?), [from, to], &mut found)?;
        }
    }
    let published: BTreeSet<Micros> = found.keys().copied().collect();
    for cutoff in spoken {
        let hour = list_hour(cutoff);
        if (from..=to).contains(&hour) && !published.contains(&hour) {
            take(&mut found, hour, cutoff);
        }
    }
    Ok(found)
}

/// A task speaks some minutes after the end of the data, which is the cutoff of the list.
fn list_hour(cutoff: Micros) -> Micros {
    cutoff.div_euclid(HOUR) * HOUR
}

/// The newest clock of an hour counts.
fn take(found: &mut BTreeMap<Micros, Micros>, hour: Micros, known: Micros) {
    let newest = found.entry(hour).or_insert(known);
    *newest = known.max(*newest);
}

fn take_hours(
    rows: &Rows<'_>,
    [from, to]: [Micros; 2],
    found: &mut BTreeMap<Micros, Micros>,
) -> Result<()> {
    let (cutoff, known_at, role) =
        (rows.times("cutoff")?, rows.times("known_at")?, rows.text("role")?);
    for row in 0..rows.len() {
        let hour = list_hour(cutoff.required(row));
        let is_silent = rows.flag("replay", row)?
            || rows.flag("tombstone", row)?
            || role.at(row) == Some(Role::Challenger.word());
        if (from..=to).contains(&hour) && !is_silent {
            take(found, hour, known_at.required(row));
        }
    }
    Ok(())
}
