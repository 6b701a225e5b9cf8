//! The train stage: fits a model of a task on a sample set and publishes its bundle.
//!
//! Reads `samples_<task>`; for heads that work on series also `kpis`, `profiles`, `inventory` and
//! `topology_edges`. Writes `models/<task>/<model_id>/bundle/` and a `registered` event. The id of
//! the model comes from the lineage, so the same inputs, configuration and code are the same model.

mod bundle;
mod card;
mod config;
mod fit;

use foresite_datasets::{Data, Reader, SampleSet, load_task, registry_error};
use foresite_features::task::Task;
use foresite_registry::{Event, EventKind, Folder, model_path};
use foresite_schema::catalog::outcome;
use foresite_stage::{Context, Lineage, NoArgs, Report, Result, Stage};
use foresite_tables::{Read, Slot, Value, sha256_hex};
use serde_json::json;

pub use config::{AnomalyConfig, Config};

/// The stage.
#[derive(Debug)]
pub struct Train;

impl Stage for Train {
    const NAME: &'static str = "train";
    const ABOUT: &'static str = "Fits a model of a task on a sample set and publishes its bundle";
    const REVISION: &'static str = env!("FORESITE_REVISION");
    type Config = Config;
    type Args = NoArgs;

    fn run(cx: &Context, config: Config, _: NoArgs) -> Result<Report> {
        let task = load_task(cx, config.tasks.as_deref())?;
        let mut reader = Reader::new(cx.root(), cx.as_of());
        reader.inputs().add_id("task", sha256_hex(serde_json::to_string(&task)?.as_bytes()));
        let set = SampleSet::read(&mut reader, &task, config.sample_set_id.as_deref())?;
        let data = Data::read(&mut reader, &task, &set)?;
        let lineage = cx.lineage(json!({"sample_set": set.id}), reader.inputs())?;
        let mut report = report(cx, &task, &set, &lineage);
        let model_id = lineage.id.chars().take(16).collect::<String>();
        let place = format!("{}/bundle", model_path(&task.task, &model_id));
        report.number("model_id", model_id.clone());
        let is_there = cx.root().exists(&format!("{place}/{}", foresite_registry::files::SUMS))?;
        if cx.is_dry_run() {
            return Ok(report);
        }
        let event = registration(cx, &task, model_id, &set);
        if is_there && !cx.is_forced() {
            // A run that was stopped after its bundle was out has not told anybody.
            register(cx, event, &lineage, &mut report)?;
            return Ok(report);
        }
        cx.check_stop()?;
        let torch = fit::torch(&config)?;
        report.number("device", torch.device().name());
        let choice = fit::choice(&config, &torch);
        let package = fit::package(&task, (&set, &data), (&config, &choice), &lineage)?;
        let measured = fit::on_gate(&package, &set, &data, &config)?;
        let card = card::card(&package, &measured);
        let folder = bundle::folder(&package, card, measured.to_text())?;
        cx.record(&lineage)?;
        let published = folder.publish(cx.root(), &place).map_err(registry_error)?;
        tracing::info!(model = event.model_id, path = package.path_name(), published, "model");
        if !published {
            compare(cx, &folder, &place)?;
        }
        report.number("path", package.path_name());
        register(cx, event, &lineage, &mut report)?;
        Ok(report)
    }
}

/// A rerun that gives another model shows in the log: the machine or libtorch is another kind.
fn compare(cx: &Context, folder: &Folder, place: &str) -> Result<()> {
    let kept = Folder::read(cx.root(), place).map_err(registry_error)?;
    if kept.sums() != folder.sums() {
        tracing::warn!(place, "the same training gave other bits; the published bundle stays");
    }
    Ok(())
}

fn report(cx: &Context, task: &Task, set: &SampleSet, lineage: &Lineage) -> Report {
    let mut report = cx.report();
    report.made_by(lineage);
    report.number("task", task.task.clone());
    report.number("sample_set_id", set.id.clone());
    report.number("entities", set.entities.len());
    report.number("samples", set.samples.iter().filter(|s| s.mask.is_none()).count());
    report
}

/// The event that the model exists.
fn registration(cx: &Context, task: &Task, model_id: String, set: &SampleSet) -> Event {
    Event {
        task: task.task.clone(),
        seq: 1,
        kind: EventKind::Registered,
        model_id,
        alias: None,
        reason: Some(format!("trained on {}", set.id)),
        person: None,
        at: cx.as_of(),
    }
}

/// Appends an event after the last one of its task, once per lineage.
fn register(cx: &Context, event: Event, lineage: &Lineage, report: &mut Report) -> Result<()> {
    let table = cx.root().table(outcome::registry_events())?;
    let rows = table.read_all(&Read::all().text("task", &event.task))?;
    let events = Event::read(&rows).map_err(registry_error)?;
    let is_this =
        |known: &Event| known.kind == EventKind::Registered && known.model_id == event.model_id;
    // A forced append takes the place of its slot's rows, which are all that was decided about the model.
    if cx.is_forced() && events.iter().any(is_this) {
        return Ok(());
    }
    let event = Event { seq: events.last().map_or(1, |last| last.seq + 1), ..event };
    let slot = Slot {
        equals: [
            ("task".to_owned(), Value::Text(event.task.clone())),
            ("model_id".to_owned(), Value::Text(event.model_id.clone())),
        ]
        .into(),
        period: None,
    };
    let row = event.row(cx.now(), &lineage.id).map_err(registry_error)?;
    cx.append(&table, &slot, &row, lineage, report)
}
