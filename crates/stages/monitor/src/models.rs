//! The models that speak, and what they learnt from.

use std::collections::BTreeMap;

use foresite_features::task::{Micros, Task};
use foresite_registry::{Alias, Aliases, Event, Folder, RegistryError, files, model_path};
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

/// Every model under an alias at the run's clock. One that was revoked has none, and a bundle that
/// cannot be read is warned about and left out: the others are watched nevertheless.
pub(crate) fn models(source: &mut Source<'_>) -> Result<Vec<Model>> {
    let mut by_task: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for batch in source.rows(outcome::registry_events(), Read::all())? {
        for event in Event::read(&batch).map_err(registry_error)? {
            by_task.entry(event.task.clone()).or_default().push(event);
        }
    }
    let mut found = Vec::new();
    for (task, mut events) in by_task {
        events.sort_by_key(|event| event.seq);
        let aliases = Aliases::of(&events);
        for role in [Alias::Champion, Alias::Provisional, Alias::Challenger] {
            let Some(id) = aliases.get(role) else { continue };
            source.inputs.add_id("model", id);
            match model(source, &task, id, role) {
                Ok(model) => found.push(model),
                Err(error) => tracing::warn!(model = id, "left out: {}", error.chain()),
            }
        }
    }
    Ok(found)
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
    Ok(Model { id: id.to_owned(), role, task: card.task, learnt })
}

fn registry_error(error: RegistryError) -> StageError {
    if let RegistryError::Storage(error) = error {
        return error.into();
    }
    StageError::new(ErrorKind::BadData, error.to_string()).because(error)
}
