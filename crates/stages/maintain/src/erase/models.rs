//! Which models learnt from marks, by their lineage.

use std::collections::BTreeSet;

use foresite_registry::{Event, files, model_path};
use foresite_schema::catalog::outcome;
use foresite_stage::{Context, ErrorContext as _, ErrorKind, Result, StageError};
use foresite_tables::Read;
use serde_json::Value as Json;

/// Models as `<task>/<id>`.
#[derive(Default)]
pub(super) struct Models {
    /// Those that learnt from one of the files.
    pub(super) reached: Vec<String>,
    /// Those of which nobody can tell any more.
    pub(super) unread: Vec<String>,
}

impl Models {
    /// Looks through all models that were ever registered for those that read one of the files of
    /// marks.
    pub(super) fn find(cx: &Context, marks: &BTreeSet<&str>) -> Result<Self> {
        let mut models = Self::default();
        let table =
            if marks.is_empty() { None } else { cx.root().find(outcome::registry_events())? };
        let Some(table) = table else { return Ok(models) };
        let events = Event::read(&table.read_all(&Read::all())?).map_err(|error| {
            StageError::new(ErrorKind::BadData, error.to_string()).because(error)
        })?;
        let ids: BTreeSet<(String, String)> =
            events.into_iter().map(|event| (event.task, event.model_id)).collect();
        for (task, id) in ids {
            cx.check_stop()?;
            let name = format!("{task}/{id}");
            match read_marks(cx, &task, &id)? {
                Some(read) if read.iter().any(|file| marks.contains(file.as_str())) => {
                    models.reached.push(name);
                }
                Some(_) => {}
                None => models.unread.push(name),
            }
        }
        Ok(models)
    }
}

/// sha256 of the files of marks behind a model: read by its training, or by what made its samples;
/// `None` where a document is gone.
fn read_marks(cx: &Context, task: &str, id: &str) -> Result<Option<BTreeSet<String>>> {
    let card = document(cx, &format!("{}/bundle/{}", model_path(task, id), files::MODEL))?;
    let Some(lineage) = card.as_ref().and_then(|card| card["lineage_id"].as_str()) else {
        return Ok(None);
    };
    let Some(training) = run(cx, lineage)? else { return Ok(None) };
    let mut read: BTreeSet<String> = ids(&training, "feedback").map(str::to_owned).collect();
    for samples in ids(&training, &format!("samples_{task}")) {
        let Some(made) = run(cx, samples)? else { return Ok(None) };
        read.extend(ids(&made, "feedback").map(str::to_owned));
    }
    Ok(Some(read))
}

fn run(cx: &Context, lineage_id: &str) -> Result<Option<Json>> {
    document(cx, &format!("lineage/{lineage_id}.json"))
}

/// What a run read of a table.
fn ids<'a>(run: &'a Json, table: &str) -> impl Iterator<Item = &'a str> {
    run["reads"][table].as_array().into_iter().flatten().filter_map(Json::as_str)
}

fn document(cx: &Context, path: &str) -> Result<Option<Json>> {
    if !cx.root().exists(path)? {
        return Ok(None);
    }
    serde_json::from_slice(&cx.root().read(path)?).map(Some).context(|| path.to_owned())
}
