//! The step `retrain`: once a day and task, whether it is trained again.
//!
//! Reads what the step `measure` wrote about the day, so that a changed rule is judged anew without
//! measuring again.

mod evidence;
mod measured;
mod policy;
mod reason;

use std::collections::BTreeSet;

use arrow::array::{RecordBatch, StringArray};
use foresite_features::task::DAY;
use foresite_schema::catalog::watch;
use foresite_stage::{Context, ErrorKind, Interval, Report, Result, StageError};
use foresite_tables::Slot;

use crate::config::Config;
use crate::rows::{Columns, Stamp};
use crate::source::Source;
use crate::{Args, SOURCE};
use policy::Decision;
use reason::Reason;

/// Decides for the last day of the interval: what a day before should have started is past.
pub(crate) fn run(cx: &Context, config: &Config, args: &Args, days: Interval) -> Result<Report> {
    let tasks: BTreeSet<&str> = config.sets.iter().map(|set| set.task.as_str()).collect();
    if let Some(unknown) = args.ask.iter().find(|task| !tasks.contains(task.as_str())) {
        let message = format!("--ask {unknown}: no set of the configuration is of this task");
        let known: Vec<&str> = tasks.into_iter().collect();
        return Err(StageError::new(ErrorKind::Usage, message)
            .hint(format!("ask for {}", known.join(", "))));
    }
    let mut report = cx.report();
    let day = Interval::new(days.end - DAY, days.end)?;
    decide(cx, (config, args), &tasks, day, &mut report)?;
    Ok(report)
}

fn decide(
    cx: &Context,
    (config, args): (&Config, &Args),
    tasks: &BTreeSet<&str>,
    day: Interval,
    report: &mut Report,
) -> Result<()> {
    let mut source = Source::new(cx);
    let found = evidence::gather(&mut source, (config, args), tasks, day)?;
    let decisions: Vec<Decision> = found
        .iter()
        .map(|(task, evidence)| policy::decide(task, &config.retraining, evidence))
        .collect();
    tell(&decisions, args, report);
    // Who started a run of which nobody asked anything makes no other decision.
    let person = args.person.as_ref().filter(|_| !args.ask.is_empty());
    let subject = (day.start, day.end, cx.as_of(), &args.ask, person);
    let lineage = cx.lineage(subject, &source.inputs)?;
    report.made_by(&lineage);
    if cx.is_dry_run() {
        return Ok(());
    }
    let end = day.end;
    let known_at = source.inputs.known_at().unwrap_or(cx.as_of());
    let stamp = Stamp { end, known_at, ingested_at: cx.now(), lineage_id: &lineage.id };
    let rows = rows(&decisions, args, day, stamp)?;
    let table = cx.root().table(watch::retrain_decisions())?;
    cx.replace(&table, &Slot::derived(SOURCE, 0, end, end + 1), &rows, &lineage, report)
}

/// The tasks to train, and why; the log says it of every task. Who asks for some starts those only: the
/// day's own decision about the others has been carried out.
fn tell(decisions: &[Decision], args: &Args, report: &mut Report) {
    for decision in decisions {
        let against: Vec<&str> = decision.against.iter().map(|what| what.word()).collect();
        tracing::info!(
            task = decision.task,
            reason = decision.reason.map(Reason::word),
            against = against.join(","),
            "{}: {}",
            decision.word(),
            decision.evidence.join("; ")
        );
        report.number(
            &format!("reason_{}", decision.task),
            match decision.reason {
                Some(reason) if against.is_empty() => reason.word().to_owned(),
                Some(reason) => format!("{}, against it: {}", reason.word(), against.join(", ")),
                None => "none".to_owned(),
            },
        );
    }
    let due: Vec<String> = decisions
        .iter()
        .filter(|decision| decision.retrains())
        .filter(|decision| args.ask.is_empty() || args.ask.contains(&decision.task))
        .map(|decision| decision.task.clone())
        .collect();
    report.verdict = Some(if due.is_empty() { "wait" } else { "retrain" }.into());
    report.number("retrain", due);
}

fn rows(
    decisions: &[Decision],
    args: &Args,
    day: Interval,
    stamp: Stamp<'_>,
) -> Result<RecordBatch> {
    let count = decisions.len();
    let mut columns = Columns::shared(count, stamp);
    columns.time("window_start", std::iter::repeat_n(day.start, count));
    type Of = fn(&Decision) -> Option<&str>;
    let texts: [(&'static str, Of); 4] = [
        ("task", |of| Some(&of.task)),
        ("decision", |of| Some(of.word())),
        ("reason", |of| of.reason.map(Reason::word)),
        ("model_id", |of| of.model_id.as_deref()),
    ];
    for (name, of) in texts {
        columns.add(name, StringArray::from_iter(decisions.iter().map(of)));
    }
    let asked = decisions.iter().map(|of| {
        args.ask.contains(&of.task).then(|| args.person.as_deref().unwrap_or("not named"))
    });
    columns.add("asked_by", StringArray::from_iter(asked));
    columns.texts("against", decisions.iter().map(|of| of.against.iter().map(|what| what.word())));
    columns.texts("evidence", decisions.iter().map(|of| of.evidence.iter().map(String::as_str)));
    columns.batch(&watch::retrain_decisions())
}
