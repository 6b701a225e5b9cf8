//! The export stage: what Foresite says, in the words of the standards, for systems that read them.
//!
//! Of an interval of full hours it writes four JSON documents below `exports/`: the incidents of its
//! worklists, and the likeliest other predictions, as reports of TS 28.104, the performance of the
//! models behind them in the terms of TS 28.105, and people's feedback in those of TS 29.520. Files are
//! written once and never changed; a later clock that knows more makes an export beside the earlier
//! one. JSON Schemas of all of them stand in `docs/schemas/export`. Only what a model in one of the
//! configured roles said is exported, and no replay.

mod beside;
mod config;
mod document;
mod incidents;
mod judged;
mod marks;
mod models;
mod moment;
mod names;
mod predictions;
mod publish;
mod source;

use std::collections::{BTreeMap, BTreeSet};

use foresite_stage::{
    Context, ErrorKind, Interval, Lineage, NoArgs, Report, Result, Stage, StageError, Status,
};
use foresite_tables::Micros;

pub use config::{
    AnalyticsType, Config, FailureType, IssueDomain, Output, Role, Severities, Terms,
};

use crate::beside::Beside;
use crate::document::{Document, Header, feedback, mda, performance, predictions as others};
use crate::incidents::Incident;
use crate::models::{Evaluation, Realised};
use crate::moment::{DAY, HOUR};
use crate::names::Names;
use crate::predictions::{Prediction, Wanted};
use crate::source::Source;

/// Days that one export covers at most.
const MOST_DAYS: Micros = 31;

/// The stage.
#[derive(Debug)]
pub struct Export;

impl Stage for Export {
    const NAME: &'static str = "export";
    const ABOUT: &'static str =
        "Writes incidents, predictions, performance and feedback as JSON in the terms of 3GPP";
    const REVISION: &'static str = env!("FORESITE_REVISION");
    type Config = Config;
    type Args = NoArgs;

    fn run(cx: &Context, config: Config, _: NoArgs) -> Result<Report> {
        check(cx, &config)?;
        let interval = bounded_interval(cx.interval()?.of_full_hours()?)?;
        let mut report = cx.report();
        let mut source = Source::new(cx);
        let found = Found::read(&mut source, &config, interval, &mut report)?;
        let lineage = cx.lineage((interval.start, interval.end), &source.inputs)?;
        let header = Header {
            interval,
            known_at: source.inputs.known_at().map(|known| known.min(cx.as_of())),
            lineage_id: &lineage.id,
        };
        let documents = found.documents(&header, &config);
        tell(&mut report, &header, &lineage, &documents);
        tell_missing(&mut report, &source);
        if !cx.is_dry_run() && publish::publish(cx, &header, &lineage, &documents)? {
            report.status = Status::Done;
        }
        Ok(report)
    }
}

fn check(cx: &Context, config: &Config) -> Result<()> {
    if let Some(fault) = config.fault() {
        return Err(StageError::new(ErrorKind::Usage, format!("configuration at {fault}")));
    }
    let Some(task) = &cx.args().task else { return Ok(()) };
    // An export of one task would take the place of the whole one.
    let message = format!("task `{task}`: export writes all tasks of its configuration at once");
    Err(StageError::new(ErrorKind::Usage, message).hint("leave out --task; name tasks in `tasks`"))
}

/// An interval that one set of files can hold.
fn bounded_interval(interval: Interval) -> Result<Interval> {
    if interval.end - interval.start <= MOST_DAYS * DAY {
        return Ok(interval);
    }
    let message = format!("interval {interval}: longer than {MOST_DAYS} days");
    Err(StageError::new(ErrorKind::Usage, message).hint("export it in parts"))
}

/// Everything that the documents are made of.
struct Found {
    incidents: Vec<Incident>,
    predictions: BTreeMap<String, Prediction>,
    beside: Beside,
    marks: Vec<marks::Said>,
    /// Of the marks those on what nobody was told for its urgency, or by a model that is not heard.
    uncounted: BTreeSet<String>,
    realised: Vec<Realised>,
    evaluations: BTreeMap<String, Evaluation>,
    names: Names,
}

