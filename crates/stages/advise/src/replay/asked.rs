//! The models that a replay asks in the place of those that served, and what they said.

use std::collections::{BTreeMap, BTreeSet};

use foresite_schema::catalog::outcome;
use foresite_stage::{Context, ErrorKind, Report, Result, StageError};
use foresite_tables::Read;

use crate::clock::Micros;
use crate::config::{Config, ListConfig};
use crate::read::{Asked, REPLAY, Rows, TASK_OFFSET};

/// The models by task.
///
/// # Errors
/// `Usage` for a task that has no list, or two models.
pub(super) fn models(config: &Config, named: &[(String, String)]) -> Result<Asked> {
    let usage = |message: String| StageError::new(ErrorKind::Usage, message);
    let mut asked = Asked::new();
    for (task, model) in named {
        if config.lists.iter().all(|list| list.task != *task) {
            let known: Vec<&str> = config.lists.iter().map(|list| list.task.as_str()).collect();
            return Err(usage(format!("`--model`: no list is of the task `{task}`"))
                .hint(format!("the configuration has lists of {}", known.join(", "))));
        }
        if asked.insert(task.clone(), model.clone()).is_some() {
            return Err(usage(format!("`--model`: the task `{task}` has two models")));
        }
    }
    Ok(asked)
}

/// The cutoffs about which each task's model speaks in its replays, as far as lists of the span use
/// them.
///
/// # Errors
/// `Missing` where a model has none there; storage errors; `Stopped`.
pub(super) fn cutoffs(
    cx: &Context,
    config: &Config,
    asked: &Asked,
    span: [Micros; 2],
) -> Result<BTreeMap<String, BTreeSet<Micros>>> {
    let mut found = BTreeMap::new();
    for list in &config.lists {
        let Some(model) = asked.get(&list.task) else { continue };
        let cutoffs = of_model(cx, list, model, span)?;
        if cutoffs.is_empty() {
            return Err(missing(&list.task, model));
        }
        found.insert(list.task.clone(), cutoffs);
    }
    Ok(found)
}

fn of_model(
    cx: &Context,
    list: &ListConfig,
    model: &str,
    [from, to]: [Micros; 2],
) -> Result<BTreeSet<Micros>> {
    let mut found = BTreeSet::new();
    let Some(table) = cx.root().find(outcome::predictions(&list.task))? else {
        return Ok(found);
    };
    let read = Read::all().period(from - list.max_age(), to + TASK_OFFSET);
    let read = read.text("source", REPLAY).text("model_id", model);
    let read = read.columns(["cutoff", "replay", "tombstone"]);
    for batch in table.scan(&read.as_of(cx.as_of()))? {
        cx.check_stop()?;
        let batch = batch?;
        let rows = Rows::of(&batch);
        let cutoff = rows.times("cutoff")?;
        for row in 0..rows.len() {
            if rows.flag("replay", row)? && !rows.flag("tombstone", row)? {
                found.insert(cutoff.required(row));
            }
        }
    }
    Ok(found)
}

fn missing(task: &str, model: &str) -> StageError {
    let message = format!("task `{task}`: no replay of model `{model}` speaks about this time");
    let call = format!("foresite-predict --task {task} --model {model}");
    StageError::new(ErrorKind::Missing, message)
        .hint(format!("`{call} --interval-start FROM --interval-end TO` makes them"))
}

/// Names each model, and about how many cutoffs it spoke.
pub(super) fn tell(
    asked: &Asked,
    cutoffs: &BTreeMap<String, BTreeSet<Micros>>,
    report: &mut Report,
) {
    for (task, model) in asked {
        report.number(&format!("{task}_model"), model.as_str());
        let spoken = cutoffs.get(task).map_or(0, BTreeSet::len);
        report.number(&format!("{task}_model_cutoffs"), spoken);
    }
}
