//! The models that speak, and what they learnt from.

use std::collections::{BTreeMap, BTreeSet};

use foresite_features::task::{HOUR, Micros, Task};
use foresite_registry::{
    Alias, Aliases, Event, EventKind, Folder, RegistryError, files, model_path,
};
use foresite_schema::catalog::outcome;
use foresite_stage::{ErrorKind, Result, StageError};
use foresite_tables::Read;
use serde::Deserialize;

use crate::source::Source;

/// Slices that a model learns from; gate and test it never saw.
const LEARNT: [&str; 3] = ["fit", "select", "calibrate"];

/// One model under an alias.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) id: String,
    pub(crate) role: Alias,
    /// The task as the model learnt it.
    pub(crate) task: Task,
    /// First and last cutoff that it learnt from.
    pub(crate) learnt: (Micros, Micros),
    /// When the truth about its last cutoff had come, of the slices that judge it as well: what began
    /// later is new to it.
    pub(crate) seen_until: Micros,
}

impl Model {
    /// Whether people see what it says.
    pub(crate) fn serves(&self) -> bool {
        self.role != Alias::Challenger
    }
}

/// What of `model.json` is needed here.
#[derive(Deserialize)]
struct Card {
    task: Task,
    spans: BTreeMap<String, (Micros, Micros)>,
}

/// A task of which somebody should speak and nobody does, or a model that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Silent {
    pub(crate) task: String,
    /// The unreadable model and its alias; `None`: no model serves.
    pub(crate) model: Option<(String, Alias)>,
    pub(crate) reason: String,
}

/// Who speaks, and who should.
#[derive(Debug, Default)]
pub(crate) struct Models {
    pub(crate) speaking: Vec<Model>,
    pub(crate) silent: Vec<Silent>,
}

impl Models {
    /// Whether a challenger of the task speaks.
    pub(crate) fn challenged(&self, task: &str) -> bool {
        self.speaking.iter().any(|model| !model.serves() && model.task.task == task)
    }
}

/// A model that the data of a day made champion is promoted so long after its end at the most.
pub(crate) const PROMOTED_WITHIN: Micros = HOUR;

/// The decisions about models until a time, by task and in order; none for a task without.
pub(crate) fn events(
    source: &mut Source<'_>,
    tasks: &BTreeSet<&str>,
    until: Micros,
) -> Result<BTreeMap<String, Vec<Event>>> {
    let mut by_task: BTreeMap<String, Vec<Event>> =
        tasks.iter().map(|task| ((*task).to_owned(), Vec::new())).collect();
    for batch in source.rows(outcome::registry_events(), Read::all())? {
        let events = Event::read(&batch).map_err(registry_error)?;
        for event in events.into_iter().filter(|event| event.at <= until) {
            by_task.entry(event.task.clone()).or_default().push(event);
        }
    }
    for events in by_task.values_mut() {
        events.sort_by_key(|event| event.seq);
    }
    Ok(by_task)
}

/// Every model under an alias at a time, such as the end of the day that is judged: who serves since has
/// nothing to do with it. One that was revoked has none. A bundle that is not what it should be is told about:
/// the others are watched nevertheless. Storage that does not answer ends the stage: a later try finds
/// the model there.
pub(crate) fn models(
    source: &mut Source<'_>,
    tasks: &BTreeSet<&str>,
    until: Micros,
) -> Result<Models> {
    let mut found = Models::default();
    for (task, events) in events(source, tasks, until)? {
        let aliases = Aliases::of(&events);
        if aliases.serving().is_none() {
            found.silent.push(Silent::none(&task, &events));
        }
        for role in [Alias::Champion, Alias::Provisional, Alias::Challenger] {
            let Some(id) = aliases.get(role) else { continue };
            match model(source, &task, id, role) {
                Ok(model) => {
                    source.inputs.add_id("model", id);
                    found.speaking.push(model);
                }
                Err(error) => found.silent.push(Silent::unread((&task, id, role), error)?),
            }
        }
    }
    Ok(found)
}

impl Silent {
    /// Nobody serves.
    fn none(task: &str, events: &[Event]) -> Self {
        let revoked = events.iter().rev().find(|event| event.kind == EventKind::Revoked);
        let reason = match revoked {
            Some(event) => format!("model {} was revoked and no other serves", event.model_id),
            None => "no model of the task was promoted yet".to_owned(),
        };
        Self { task: task.to_owned(), model: None, reason }
    }

    /// A bundle that is missing or not what it should be; any other error stays one.
    fn unread((task, id, role): (&str, &str, Alias), error: StageError) -> Result<Self> {
        if !matches!(error.kind(), ErrorKind::BadData | ErrorKind::Missing) {
            return Err(error.while_doing(format!("read model {id} of the task {task}")));
        }
        tracing::warn!(model = id, "model cannot be read: {}", error.chain());
        let reason = format!("the bundle cannot be read: {}", error.chain());
        Ok(Self { task: task.to_owned(), model: Some((id.to_owned(), role)), reason })
    }
}

fn model(source: &Source<'_>, task: &str, id: &str, role: Alias) -> Result<Model> {
    let path = format!("{}/bundle", model_path(task, id));
    let folder = Folder::read(source.cx.root(), &path).map_err(registry_error)?;
    let card = folder.file(files::MODEL).map_err(registry_error)?;
    let card: Card = serde_json::from_slice(card)?;
    let spans = || LEARNT.iter().filter_map(|slice| card.spans.get(*slice));
    let span = spans().map(|span| span.0).min().zip(spans().map(|span| span.1).max());
    let learnt = span.ok_or_else(|| {
        StageError::new(ErrorKind::BadData, format!("{path}: no slice says what it learnt from"))
    })?;
    let last = card.spans.values().map(|span| span.1).max().unwrap_or(learnt.1);
    let seen_until = last + card.task.horizon().micros();
    Ok(Model { id: id.to_owned(), role, task: card.task, learnt, seen_until })
}

fn registry_error(error: RegistryError) -> StageError {
    if let RegistryError::Storage(error) = error {
        return error.into();
    }
    StageError::new(ErrorKind::BadData, error.to_string()).because(error)
}
