//! The monitor stage: whether the network still looks as the models learnt it, whether the models
//! still do what they did, and whether they are trained again.
//!
//! Step `measure`: for every day of the interval it tests each watched channel for drift against the weeks that the
//! serving model learnt from and names a cause where the tables know one; judges models by truth that
//! has arrived, and by their own probabilities where it has not; and looks at completeness, lateness,
//! volume and nulls of the data. Rows go to `drift` and `performance`, a page for people to
//! `reports/<day>/monitor.html`. The reference moves when another model is promoted.
//!
//! Step `retrain`: from what was measured, one decision a task and day, in `retrain_decisions`.

mod cause;
mod config;
mod drift;
mod gate;
mod local_events;
mod models;
mod panel;
mod performance;
mod report;
mod rows;
mod source;
mod span;

use foresite_features::task::{DAY, Micros};
use foresite_schema::catalog::watch;
use foresite_stage::{Context, ErrorKind, Interval, Lineage, Report, Result, Stage, StageError};
use foresite_tables::Slot;

pub use config::{ChannelSet, Config, Judging, Quota, Retraining};

use crate::cause::Known;
use crate::drift::Finding;
use crate::local_events::LocalEvents;
use crate::models::Model;
use crate::performance::Metric;
use crate::rows::Stamp;
use crate::source::Source;

/// Value of `source` in the rows.
const SOURCE: &str = "monitor";

/// The stage.
#[derive(Debug)]
pub struct Monitor;

/// Arguments besides the common ones.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Args {
    /// Step `retrain`: train these tasks again, whatever speaks against it; separated by commas
    #[arg(long, value_name = "TASK", value_delimiter = ',')]
    pub ask: Vec<String>,
    /// Step `retrain`: who asks
    #[arg(long, value_name = "NAME")]
    pub person: Option<String>,
}

impl Stage for Monitor {
    const NAME: &'static str = "monitor";
    const ABOUT: &'static str =
        "Watches data, channels and models: drift with its cause, performance, retraining";
    const REVISION: &'static str = env!("FORESITE_REVISION");
    const STEPS: &'static [&'static str] = &["measure", "retrain"];
    type Config = Config;
    type Args = Args;

    fn run(cx: &Context, config: Config, args: Args) -> Result<Report> {
        let interval = full_days(cx.interval()?)?;
        if cx.step() == "retrain" {
            return gate::run(cx, &config, &args, interval);
        }
        if !args.ask.is_empty() {
            return Err(StageError::new(ErrorKind::Usage, "--ask belongs to the step `retrain`")
                .hint("add --step retrain"));
        }
        let mut report = cx.report();
        for day in interval.steps(DAY) {
            cx.check_stop()?;
            judge_day(cx, &config, day, &mut report)?;
        }
        Ok(report)
    }
}

fn full_days(interval: Interval) -> Result<Interval> {
    if interval.start.rem_euclid(DAY) == 0 && interval.end.rem_euclid(DAY) == 0 {
        return Ok(interval);
    }
    let message = format!("interval {interval}: expected full days");
    Err(StageError::new(ErrorKind::Usage, message).hint("move its ends to midnight, UTC"))
}

/// What was found about one day.
pub(crate) struct Day {
    pub(crate) interval: Interval,
    pub(crate) findings: Vec<Finding>,
    pub(crate) metrics: Vec<Metric>,
}

fn judge_day(cx: &Context, config: &Config, day: Interval, report: &mut Report) -> Result<()> {
    let mut source = Source::new(cx);
    let network = source.network()?;
    let tasks = config.sets.iter().map(|set| set.task.as_str()).collect();
    let models = models::models(&mut source, &tasks, day.end + models::PROMOTED_WITHIN)?;
    let watched = drift::watch(&mut source, config, (&network, &models.speaking), day.end)?;
    let window = watched.first().map_or((day.start, day.end), |of| of.spans.window());
    let facts_since = facts_since(config, &models.speaking, day.end);
    let known = Known {
        tickets: source.tickets(facts_since)?,
        alarms: source.alarms(facts_since)?,
        events: LocalEvents::read(&mut source)?,
        network,
        window,
        as_of: cx.as_of(),
    };
    tell_unknown(&known, report);
    let findings = drift::test(config, &watched, &known.network, &known);
    let metrics = performance::metrics(&mut source, config, (&models, &known, &watched), day)?;
    // What is ripe hangs on the clock, not only on what is known by it: a later look is another one.
    let lineage = cx.lineage((day.start, day.end, cx.as_of()), &source.inputs)?;
    let judged = Day { interval: day, findings, metrics };
    tell(&judged, report);
    report.made_by(&lineage);
    if cx.is_dry_run() {
        return Ok(());
    }
    let known_at = source.inputs.known_at().unwrap_or(cx.as_of());
    write(cx, &judged, known_at, &lineage, report)
}

/// Tells of local events of the window that reach nobody who is known.
fn tell_unknown(known: &Known, report: &mut Report) {
    let unknown = known.events.unknown(&known.network, known.window);
    unknown.iter().for_each(|one| tracing::warn!("{one}"));
    report.number("unknown_events", unknown.len());
}

/// From when on tickets and alarms are read: an outage that still matters began within a quarter before
/// the oldest prediction that is judged.
fn facts_since(config: &Config, models: &[Model], end: Micros) -> Micros {
    let horizons = models.iter().map(|model| model.task.horizon().micros());
    let days = Micros::from(config.judging.days.get()) * DAY;
    end - days - horizons.max().unwrap_or(0) - 90 * DAY
}

/// The page first: a row may be looked up in it at once.
fn write(
    cx: &Context,
    day: &Day,
    known_at: Micros,
    lineage: &Lineage,
    report: &mut Report,
) -> Result<()> {
    let path = report::publish(cx, day, &lineage.id)?;
    report.number("report", path);
    let end = day.interval.end;
    let stamp = Stamp { end, known_at, ingested_at: cx.now(), lineage_id: &lineage.id };
    let slot = Slot::derived(SOURCE, 0, end, end + 1);
    for (def, rows) in [
        (watch::drift(), rows::drift(&day.findings, stamp)?),
        (watch::performance(), rows::performance(&day.metrics, stamp)?),
    ] {
        cx.replace(&cx.root().table(def)?, &slot, &rows, lineage, report)?;
    }
    Ok(())
}

/// Key numbers and the verdict of the last day.
fn tell(day: &Day, report: &mut Report) {
    let count = |is: &dyn Fn(&Finding) -> bool| day.findings.iter().filter(|f| is(f)).count();
    let tests = count(&|finding| finding.tested.is_some());
    report.number("tests", tests);
    report.number("not_tested", count(&|finding| finding.not_tested.is_some()));
    report.number("flagged", count(&|finding| finding.flagged));
    report.number("confirmed", count(&|finding| finding.confirmed));
    let state = |state| day.metrics.iter().filter(|metric| metric.state == state).count();
    let [warn, broken] = [performance::State::Warn, performance::State::Broken].map(state);
    report.number("metrics", day.metrics.len());
    report.number("warnings", warn);
    report.number("broken", broken);
    let drifts = day.findings.iter().any(|finding| finding.confirmed);
    let verdict = match (broken > 0, drifts, warn > 0) {
        (true, ..) => "broken",
        (_, true, _) => "drift",
        (.., true) => "warn",
        // Nothing was found where nothing was looked at.
        _ if tests == 0 => "unknown",
        _ => "ok",
    };
    report.verdict = Some(verdict.into());
}