impl Found {
    fn read(
        source: &mut Source<'_>,
        config: &Config,
        interval: Interval,
        report: &mut Report,
    ) -> Result<Self> {
        let mut incidents = incidents::read(source, config, interval)?;
        let before = incidents.len();
        incidents.retain(|incident| is_exported(incident, config));
        report.number("incidents_left_out", before - incidents.len());
        let predictions = predictions_of(source, config, &incidents, interval)?;
        bounded(config, "predictions", predictions.len())?;
        let beside = Beside::read(source, config, &predictions, interval)?;
        report.number("predictions_left_out", beside.left_out);
        let marks = marks::read(source, config, interval)?;
        let uncounted = judged::uncounted(source, config, &marks, interval)?;
        let realised = models::realised(source, config, interval)?;
        let said = || predictions.values().chain(beside.rows.iter().map(|(_, row)| row));
        let models = said().map(|row| &row.model_id);
        let models = models.chain(realised.iter().map(|row| &row.model_id)).cloned().collect();
        let evaluations = models::evaluations(source, &models)?;
        let wanted = entities(&incidents, said(), &marks);
        let names = Names::read(source, &wanted, interval.end)?;
        Ok(Self { incidents, predictions, beside, marks, uncounted, realised, evaluations, names })
    }

    fn documents(&self, header: &Header<'_>, config: &Config) -> [Document; 4] {
        let said = mda::Said {
            config,
            incidents: &self.incidents,
            predictions: &self.predictions,
            names: &self.names,
        };
        [
            mda::document(header, &said),
            others::document(header, config, &self.beside, &self.names),
            performance::document(header, config, &self.evaluations, &self.realised),
            feedback::document(header, config, (&self.marks, &self.uncounted), &self.names),
        ]
    }
}

/// Whether an incident of a configured task is of a model that may be heard. Only the list's row says
/// whose it is: an open incident without one is left out. A closed one never has one, and taking
/// back what nobody heard of hurts nobody.
fn is_exported(incident: &Incident, config: &Config) -> bool {
    let role = incident.item.as_ref().and_then(|item| item.model_role.as_deref());
    role.map_or(incident.state == "closed", |role| config.hears(role))
}

/// The predictions that the incidents name. A list may rest on statements of some days before, and a
/// task speaks some minutes after the end of its data, never an hour.
fn predictions_of(
    source: &mut Source<'_>,
    config: &Config,
    incidents: &[Incident],
    interval: Interval,
) -> Result<BTreeMap<String, Prediction>> {
    let days = Micros::from(config.prediction_days.get()) * DAY;
    let period = (interval.start - days, interval.end + HOUR);
    let mut found = BTreeMap::new();
    for terms in &config.tasks {
        let of = incidents.iter().filter(|incident| incident.task == terms.task);
        let ids = of.flat_map(|incident| &incident.members).map(String::as_str).collect();
        let wanted = Wanted { ids, config };
        bounded(config, "predictions", wanted.ids.len())?;
        if !wanted.ids.is_empty() {
            found.extend(predictions::read(source, &terms.task, &wanted, period)?);
        }
    }
    Ok(found)
}

/// Every entity that a document names.
fn entities<'a>(
    incidents: &'a [Incident],
    predictions: impl Iterator<Item = &'a Prediction>,
    marks: &'a [marks::Said],
) -> BTreeSet<&'a str> {
    let of_incidents =
        incidents.iter().flat_map(|of| of.member_entities.iter().chain([&of.entity_id]));
    let of_predictions = predictions.map(|row| &row.entity_id);
    let of_marks = marks.iter().filter_map(|said| said.entity_id.as_ref());
    of_incidents.chain(of_predictions).chain(of_marks).map(String::as_str).collect()
}

/// Memory follows from the configuration and not from the input.
fn bounded(config: &Config, what: &str, rows: usize) -> Result<()> {
    let most = config.most_rows.get();
    if rows <= most {
        return Ok(());
    }
    let message = format!("more {what} than the {most} that `most_rows` allows");
    Err(StageError::new(ErrorKind::BadData, message)
        .hint("export a shorter interval, or raise `most_rows` with the stage's memory"))
}

fn tell(report: &mut Report, header: &Header<'_>, lineage: &Lineage, documents: &[Document]) {
    report.made_by(lineage);
    report.number("folder", publish::export_folder(header.interval, lineage));
    for document in documents {
        report.number(&document.name.replace('-', "_"), document.entries);
    }
    if documents.iter().all(|document| document.entries == 0) {
        report.verdict = Some("empty".into());
    }
}

/// Tables that are not there yet. The files do not say so: they hold what an empty table gives, and
/// must not change when somebody creates it.
fn tell_missing(report: &mut Report, source: &Source<'_>) {
    let missing: Vec<&str> = source.missing.iter().map(String::as_str).collect();
    if !missing.is_empty() {
        tracing::info!(tables = missing.join(", "), "not there, exported as empty");
    }
    report.number("missing_tables", missing);
}
