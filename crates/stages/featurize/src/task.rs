//! Finds the task that a run is for.

use foresite_features::task::{Task, built_in};
use foresite_stage::{Context, ErrorKind, Inputs, Named, Result, StageError, parse_config};
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
    let folder = config.tasks.as_deref();
    let (text, origin) = Named { kind: "task", name, folder, built_in: built_in(name) }.text(cx)?;
    let task: Task = parse_config(&text, &origin)?;
    if task.task != name {
        let message = format!("{origin} at `task`: expected `{name}`, got `{}`", task.task);
        return Err(StageError::new(ErrorKind::Usage, message));
    }
    inputs.add_id("task", sha256_hex(serde_json::to_string(&task)?.as_bytes()));
    Ok(task)
}
