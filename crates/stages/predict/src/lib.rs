//! The predict stage: what the serving model says about every entity of a task.
//!
//! Resolves the alias, verifies sums and signature, scores the cutoffs of the interval, and writes
//! `predictions_<task>`; for detectors `alert_state` too. Without a model it ends well and says so.

mod ahead;
mod config;
mod detect;
mod rows;
mod statement;

use std::collections::BTreeMap;

use arrow::array::AsArray as _;
use arrow::datatypes::TimestampMicrosecondType;
use foresite_datasets::{
    CutoffGrid, Fitted, Package, Reader, mark_work, panel, profiles_reaching_back, registry_error,
};
use foresite_features::network::Network;
use foresite_features::profile::LOOK_BACK;
use foresite_features::task::{DAY, Micros, Task, Transform};
use foresite_models::anomaly::Anomaly;
use foresite_models::forecast::Forecaster;
use foresite_registry::{Alias, Aliases, Event, TrustedKeys, verify};
use foresite_schema::catalog::outcome;
use foresite_stage::{Context, Interval, Lineage, NoArgs, Report, Result, Stage};
use foresite_tables::{Read, Slot};

use detect::{Alert, Detector};
use statement::{Header, SOURCE, Statement};

pub use config::Config;

/// How long before it begins work may have been announced.
const ANNOUNCED_AHEAD: Micros = 92 * DAY;

/// The stage.
#[derive(Debug)]
pub struct Predict;

/// What one run says.
struct Said {
    statements: Vec<Statement>,
    /// Alert states, of a detector.
    alerts: Option<Vec<Alert>>,
}

impl Stage for Predict {
    const NAME: &'static str = "predict";
    const ABOUT: &'static str = "Scores the entities of a task with the model that serves";
    const REVISION: &'static str = env!("FORESITE_REVISION");
    type Config = Config;
    type Args = NoArgs;

    fn run(cx: &Context, config: Config, _: NoArgs) -> Result<Report> {
        let (task, interval) = (cx.task()?, cx.interval()?);
        let mut report = cx.report();
        let Some((alias, model_id)) = serving(cx, task)? else {
            tracing::warn!(task, "no model serves");
            report.verdict = Some("no_model".into());
            return Ok(report);
        };
        let package = trusted(cx, &config, task, &model_id)?;
        let mut reader = Reader::new(cx.root(), cx.as_of());
        reader.inputs().add_id("model", model_id.clone());
        let network = reader.network()?;
        let cutoffs: Vec<Micros> =
            package.task.cutoffs.of_interval(interval.start, interval.end).collect();
        let entities = in_service(&network, &package.task, &cutoffs);
        let said = say(cx, &config, (&package, &network), &mut reader, &entities)?;
        let lineage = cx.lineage((interval.start, interval.end), reader.inputs())?;
        tell(&mut report, &said, (alias, &model_id), &lineage);
        if !cx.is_dry_run() {
            write(cx, (&package.task, alias, &model_id), &said, interval, &lineage, &mut report)?;
        }
        Ok(report)
    }
}

/// The alias and model whose predictions people see.
fn serving(cx: &Context, task: &str) -> Result<Option<(Alias, String)>> {
    let Some(table) = cx.root().find(outcome::registry_events())? else {
        return Ok(None);
    };
    let rows = table.read_all(&Read::all().text("task", task))?;
    let events = Event::read(&rows).map_err(registry_error)?;
    let aliases = Aliases::of(&events);
    Ok(aliases.serving().map(|(alias, id)| (alias, id.to_owned())))
}

/// The bundle, once sums and signature hold.
fn trusted(cx: &Context, config: &Config, task: &str, model_id: &str) -> Result<Package> {
    let keys = TrustedKeys::below(cx.root(), &config.public_keys).map_err(registry_error)?;
    let bundle = verify(cx.root(), &keys, task, model_id).map_err(registry_error)?;
    Package::from_folder(&bundle)
}

/// Entities by cutoff; empty lists where there is no inventory.
fn in_service(network: &Network, task: &Task, cutoffs: &[Micros]) -> BTreeMap<Micros, Vec<String>> {
    let at = |cutoff: &Micros| {
        let ids = network.entities(&task.entity_type, *cutoff).map(str::to_owned).collect();
        (*cutoff, ids)
    };
    cutoffs.iter().map(at).collect()
}

fn say(
    cx: &Context,
    config: &Config,
    (package, network): (&Package, &Network),
    reader: &mut Reader<'_>,
    entities: &BTreeMap<Micros, Vec<String>>,
) -> Result<Said> {
    cx.check_stop()?;
    match &package.fitted {
        Fitted::Tabular { kernel, model, causes, usual, .. } => {
            let causes = causes.as_deref();
            let drivers = config.drivers;
            let scorer = rows::Scorer { package, kernel, model, causes, usual, drivers };
            Ok(Said { statements: scorer.statements(reader, entities)?, alerts: None })
        }
        Fitted::Forecast { model, .. } => {
            let statements = ahead(&package.task, model, network, reader, entities)?;
            Ok(Said { statements, alerts: None })
        }
        Fitted::Anomaly { model, .. } => {
            detect(cx, config, (package, model), network, (reader, entities))
        }
    }
}

