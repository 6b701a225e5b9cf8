//! The evaluate stage: judges a model on slices it never saw.
//!
//! The gate slice decides: PASS, FAIL or INSUFFICIENT. The test slice is reported and changes
//! nothing. Reads the bundle, its sample set and what the head works on; writes
//! `models/<task>/<model_id>/evaluation/<lineage_id>/` and rows of `evaluations`.

mod champion;
mod config;
mod rows;
mod truth;

use foresite_datasets::measure::{self, Measured, Verdict};
use foresite_datasets::{Data, Fitted, Package, Reader, SampleSet, registry_error};
use foresite_features::task::SliceName;
use foresite_registry::{Aliases, Event, EventKind, Folder, files, model_path};
use foresite_schema::catalog::outcome;
use foresite_stage::{Context, ErrorKind, Lineage, Report, Result, Stage, StageError};
use foresite_tables::{Read, Slot, Value};
use serde_json::json;

use champion::Beside;
pub use config::Config;

/// The stage.
#[derive(Debug)]
pub struct Evaluate;

/// Arguments besides the common ones.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Args {
    /// Model to judge [default: the one that was registered last]
    #[arg(long, value_name = "ID")]
    pub model: Option<String>,
}

/// What was found about one model.
struct Findings {
    gate: Measured,
    test: Measured,
    beside: Beside,
    verdict: Verdict,
}

impl Stage for Evaluate {
    const NAME: &'static str = "evaluate";
    const ABOUT: &'static str = "Judges a model on slices it never saw, against simple baselines";
    const REVISION: &'static str = env!("FORESITE_REVISION");
    type Config = Config;
    type Args = Args;

    fn run(cx: &Context, config: Config, args: Args) -> Result<Report> {
        let name = cx.task()?;
        let events = events(cx, name)?;
        let model_id = chosen(name, &events, args.model)?;
        let bundle = format!("{}/bundle", model_path(name, &model_id));
        let folder = Folder::read(cx.root(), &bundle).map_err(registry_error)?;
        let package = Package::from_folder(&folder)?;
        let mut reader = Reader::new(cx.root(), cx.as_of());
        reader.inputs().add_id("model", model_id.clone());
        // Another champion, another judgement.
        let champion = champion_beside(&events, &model_id);
        if let Some(champion) = &champion {
            reader.inputs().add_id("champion", champion.clone());
        }
        let set = SampleSet::read(&mut reader, &package.task, Some(&package.sample_set_id))?;
        let data = Data::read(&mut reader, &package.task, &set)?;
        let lineage = cx.lineage(json!({"model": model_id}), reader.inputs())?;
        let mut report = cx.report();
        report.made_by(&lineage);
        report.number("model_id", model_id.clone());
        if cx.is_dry_run() {
            return Ok(report);
        }
        let findings = judge(cx, &config, (&package, champion), (&set, &data))?;
        tell(&findings, &mut report);
        write(cx, (name, &model_id), &findings, &lineage, &mut report)?;
        Ok(report)
    }
}

/// Publishes the evaluation's files, then its rows.
fn write(
    cx: &Context,
    (task, model_id): (&str, &str),
    findings: &Findings,
    lineage: &Lineage,
    report: &mut Report,
) -> Result<()> {
    let place = format!("{}/evaluation/{}", model_path(task, model_id), lineage.id);
    let published = files_of(findings)?.publish(cx.root(), &place).map_err(registry_error)?;
    tracing::info!(model = model_id, verdict = %findings.verdict, published, "evaluated");
    let (at, ingested_at) = (cx.as_of(), cx.now());
    let header = rows::Header { task, model_id, at, ingested_at, lineage_id: &lineage.id };
    let slices = [("gate", &findings.gate), ("test", &findings.test)];
    let champion = findings.beside.comparison.as_ref();
    let batch = rows::batch(&header, &slices, champion, findings.verdict)?;
    let table = cx.root().table(outcome::evaluations())?;
    let slot = Slot {
        equals: [("model_id".to_owned(), Value::Text(model_id.to_owned()))].into(),
        period: None,
    };
    cx.append(&table, &slot, &batch, lineage, report)
}

fn events(cx: &Context, task: &str) -> Result<Vec<Event>> {
    let Some(table) = cx.root().find(outcome::registry_events())? else {
        return Ok(Vec::new());
    };
    let rows = table.read_all(&Read::all().text("task", task))?;
    Event::read(&rows).map_err(registry_error)
}

