//! The predict stage: what the serving model says about every entity of a task.
//!
//! Resolves the alias, verifies sums and signature, scores the cutoffs of the interval, and writes
//! `predictions_<task>`; for detectors `alert_state` too. Without a model it ends well and says so.
//!
//! A challenger speaks in its shadow, about the same cutoffs: rows with its role, which people are not
//! shown and by which it is judged beside the champion. `--model` lets any model speak about the past, in
//! rows that are replays. Whoever repeats what was said in time, once newer statements are out, makes
//! replays as well: what was issued is not rewritten.

mod alerts;
mod config;
mod issued;
mod speaker;

use std::collections::BTreeMap;

use foresite_datasets::{Fitted, Package, Reader, registry_error};
use foresite_features::task::{DAY, Micros, Task};
use foresite_registry::{Alias, TrustedKeys};
use foresite_schema::TableDef;
use foresite_schema::catalog::outcome;
use foresite_scoring::statement::{self, Header};
use foresite_scoring::{Alert, Scorer, Sources, Statement, aliases, in_service, trusted};
use foresite_stage::{Context, ErrorKind, Interval, Lineage, Report, Result, Stage};
use foresite_tables::Value;

pub use config::Config;
use speaker::{Occasion, Speaker};

/// Kinds of inputs besides tables, as lineage documents name them.
const MODEL: &str = "model";
const ROLE: &str = "role";
const ALERTS: &str = "alerts";

/// The stage.
#[derive(Debug)]
pub struct Predict;

/// Arguments besides the common ones.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Args {
    /// Let this model speak, whether it serves or not: rows marked as replays, which nobody is shown
    #[arg(long, value_name = "ID", conflicts_with = "rebuild")]
    pub model: Option<String>,
}

/// What one run says.
struct Said {
    /// As whom the model spoke: its alias, or a replay.
    role: &'static str,
    statements: Vec<Statement>,
    /// Alert states, of a detector.
    alerts: Option<Vec<Alert>>,
}

impl Stage for Predict {
    const NAME: &'static str = "predict";
    const ABOUT: &'static str = "Scores the entities of a task with the model that serves";
    const REVISION: &'static str = env!("FORESITE_REVISION");
    type Config = Config;
    type Args = Args;

    fn published(_: &str, task: Option<&str>) -> Vec<TableDef> {
        task.map(|task| vec![outcome::predictions(task)]).unwrap_or_default()
    }

    fn run(cx: &Context, config: Config, args: Args) -> Result<Report> {
        let (task, interval) = (cx.task()?, cx.interval()?);
        let mut report = cx.report();
        if let Some(published) = cx.rebuilds() {
            speak(cx, &config, Speaker::again(task, published)?, interval, &mut report)?;
            return Ok(report);
        }
        if let Some(model_id) = args.model.as_deref() {
            let speaker = Speaker::asked(task, model_id);
            let (said, lineage) = speak(cx, &config, speaker, interval, &mut report)?;
            tell(&mut report, &said, model_id, &lineage);
            return Ok(report);
        }
        let aliases = aliases(cx.root(), task)?;
        let Some((alias, model_id)) = aliases.serving() else {
            tracing::warn!(task, "no model serves");
            report.verdict = Some("no_model".into());
            return Ok(report);
        };
        let speaker = Speaker::new(task, alias, model_id);
        let (said, lineage) = speak(cx, &config, speaker, interval, &mut report)?;
        if let Some(id) = aliases.get(Alias::Challenger).filter(|_| config.shadow) {
            shadow(cx, &config, (task, id), interval, &mut report)?;
        }
        tell(&mut report, &said, model_id, &lineage);
        Ok(report)
    }
}

/// Scores the interval with one model and writes what it says.
fn speak(
    cx: &Context,
    config: &Config,
    speaker: Speaker<'_>,
    interval: Interval,
    report: &mut Report,
) -> Result<(Said, Lineage)> {
    let keys = TrustedKeys::below(cx.root(), &config.public_keys).map_err(registry_error)?;
    let package = trusted(cx.root(), &keys, speaker.task, speaker.model_id)?;
    let mut reader = Reader::new(cx.root(), cx.as_of());
    reader.inputs().add_id(MODEL, speaker.model_id);
    reader.inputs().add_id(ROLE, speaker.role());
    let cutoffs: Vec<Micros> =
        package.task.cutoffs.of_interval(interval.start, interval.end).collect();
    let scorer = Scorer { package: &package, drivers: config.drivers };
    let sources = scorer.read(&mut reader, &cutoffs)?;
    let said = say(cx, scorer, (&sources, &cutoffs, speaker), &mut reader)?;
    let lineage = cx.lineage((interval.start, interval.end), reader.inputs())?;
    if cx.is_dry_run() {
        return Ok((said, lineage));
    }
    let (kept, newest) = match speaker.occasion {
        Occasion::Hour => last_kept(cx, (&package.task, speaker), interval, &lineage)?,
        _ => (None, None),
    };
    if let Some(kept) = kept {
        drop(sources);
        let is_newer_asked = cutoffs.last().is_some_and(|last| *last > kept);
        let until =
            if is_newer_asked { package.task.cutoffs.period_end(kept) } else { interval.end };
        return repeat(cx, config, speaker, (interval, until), report);
    }
    // What was missed before the newest comes late, by itself.
    if let Some(missed) = cutoffs.iter().rfind(|cutoff| Some(**cutoff) < newest) {
        drop(sources);
        let until = package.task.cutoffs.period_end(*missed);
        speak(cx, config, speaker, Interval::new(interval.start, until)?, report)?;
        return speak(cx, config, speaker, Interval::new(until, interval.end)?, report);
    }
    write(cx, (&package.task, speaker), &said, interval, &lineage, report)?;
    Ok((said, lineage))
}

