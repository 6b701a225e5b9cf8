//! Finds the task that a run is for.

use std::path::Path;

use foresite_features::task::{Task, built_in};
use foresite_stage::{Context, ErrorKind, Inputs, Result, StageError, parse_config};
use foresite_tables::sha256_hex;

use crate::Config;

/// Reads the task file of `--task` and notes it among the inputs: another rule is another
/// computation.
pub(crate) fn load(cx: &Context, config: &Config, inputs: &mut Inputs) -> Result<Task> {
    named(cx, config, cx.task()?, inputs)
}

/// Reads the task file of a name.
pub(crate) fn named(
    cx: &Context,
    config: &Config,
    name: &str,
    inputs: &mut Inputs,
) -> Result<Task> {
    let (text, origin) = text_of(cx, config, name)?;
    let task: Task = parse_config(&text, &origin)?;
    if task.task != name {
        let message = format!("{origin} at `task`: expected `{name}`, got `{}`", task.task);
        return Err(StageError::new(ErrorKind::Usage, message));
    }
    inputs.add_id("task", sha256_hex(serde_json::to_string(&task)?.as_bytes()));
    Ok(task)
}

fn text_of(cx: &Context, config: &Config, name: &str) -> Result<(String, String)> {
    if let Some(folder) = &config.tasks {
        let beside = cx.args().config.as_deref().and_then(Path::parent).unwrap_or(Path::new("."));
        let path = beside.join(folder).join(format!("{name}.json"));
        if path.is_file() || built_in(name).is_none() {
            let origin = format!("task file {}", path.display());
            let text = std::fs::read_to_string(&path)
                .map_err(|error| StageError::new(ErrorKind::Usage, format!("{origin}: {error}")))?;
            return Ok((text, origin));
        }
    }
    let text = built_in(name).ok_or_else(|| {
        StageError::new(ErrorKind::Usage, format!("task `{name}`: unknown"))
            .hint("built in: anomaly, maintenance, capacity; `tasks` names a folder of others")
    })?;
    Ok((text.to_owned(), format!("built-in task {name}")))
}