fn chosen(task: &str, events: &[Event], asked: Option<String>) -> Result<String> {
    let newest = || {
        let registered = events.iter().rev().find(|event| event.kind == EventKind::Registered);
        registered.map(|event| event.model_id.clone())
    };
    let missing =
        |what: String| StageError::new(ErrorKind::Missing, format!("task `{task}`: {what}"));
    if let Some(id) = asked.filter(|id| !id.is_empty()) {
        let is_known = events.iter().any(|event| event.model_id == id);
        return is_known.then(|| id.clone()).ok_or_else(|| {
            missing(format!("model `{id}` is not registered"))
                .hint("the table registry_events lists the models of the task")
        });
    }
    newest()
        .ok_or_else(|| missing("no model is registered".into()).hint("run foresite-train first"))
}

/// The model that serves, unless it is the one that is judged.
fn champion_beside(events: &[Event], model_id: &str) -> Option<String> {
    let aliases = Aliases::of(events);
    aliases.serving().map(|(_, id)| id.to_owned()).filter(|id| id != model_id)
}

fn judge(
    cx: &Context,
    config: &Config,
    (package, champion): (&Package, Option<String>),
    (set, data): (&SampleSet, &Data),
) -> Result<Findings> {
    let on = |slice| {
        cx.check_stop()?;
        measured(cx, config, package, (set, data), slice)
    };
    let mut gate = on(SliceName::Gate)?;
    let test = on(SliceName::Test)?;
    let beside = match champion {
        Some(id) => champion::beside(cx, config, (package, &gate), &id, (set, data))?,
        None => Beside::nobody(package),
    };
    if let Some(serving) = &beside.serving {
        measure::beside(&mut gate, &serving.measured);
    }
    let verdict = beside.allows(gate.verdict(beside.comparison.as_ref()));
    Ok(Findings { gate, test, beside, verdict })
}

fn measured(
    cx: &Context,
    config: &Config,
    package: &Package,
    (set, data): (&SampleSet, &Data),
    slice: SliceName,
) -> Result<Measured> {
    let (task, judging) = (&package.task, &config.judging);
    match (&package.fitted, data) {
        (Fitted::Tabular { kernel, model, .. }, _) => {
            measure::tabular(package, (kernel, model), set, slice, judging)
        }
        (Fitted::Forecast { model, .. }, Data::Series(cube)) => {
            Ok(measure::forecast(task, model, set, cube, slice, judging))
        }
        (Fitted::Anomaly { model, .. }, Data::Panel(panel)) => {
            let (panel, grid) = &**panel;
            let truth = config.truth.as_ref();
            let truth = truth
                .map(|folder| truth::episodes(cx.root(), folder, &panel.entities))
                .transpose()?;
            let truth = truth.as_ref();
            Ok(measure::anomaly(task, (model, panel), (set, grid), truth, slice, judging))
        }
        _ => Err(StageError::new(ErrorKind::BadData, "the bundle's model is of another head")),
    }
}

/// A few numbers for the orchestrator; the rest stands in the table and in the files.
fn tell(findings: &Findings, report: &mut Report) {
    report.verdict = Some(findings.verdict.to_string());
    let own = findings.gate.metrics.iter().filter(|metric| metric.baseline.is_none());
    for metric in own.take(24) {
        if let Some(value) = metric.value {
            report.number(&metric.name, value);
        }
    }
    if let Some(events) = findings.gate.events {
        report.number("gate_events", events);
    }
    if let Some(why) = findings.beside.reason() {
        report.number("reason", why);
    }
    if let Some(why) = findings.beside.serving.as_ref().and_then(|one| one.worse.as_deref()) {
        report.number("worse_than_serving", why);
    }
}

fn files_of(findings: &Findings) -> Result<Folder> {
    let document = json!({
        "verdict": findings.verdict,
        "gate": findings.gate,
        "test": findings.test,
        "champion": findings.beside.comparison,
        "serving": findings.beside.told(),
        "reason": findings.beside.reason(),
    });
    let reason = findings.beside.reason();
    let reason = reason.map_or_else(String::new, |why| format!(": {why}"));
    let text = format!(
        "verdict {}{reason}\n\n# gate\n{}\n# test\n{}",
        findings.verdict,
        findings.gate.to_text(),
        findings.test.to_text()
    );
    Ok(Folder::new()
        .with("evaluation.json", serde_json::to_vec_pretty(&document)?)
        .with(files::METRICS, text))
}
