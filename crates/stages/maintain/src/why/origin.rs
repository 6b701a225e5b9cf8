//! The runs behind a prediction: a walk over lineage documents.

use std::collections::{BTreeMap, BTreeSet};

use foresite_registry::{Event, model_path};
use foresite_schema::catalog::outcome;
use foresite_stage::{Context, ErrorContext as _, ErrorKind, Lineage, Result, StageError};
use foresite_tables::{Micros, Read};
use serde_json::Value as Json;

use super::row::Prediction;
use super::sources::{self, Source};

/// Digits of the id of a lineage; a file is named by the 64 of its sha256.
const LINEAGE_DIGITS: usize = 32;
/// Documents read at once.
const READERS: usize = 16;

/// One run, as its lineage document tells.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) id: String,
    pub(super) document: Json,
}

/// All that a prediction came from.
#[derive(Debug)]
pub(super) struct Origin {
    /// Runs that the prediction rests on, by id, that of predict included; training apart.
    pub(super) runs: BTreeMap<String, Run>,
    /// The run that trained the model.
    pub(super) training: Option<Run>,
    /// Decisions about the model, in order.
    pub(super) decisions: Vec<Event>,
    /// Files that landed and were read.
    pub(super) files: Vec<Source>,
}

impl Run {
    /// A word of the document; empty where it has none.
    pub(super) fn word(&self, name: &str) -> &str {
        self.document[name].as_str().unwrap_or_default()
    }

    /// The period of its slot, or of the whole run.
    pub(super) fn period(&self) -> Option<(Micros, Micros)> {
        let times = |value: &Json| {
            let ends: Vec<Micros> = value.as_array()?.iter().filter_map(Json::as_i64).collect();
            (ends.len() == 2).then(|| (ends[0], ends[1]))
        };
        times(&self.document["slot"]).or_else(|| times(&self.document["interval"]))
    }

    /// What it read: table and id.
    pub(super) fn reads(&self) -> impl Iterator<Item = (&str, &str)> {
        self.document["reads"].as_object().into_iter().flatten().flat_map(|(table, ids)| {
            let ids = ids.as_array().into_iter().flatten().filter_map(Json::as_str);
            ids.map(move |id| (table.as_str(), id))
        })
    }
}

impl Origin {
    /// Follows the documents from the run that made the row.
    ///
    /// # Errors
    /// `Missing` where a document is gone.
    pub(super) fn trace(cx: &Context, prediction: &Prediction) -> Result<Self> {
        let mut runs = BTreeMap::new();
        let mut next = BTreeSet::from([prediction.lineage_id.clone()]);
        while !next.is_empty() {
            cx.check_stop()?;
            let found = documents(cx, next.iter().cloned().collect())?;
            next = found.iter().flat_map(Run::reads).filter(is_run).map(id_of).collect();
            runs.extend(found.into_iter().map(|run| (run.id.clone(), run)));
            next.retain(|id| !runs.contains_key(id));
        }
        let files = sources::find(cx, &runs)?;
        let training = training(cx, prediction)?;
        let decisions = decisions(cx, prediction)?;
        Ok(Self { runs, training, decisions, files })
    }
}

fn is_run(&(table, id): &(&str, &str)) -> bool {
    Lineage::is_table(table)
        && id.len() == LINEAGE_DIGITS
        && id.bytes().all(|b| b.is_ascii_hexdigit())
}

fn id_of((_, id): (&str, &str)) -> String {
    id.to_owned()
}

/// Documents by id, several at once: on HDFS each is a few milliseconds of waiting.
fn documents(cx: &Context, ids: Vec<String>) -> Result<Vec<Run>> {
    let share = ids.len().div_ceil(READERS).max(1);
    let read = |ids: &[String]| ids.iter().map(|id| document(cx, id)).collect::<Result<Vec<_>>>();
    std::thread::scope(|scope| {
        let parts: Vec<_> = ids.chunks(share).map(|ids| scope.spawn(move || read(ids))).collect();
        let mut runs = Vec::with_capacity(ids.len());
        for part in parts {
            let part = part.join().map_err(|_| {
                StageError::new(ErrorKind::Internal, "a reader of lineage documents panicked")
            })?;
            runs.extend(part?);
        }
        Ok(runs)
    })
}

fn document(cx: &Context, id: &str) -> Result<Run> {
    let path = format!("lineage/{id}.json");
    let bytes = cx.root().read(&path)?;
    let document = serde_json::from_slice(&bytes).context(|| path)?;
    Ok(Run { id: id.to_owned(), document })
}

/// The training of the model, where its bundle is still there.
fn training(cx: &Context, prediction: &Prediction) -> Result<Option<Run>> {
    let path = format!("{}/bundle/model.json", model_path(&prediction.task, &prediction.model_id));
    if !cx.root().exists(&path)? {
        return Ok(None);
    }
    let model: Json = serde_json::from_slice(&cx.root().read(&path)?).context(|| path)?;
    model["lineage_id"].as_str().map(|id| document(cx, id)).transpose()
}

fn decisions(cx: &Context, prediction: &Prediction) -> Result<Vec<Event>> {
    let Some(table) = cx.root().find(outcome::registry_events())? else {
        return Ok(Vec::new());
    };
    let rows = table.read_all(&Read::all().text("task", &prediction.task))?;
    let events = Event::read(&rows)
        .map_err(|error| StageError::new(ErrorKind::BadData, "registry_events").because(error))?;
    Ok(events.into_iter().filter(|event| event.model_id == prediction.model_id).collect())
}
