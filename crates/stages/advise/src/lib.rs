//! The advise stage: from predictions to a short worklist that people can act on.
//!
//! Reads what the models said about a cutoff, groups it into incidents that keep their id from run
//! to run, puts beside each what is known already, ranks the rest within a budget, and tells people
//! in two tables and one self-contained HTML report. Everything between reading and writing is a
//! pure function of [`inputs::Signals`] and [`inputs::Context`].

pub mod advice;
pub mod candidates;
pub mod checks;
pub mod config;
pub mod durations;
pub mod evidence;
pub mod exposure;
pub mod hindsight;
pub mod incidents;
pub mod inputs;
pub mod known;
pub mod left_out;
pub mod network;
pub mod panels;
pub mod precision;
pub mod publish;
pub mod ranking;
pub mod read;
pub mod replay;
pub mod report;
pub mod statements;
pub mod suppressions;
pub mod teams;
pub mod worklist;

pub use foresite_report::{clock, wording};
use foresite_schema::TableDef;
use foresite_schema::catalog::outcome;
use foresite_stage::{Context, ErrorKind, Lineage, Report, Result, Stage, StageError};
use foresite_tables::Slot;
use jiff::Timestamp;

use crate::advice::Advice;
use crate::clock::Micros;
use crate::config::Config;
use crate::inputs::Signals;
use crate::left_out::Code;
use crate::read::Reader;
use crate::report::Page;
use crate::worklist::{SOURCE, Stamp};

/// Arguments besides the common ones.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Args {
    /// Judge this configuration on the lists of past hours, both included, RFC 3339: nothing is written
    #[arg(long, num_args = 2, value_names = ["FROM", "TO"], value_parser = moment)]
    #[arg(conflicts_with = "rebuild")]
    pub replay: Option<Vec<Micros>>,
    /// With --replay: let this model speak for its task, by the replays that `foresite-predict --model`
    /// made of it; once for each task, or several with commas between
    #[arg(long, value_name = "TASK=ID", value_parser = asked, value_delimiter = ',')]
    #[arg(requires = "replay")]
    pub model: Vec<(String, String)>,
}

fn moment(text: &str) -> std::result::Result<Micros, String> {
    let at: Timestamp = text.parse().map_err(|error| format!("{error}"))?;
    Ok(at.as_microsecond())
}

fn asked(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once('=') {
        Some((task, model)) if !task.is_empty() && !model.is_empty() => {
            Ok((task.to_owned(), model.to_owned()))
        }
        _ => Err("expected TASK=ID".into()),
    }
}

/// The stage.
pub struct Advise;

impl Stage for Advise {
    const NAME: &'static str = "advise";
    const ABOUT: &'static str = "Turns predictions into incidents, a ranked worklist and a report";
    const REVISION: &'static str = env!("FORESITE_REVISION");
    const STEPS: &'static [&'static str] = &["list", "hindsight"];
    type Config = Config;
    type Args = Args;

    fn published(step: &str, _: Option<&str>) -> Vec<TableDef> {
        let tables = [outcome::list_statements(), outcome::incidents(), outcome::worklist()];
        tables.into_iter().filter(|_| step == Self::STEPS[0]).collect()
    }

    fn run(cx: &Context, config: Config, args: Args) -> Result<Report> {
        if let Some(fault) = config.fault() {
            let message = format!("configuration at {fault}");
            return Err(StageError::new(ErrorKind::Usage, message));
        }
        if let Some([from, to]) = args.replay.as_deref() {
            return replay::run(cx, &config, [*from, *to], &args.model);
        }
        match cx.step() {
            "hindsight" => hindsight::run(cx, &config),
            _ => list(cx, &config),
        }
    }
}

/// Makes the worklists of the cutoff at the end of the interval.
fn list(cx: &Context, config: &Config) -> Result<Report> {
    let cutoff = cx.interval()?.end;
    let mut report = cx.report();
    // People work on a newer list. Predictions of this cutoff need not be marked as replays: those of
    // a task that failed in the newer hour are still the newest of their table.
    if cx.publishes() && !publish::is_newest(cx.root(), cutoff)? {
        report.verdict = Some("replay".into());
        return Ok(report);
    }
    let mut reader = Reader::new(cx, config, cutoff);
    let signals = reader.signals()?;
    if signals.predictions.is_empty() {
        report.verdict = Some("no_predictions".into());
    }
    tell_unknown(&mut report, &signals, config);
    let opened = advice::open_incidents(&signals, config);
    let focus = advice::focus(&opened, &signals);
    let context = reader.context(&focus, &signals)?;
    let advice = advice::advise(opened, &signals, &context, config);
    count(&mut report, &advice);
    if cx.is_dry_run() {
        return Ok(report);
    }
    let lineage = cx.lineage(cutoff, reader.inputs())?;
    let page = Page {
        advice: &advice,
        signals: &signals,
        context: &context,
        config,
        lineage_id: &lineage.id,
    };
    // The report first: a row of the worklist may be looked up in it at once.
    publish::publish(cx, cutoff, report::render(page))?;
    report.number("report", publish::report_path(cutoff));
    let known_at = reader.inputs().known_at().unwrap_or(cx.as_of());
    let stamp = Stamp { cutoff, known_at, ingested_at: cx.now(), lineage_id: &lineage.id };
    write(cx, &advice, stamp, &lineage, &mut report)?;
    Ok(report)
}

/// The tables; the worklist last, since people look there.
fn write(
    cx: &Context,
    advice: &Advice,
    stamp: Stamp<'_>,
    lineage: &Lineage,
    report: &mut Report,
) -> Result<()> {
    let slot = Slot::derived(SOURCE, 0, stamp.cutoff, stamp.cutoff + 1);
    for (def, rows) in [
        (outcome::incidents(), worklist::incident_rows(advice, stamp)?),
        (outcome::list_statements(), worklist::statement_rows(advice, stamp)?),
        (outcome::worklist(), worklist::worklist_rows(advice, stamp)?),
    ] {
        cx.replace(&cx.table(def)?, &slot, &rows, lineage, report)?;
    }
    Ok(())
}

/// Tells of names in configuration and suppressions that nothing bears.
fn tell_unknown(report: &mut Report, signals: &Signals, config: &Config) {
    for (number, unknown) in [
        ("unknown_suppressions", suppressions::unknown(signals, config)),
        ("unknown_places", teams::unknown(signals, config)),
    ] {
        unknown.iter().for_each(|one| tracing::warn!("{one}"));
        report.number(number, unknown.len());
    }
}

fn count(report: &mut Report, advice: &Advice) {
    let mut left_out = 0;
    let mut known = 0;
    for list in &advice.lists {
        let is_check = |entry: &&advice::Entry| entry.item.incident.is_check();
        let checks = list.listed.iter().filter(is_check).count();
        report.number(&format!("{}_items", list.list.task), list.listed.len() - checks);
        report.number(&format!("{}_checks", list.list.task), checks);
        report.number(&format!("{}_closed", list.list.task), list.closed.len());
        left_out += list.left_out.len();
        known += list.left_out.iter().filter(|entry| entry.item.known.reason.is_some()).count();
    }
    for code in Code::ALL {
        let reasons = advice.lists.iter().flat_map(|list| &list.left_out);
        let reasons = reasons.filter_map(|entry| entry.item.left_out.as_ref());
        let n = reasons.filter(|reason| reason.code == code).count();
        report.number(&format!("left_out_{}", code.word()), n);
    }
    report.number("left_out", left_out);
    report.number("known_already", known);
    report.number("not_scored", advice.not_scored.len());
}
