//! Statements as output tensors: the columns that people know from `predictions_<task>`.

use std::sync::Arc;

use foresite_features::task::{Micros, SECOND};
use foresite_inference::{Answer, Request, Tensor};
use foresite_scoring::Statement;
use jiff::Timestamp;

use super::describe;
use crate::model::Loaded;
use crate::refusal::Refusal;

/// What was said about one row of the request or several, and by whom.
pub(crate) struct Said {
    pub(crate) model: Arc<Loaded>,
    pub(crate) statements: Vec<Statement>,
}

/// The answer to a request; every statement is a row of each output.
pub(crate) fn answer(
    name: &str,
    request: &Request,
    said: &[Said],
    explain: bool,
) -> Result<Answer, Refusal> {
    let Some(first) = said.first() else {
        return Err(Refusal::bad("no rows"));
    };
    let known = describe::outputs(&first.model);
    let drivers = explain.then_some("drivers");
    let wanted: Vec<&str> = match &request.outputs {
        None => known.iter().copied().chain(drivers).collect(),
        Some(names) => names.iter().map(String::as_str).collect(),
    };
    if let Some(name) = wanted.iter().find(|name| !known.contains(name) && **name != "drivers") {
        let text = format!("output `{name}`: expected one of {}, drivers", known.join(", "));
        return Err(Refusal::bad(text));
    }
    let rows: Vec<(&Loaded, &Statement)> = said
        .iter()
        .flat_map(|said| said.statements.iter().map(|statement| (&*said.model, statement)))
        .collect();
    let is_one = said.iter().all(|said| said.model.id == first.model.id);
    Ok(Answer {
        model_name: name.to_owned(),
        model_version: is_one.then(|| first.model.id.clone()),
        id: request.id.clone(),
        outputs: wanted.into_iter().map(|name| tensor(name, &rows)).collect(),
    })
}

fn tensor(name: &str, rows: &[(&Loaded, &Statement)]) -> Tensor {
    let texts = |of: &dyn Fn(&Loaded, &Statement) -> String| {
        Tensor::texts(name, rows.iter().map(|(model, statement)| of(model, statement)).collect())
    };
    let numbers = |of: fn(&Statement) -> Option<f64>| {
        let each = rows.iter().map(|(_, statement)| of(statement).unwrap_or(f64::NAN));
        Tensor::floats(name, each.collect())
    };
    let times = |of: fn(&Statement) -> Option<Micros>| {
        texts(&|_, statement| of(statement).map(stamp).unwrap_or_default())
    };
    match name {
        "prediction_id" => texts(&|model, statement| id(model, statement)),
        "entity_id" => texts(&|_, statement| statement.entity_id.clone()),
        "cutoff" => times(|statement| Some(statement.cutoff)),
        "model_id" => texts(&|model, _| model.id.clone()),
        "not_scored" => texts(&|_, statement| statement.not_scored.clone().unwrap_or_default()),
        "horizon_s" => {
            let each = rows.iter().map(|(_, statement)| statement.horizon / SECOND);
            Tensor::ints(name, each.collect())
        }
        "score" => numbers(|statement| statement.score),
        "p_value" => numbers(|statement| statement.p_value),
        "probability" => numbers(|statement| statement.probability),
        "low" => numbers(|statement| statement.low),
        "median" => numbers(|statement| statement.median),
        "high" => numbers(|statement| statement.high),
        "event_low_at" => times(|statement| statement.event_low_at),
        "event_at" => times(|statement| statement.event_at),
        "event_high_at" => times(|statement| statement.event_high_at),
        "drivers" => {
            let each = filled_up(rows, |statement| statement.drivers.as_slice(), &String::new());
            Tensor::texts(name, each).of_rows(rows.len())
        }
        _ => {
            let each = filled_up(rows, |statement| statement.values.as_slice(), &f64::NAN);
            Tensor::floats(name, each).of_rows(rows.len())
        }
    }
}

/// A row without a name is no prediction that anybody could look up.
fn id(model: &Loaded, statement: &Statement) -> String {
    if statement.entity_id.is_empty() {
        return String::new();
    }
    statement.id(&model.package.task.task, &model.id)
}

fn stamp(at: Micros) -> String {
    Timestamp::from_microsecond(at).map(|stamp| stamp.to_string()).unwrap_or_default()
}

/// The lists of all rows one after the other, each as long as the longest.
fn filled_up<T: Clone>(
    rows: &[(&Loaded, &Statement)],
    of: fn(&Statement) -> &[T],
    missing: &T,
) -> Vec<T> {
    let lists: Vec<&[T]> = rows.iter().map(|(_, statement)| of(statement)).collect();
    let most = lists.iter().map(|list| list.len()).max().unwrap_or(0);
    lists
        .into_iter()
        .flat_map(|list| list.iter().chain(std::iter::repeat(missing)).take(most))
        .cloned()
        .collect()
}
