//! Which task a stage works on, and what its head means to the models.

use std::path::Path;

use foresite_features::task::{Head, Task, built_in};
use foresite_models::forecast::Limit;
use foresite_models::tabular::Link;
use foresite_stage::{Context, ErrorKind, Named, Result, StageError, parse_config};

/// The task of the run: `<task>.json` in the configured folder (relative to the configuration file),
/// or the built-in one of that name.
///
/// # Errors
/// `Usage` for a file that does not parse, an unknown name, or a file of another task.
pub fn load(cx: &Context, folder: Option<&Path>) -> Result<Task> {
    let name = cx.task()?;
    let (text, origin) = Named { kind: "task", name, folder, built_in: built_in(name) }.text(cx)?;
    let task: Task = parse_config(&text, &origin)?;
    if task.task != name {
        let message = format!("{origin} at `task`: expected `{name}`, got `{}`", task.task);
        return Err(StageError::new(ErrorKind::Usage, message));
    }
    Ok(task)
}

/// What scores of a head over feature rows mean, and how many there are; `None` for heads that work
/// on series.
pub fn link(task: &Task) -> Option<(Link, usize)> {
    match &task.head {
        Head::TimeToEvent { bins, .. } => Some((Link::LogOdds, bins.len())),
        Head::Binary {} => Some((Link::LogOdds, 1)),
        Head::Multiclass { classes } => Some((Link::Classes, classes.len())),
        Head::Regression { cap } => Some((Link::Value { cap: *cap }, 1)),
        Head::Anomaly {} | Head::Forecast { .. } => None,
    }
}

/// The limit of a forecast head, where it has one.
pub fn limit(task: &Task) -> Option<Limit> {
    match &task.head {
        Head::Forecast { limit: Some(limit), .. } => {
            Some(Limit { value: limit.value, steps: limit.steps, of_steps: limit.of_steps })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use foresite_features::task::BUILT_IN;

    use super::*;

    #[test]
    fn every_built_in_task_parses_and_has_a_model() {
        for (name, text) in BUILT_IN {
            let task: Task = parse_config(text, name).unwrap();
            assert_eq!(task.task, name);
            let on_series = matches!(task.head, Head::Anomaly {} | Head::Forecast { .. });
            assert_ne!(link(&task).is_some(), on_series);
            assert_eq!(task.stores_features(), !on_series);
        }
    }
}