/// The last of the cutoffs whose statements stay as they are, and the last with any.
fn last_kept(
    cx: &Context,
    (task, speaker): (&Task, Speaker<'_>),
    interval: Interval,
    lineage: &Lineage,
) -> Result<(Option<Micros>, Option<Micros>)> {
    let table = cx.table(outcome::predictions(&task.task))?;
    let slot = speaker.slot(task, interval);
    issued::last_kept(cx, &table, (speaker, &slot), lineage)
}

/// Says once more, in a replay's own slots, what was said in time up to `until`; about what came
/// after that the model speaks as about any hour.
fn repeat(
    cx: &Context,
    config: &Config,
    speaker: Speaker<'_>,
    (interval, until): (Interval, Micros),
    report: &mut Report,
) -> Result<(Said, Lineage)> {
    let past = Interval::new(interval.start, until)?;
    let Speaker { task, model_id, .. } = speaker;
    tracing::warn!(
        task,
        model_id,
        interval = %past,
        "issued already, and newer statements are out: what was issued stays, this is a replay"
    );
    let replay = speak(cx, config, Speaker::asked(task, model_id), past, report)?;
    report.number(speaker.replays(), replay.0.statements.len());
    if until >= interval.end {
        return Ok(replay);
    }
    speak(cx, config, speaker, Interval::new(until, interval.end)?, report)
}

/// Lets the challenger speak. One that cannot be used is told about and holds nothing back; storage
/// that does not answer is another matter.
fn shadow(
    cx: &Context,
    config: &Config,
    (task, model_id): (&str, &str),
    interval: Interval,
    report: &mut Report,
) -> Result<()> {
    report.number("challenger", model_id);
    let speaker = Speaker::new(task, Alias::Challenger, model_id);
    match speak(cx, config, speaker, interval, report) {
        Ok((said, _)) => report.number("challenger_statements", said.statements.len()),
        Err(error) if matches!(error.kind(), ErrorKind::BadData | ErrorKind::Missing) => {
            tracing::warn!(model_id, "the challenger says nothing: {}", error.chain());
            report.number("challenger_failed", error.to_string());
        }
        Err(error) => {
            return Err(error.while_doing(format!("let the challenger {model_id} speak")));
        }
    }
    Ok(())
}

fn say(
    cx: &Context,
    scorer: Scorer<'_>,
    (sources, cutoffs, speaker): (&Sources, &[Micros], Speaker<'_>),
    reader: &mut Reader<'_>,
) -> Result<Said> {
    cx.check_stop()?;
    let Package { task, fitted, .. } = scorer.package;
    let statements = scorer.statements(sources, &in_service(sources.network(), task, cutoffs))?;
    let (Fitted::Anomaly { model, .. }, Some(&first)) = (fitted, cutoffs.first()) else {
        return Ok(Said { role: speaker.role(), statements, alerts: None });
    };
    // State older than a day says nothing about an alert any more.
    let since = first - DAY;
    let model_id = scorer.package.model_id();
    let before =
        alerts::states_before(cx, (&task.task, &model_id, speaker.is_replay()), (since, first))?;
    // By what they say: their own lineages would lead back, state by state, to the first hour of all.
    reader.inputs().add_id(ALERTS, alerts::digest(&before));
    let alerts = foresite_scoring::alerts(model, &statements, before);
    Ok(Said { role: speaker.role(), statements, alerts: Some(alerts) })
}

fn tell(report: &mut Report, said: &Said, model_id: &str, lineage: &Lineage) {
    report.made_by(lineage);
    report.verdict = Some(said.role.into());
    report.number("model_id", model_id);
    report.number("statements", said.statements.len());
    report.number("digest", statement::digest(&said.statements));
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for reason in said.statements.iter().filter_map(|s| s.not_scored.as_deref()) {
        *reasons.entry(reason).or_default() += 1;
    }
    for (reason, count) in reasons {
        report.number(&format!("not_scored_{reason}"), count);
    }
    if let Some(alerts) = &said.alerts {
        let open = alerts.iter().filter(|alert| alert.state.is_open).count();
        report.number("open_alerts", open);
    }
}

fn write(
    cx: &Context,
    (task, speaker): (&Task, Speaker<'_>),
    said: &Said,
    interval: Interval,
    lineage: &Lineage,
    report: &mut Report,
) -> Result<()> {
    let slot = speaker.slot(task, interval);
    let predictions = cx.table(outcome::predictions(&task.task))?;
    let header = Header {
        task: &task.task,
        entity_type: &task.entity_type,
        model_id: speaker.model_id,
        role: speaker.alias.word(),
        source: speaker.source(),
        as_of: cx.as_of(),
        now: cx.now(),
        lineage_id: &lineage.id,
        published: match speaker.occasion {
            Occasion::Hour => {
                let after = interval.end + task.cutoffs.offset.micros();
                issued::newest_after(&predictions, after)?
            }
            Occasion::Rebuild => None,
            Occasion::Replay => Some(Micros::MAX),
        },
    };
    if let Some(alerts) = &said.alerts {
        let table = cx.table(outcome::alert_state())?;
        let mut of_task = slot.clone();
        of_task.equals.insert("task".into(), Value::Text(task.task.clone()));
        let batch = alerts::batch(&header, alerts)?;
        cx.replace(&table, &of_task, &batch, lineage, report)?;
    }
    let batch = header.batch(&said.statements)?;
    cx.replace(&predictions, &slot, &batch, lineage, report)
}