fn ahead(
    task: &Task,
    model: &Forecaster,
    network: &Network,
    reader: &mut Reader<'_>,
    entities: &BTreeMap<Micros, Vec<String>>,
) -> Result<Vec<Statement>> {
    let (Some((&first, _)), Some((&last, _))) =
        (entities.first_key_value(), entities.last_key_value())
    else {
        return Ok(Vec::new());
    };
    // One more look-back than needed: the newest steps may be gaps.
    let start = first - 2 * task.look_back.micros();
    let cube = reader.series(task, network, (start, task.cutoffs.period_end(last)))?;
    Ok(ahead::Ahead { task, model, cube: &cube }.statements(entities))
}

fn detect(
    cx: &Context,
    config: &Config,
    (package, model): (&Package, &Anomaly),
    network: &Network,
    (reader, entities): (&mut Reader<'_>, &BTreeMap<Micros, Vec<String>>),
) -> Result<Said> {
    let task = &package.task;
    let (Some((&first, _)), Some((&last, _))) =
        (entities.first_key_value(), entities.last_key_value())
    else {
        return Ok(Said { statements: Vec::new(), alerts: None });
    };
    let step = task.cutoffs.step.micros();
    let earliest = first - i64::try_from(model.history()).unwrap_or(0) * step;
    let grid = CutoffGrid::new(task, earliest, last);
    let mut profiles = reader.profiles(task, (earliest, last))?;
    // Cutoffs of a past that nobody kept profiles of: they are built anew.
    let rebuilds = task.inputs.transform == Transform::Profile && profiles.at(last).is_none();
    let reach = if rebuilds { LOOK_BACK } else { task.inputs.granularity.micros() };
    let start = task.cutoffs.period_end(earliest) - reach;
    let cube = reader.series(task, network, (start, task.cutoffs.period_end(last)))?;
    if rebuilds {
        profiles = profiles_reaching_back(profiles, &cube, network, &grid);
    }
    let mut panel = panel(task, &cube, network, &profiles, &grid);
    if task.masks.planned_work {
        let planned = reader.planned_work(earliest - ANNOUNCED_AHEAD)?;
        mark_work(&mut panel, (task, &grid), &planned, reader.as_of());
    }
    let model_id = package.model_id();
    // State older than a day says nothing about an alert any more.
    let since = first - DAY;
    let before = detect::states_before(cx.root(), (&task.task, &model_id), (since, first))?;
    let detector = Detector {
        task,
        model,
        panel: &panel,
        grid: &grid,
        profiles: &profiles,
        network,
        drivers: config.drivers,
    };
    let (statements, alerts) = detector.statements(entities, before);
    Ok(Said { statements, alerts: Some(alerts) })
}

fn tell(report: &mut Report, said: &Said, (alias, model_id): (Alias, &str), lineage: &Lineage) {
    report.lineage_id = Some(lineage.id.clone());
    report.verdict = Some(alias.word().into());
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
    (task, alias, model_id): (&Task, Alias, &str),
    said: &Said,
    interval: Interval,
    lineage: &Lineage,
    report: &mut Report,
) -> Result<()> {
    // Cutoffs lie in (start, end] shifted by the lateness; the slot holds exactly those.
    let offset = task.cutoffs.offset.micros();
    let slot = Slot::derived(SOURCE, 0, interval.start + offset + 1, interval.end + offset + 1);
    let predictions = cx.root().table(outcome::predictions(&task.task))?;
    let header = Header {
        task: &task.task,
        entity_type: &task.entity_type,
        model_id,
        role: alias.word(),
        as_of: cx.as_of(),
        now: cx.now(),
        lineage_id: &lineage.id,
        published: published(&predictions, interval.end + offset)?,
    };
    if let Some(alerts) = &said.alerts {
        let table = cx.root().table(outcome::alert_state())?;
        let mut of_task = slot.clone();
        of_task.equals.insert("task".into(), foresite_tables::Value::Text(task.task.clone()));
        let batch = detect::batch(&header, alerts)?;
        cx.replace(&table, &of_task, &batch, lineage, report)?;
    }
    let batch = header.batch(&said.statements)?;
    cx.replace(&predictions, &slot, &batch, lineage, report)
}

/// The newest cutoff after `after` that people have been told about.
fn published(table: &foresite_tables::Table, after: Micros) -> Result<Option<Micros>> {
    let read = Read::all().columns(["cutoff", "replay"]).period(after + 1, Micros::MAX);
    let mut newest = None;
    for batch in table.scan(&read)? {
        let batch = batch?;
        let cutoffs = batch.column(0).as_primitive::<TimestampMicrosecondType>();
        let replays = batch.column(1).as_boolean();
        let told = (0..batch.num_rows()).filter(|row| !replays.value(*row));
        newest = told.map(|row| Some(cutoffs.value(row))).fold(newest, Option::max);
    }
    Ok(newest)
}
