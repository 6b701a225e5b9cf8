//! Which task a stage works on, and what its head means to the models.

use std::path::Path;

use foresite_features::task::{Head, Task, built_in};
use foresite_models::forecast::Limit;
use foresite_models::tabular::Link;
use foresite_stage::{Context, ErrorKind, Result, StageError, parse_config};

/// The task of the run: `<task>.json` in the configured folder (relative to the configuration file),
/// or the built-in one of that name.
///
/// # Errors
/// `Usage` for a file that does not parse, an unknown name, or a file of another task.
pub fn load(cx: &Context, folder: Option<&Path>) -> Result<Task> {
    let name = cx.task()?;
    let (text, origin) = text_of(cx, folder, name)?;
    let task: Task = parse_config(&text, &origin)?;
    if task.task != name {
        let message = format!("{origin} at `task`: expected `{name}`, got `{}`", task.task);
        return Err(StageError::new(ErrorKind::Usage, message));
    }
    Ok(task)
}

fn text_of(cx: &Context, folder: Option<&Path>, name: &str) -> Result<(String, String)> {
    if let Some(folder) = folder {
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
