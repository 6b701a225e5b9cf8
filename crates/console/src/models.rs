//! Models: where the aliases point, who decided so, and how good each one is.

use std::collections::{BTreeMap, BTreeSet};

use foresite_registry::{Alias, Aliases, Event, EventKind, model_path};
use foresite_schema::catalog::{BUILT_IN_TASKS, outcome};
use foresite_tables::{Error, ErrorKind, Micros, Read, Result, Root};
use serde::Serialize;

use crate::clock::{self, optional, stamp};
use crate::evaluations::{Evaluation, newest_of, verdict_of};
use crate::read::resolved;
use crate::rows::Rows;

/// Models of a task beside those that an alias points to.
const MODELS: usize = 10;

/// Decisions of a task, the newest ones.
const EVENTS: usize = 50;

/// The models of every task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Models {
    /// When the tables were read.
    pub read_at: String,
    /// Tasks with a registered model, the built-in ones first.
    pub tasks: Vec<Task>,
}

/// The models of one task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Task {
    /// The task.
    pub task: String,
    /// Where the aliases point: champion, challenger, provisional.
    pub aliases: Vec<AliasOf>,
    /// Models that a rollback may name, the one that was champion last first.
    pub earlier_champions: Vec<String>,
    /// The newest models first, at most ten beside those with an alias.
    pub models: Vec<Model>,
    /// The newest 50 decisions, the last one first.
    pub events: Vec<Decision>,
}

/// An alias and its model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AliasOf {
    /// champion, challenger or provisional.
    pub alias: String,
    /// The model.
    pub model_id: String,
    /// When the alias came to point there.
    pub since: Option<String>,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// Number within the task.
    pub seq: i64,
    /// registered, promoted, rolled_back or revoked.
    pub event: String,
    /// The model.
    pub model_id: String,
    /// The alias concerned.
    pub alias: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Who decided; `null` for the pipeline.
    pub person: Option<String>,
    /// When.
    pub at: String,
}

/// A model and its newest evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Model {
    /// The model.
    pub model_id: String,
    /// Aliases that point to it.
    pub aliases: Vec<String>,
    /// Whether it may serve under no alias any more.
    pub revoked: bool,
    /// When it was registered.
    pub registered_at: Option<String>,
    /// When it was judged last.
    pub evaluated_at: Option<String>,
    /// Folder `models/<task>/<model_id>/evaluation/<id>/` of that evaluation.
    pub evaluation_id: Option<String>,
    /// PASS, FAIL or INSUFFICIENT, from the gate slice.
    pub verdict: Option<String>,
    /// Metrics by slice, the test slice first.
    pub metrics: Vec<Metric>,
}

/// One metric of one slice: the model's own value beside the baselines'.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metric {
    /// gate or test, and the group where one is named.
    pub slice: String,
    /// Name of the metric.
    pub metric: String,
    /// The model's value; `null` where the metric is a difference to a baseline.
    pub value: Option<f64>,
    /// Lower end of the 95 % interval.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Samples behind it.
    pub samples: Option<i64>,
    /// Baselines on the same samples.
    pub baselines: Vec<Baseline>,
}

/// A baseline's value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Baseline {
    /// Name of the baseline.
    pub name: String,
    /// Its value, or the difference to it.
    pub value: Option<f64>,
    /// Lower end of the 95 % interval.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

/// Reads the summary.
pub(crate) fn read(root: &Root) -> Result<Models> {
    let read_at = stamp(clock::now());
    let Some(batch) = resolved(root, outcome::registry_events(), &Read::all())? else {
        return Ok(Models { read_at, tasks: Vec::new() });
    };
    let events =
        Event::read(&batch).map_err(|error| Error::new(ErrorKind::BadData, error.to_string()))?;
    let evaluations = resolved(root, outcome::evaluations(), &Read::all())?;
    let evaluations = evaluations.as_ref().map(Rows::of).map(newest_of).unwrap_or_default();
    let mut by_task: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for event in events {
        by_task.entry(event.task.clone()).or_default().push(event);
    }
    let mut tasks: Vec<Task> =
        by_task.iter().map(|(task, events)| task_of(task, events, &evaluations)).collect();
    let place = |task: &str| BUILT_IN_TASKS.iter().position(|own| *own == task);
    tasks.sort_by_key(|task| place(&task.task).unwrap_or(usize::MAX));
    for task in &mut tasks {
        for model in &mut task.models {
            if let (None, Some(id)) = (&model.verdict, &model.evaluation_id) {
                model.verdict = verdict_of(root, &model_path(&task.task, &model.model_id), id)?;
            }
        }
    }
    Ok(Models { read_at, tasks })
}

fn task_of(task: &str, events: &[Event], evaluations: &BTreeMap<String, Evaluation>) -> Task {
    let aliases = Aliases::of(events);
    let points = [Alias::Champion, Alias::Challenger, Alias::Provisional]
        .into_iter()
        .filter_map(|alias| Some((alias, aliases.get(alias)?)));
    let aliases: Vec<AliasOf> = points
        .map(|(alias, id)| AliasOf {
            alias: alias.word().to_owned(),
            model_id: id.to_owned(),
            since: optional(pointed_at(events, alias, id)),
        })
        .collect();
    Task {
        task: task.to_owned(),
        earlier_champions: earlier_champions(events, &aliases),
        models: models(events, &aliases, evaluations),
        events: events.iter().rev().take(EVENTS).map(decision).collect(),
        aliases,
    }
}

/// When an alias came to point to a model for the last time.
fn pointed_at(events: &[Event], alias: Alias, id: &str) -> Option<Micros> {
    let of_alias = events.iter().rev().filter(|event| event.alias == Some(alias));
    of_alias.take_while(|event| event.model_id == id).last().map(|event| event.at)
}

fn is_revoked(events: &[Event], id: &str) -> bool {
    events.iter().any(|event| event.kind == EventKind::Revoked && event.model_id == id)
}

fn earlier_champions(events: &[Event], aliases: &[AliasOf]) -> Vec<String> {
    let present = aliases.iter().find(|alias| alias.alias == Alias::Champion.word());
    let mut seen: BTreeSet<&str> =
        present.map(|alias| alias.model_id.as_str()).into_iter().collect();
    let crowned = events.iter().rev().filter(|event| event.alias == Some(Alias::Champion));
    crowned
        .map(|event| event.model_id.as_str())
        .filter(|id| seen.insert(id) && !is_revoked(events, id))
        .map(str::to_owned)
        .collect()
}

fn models(
    events: &[Event],
    aliases: &[AliasOf],
    evaluations: &BTreeMap<String, Evaluation>,
) -> Vec<Model> {
    let mut seen = BTreeSet::new();
    let ids = events.iter().rev().map(|event| event.model_id.as_str());
    let newest: Vec<&str> = ids.filter(|id| seen.insert(*id)).collect();
    let aliases_of = |id: &str| -> Vec<String> {
        let own = aliases.iter().filter(|alias| alias.model_id == id);
        own.map(|alias| alias.alias.clone()).collect()
    };
    let shown = newest
        .iter()
        .enumerate()
        .filter(|(at, id)| *at < MODELS || !aliases_of(id).is_empty())
        .map(|(_, id)| *id);
    let model = |id: &str| {
        let registered =
            events.iter().find(|event| event.kind == EventKind::Registered && event.model_id == id);
        let evaluation = evaluations.get(id).cloned().unwrap_or_default();
        Model {
            model_id: id.to_owned(),
            aliases: aliases_of(id),
            revoked: is_revoked(events, id),
            registered_at: optional(registered.map(|event| event.at)),
            evaluated_at: optional(evaluation.at),
            evaluation_id: evaluation.id,
            verdict: evaluation.verdict,
            metrics: evaluation.metrics,
        }
    };
    shown.map(model).collect()
}

fn decision(event: &Event) -> Decision {
    Decision {
        seq: event.seq,
        event: event.kind.word().to_owned(),
        model_id: event.model_id.clone(),
        alias: event.alias.map(|alias| alias.word().to_owned()),
        reason: event.reason.clone(),
        person: event.person.clone(),
        at: stamp(event.at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: i64, kind: EventKind, id: &str, alias: Option<Alias>) -> Event {
        Event {
            task: "anomaly".into(),
            seq,
            kind,
            model_id: id.into(),
            alias,
            reason: None,
            person: None,
            at: seq * 60_000_000,
        }
    }

    #[test]
    fn a_rollback_may_name_who_was_champion_and_was_not_revoked() {
        use EventKind::{Promoted, Revoked, RolledBack};
        let champion = Some(Alias::Champion);
        let events = [
            event(1, Promoted, "a", champion),
            event(2, Promoted, "b", champion),
            event(3, Promoted, "c", champion),
            event(4, RolledBack, "b", champion),
            event(5, Revoked, "a", None),
        ];
        let task = task_of("anomaly", &events, &BTreeMap::new());
        assert_eq!(task.earlier_champions, ["c"]);
        assert_eq!(task.aliases[0].model_id, "b");
        assert_eq!(task.aliases[0].since.as_deref(), Some("1970-01-01T00:04:00Z"));
        let revoked: Vec<_> = task.models.iter().map(|model| model.revoked).collect();
        assert_eq!(revoked, [true, false, false]);
    }

    #[test]
    fn a_model_with_an_alias_is_never_left_out() {
        let mut events = vec![event(1, EventKind::Promoted, "old", Some(Alias::Champion))];
        let ids: Vec<String> = (0..20).map(|n| format!("m{n}")).collect();
        events.extend(
            ids.iter()
                .enumerate()
                .map(|(n, id)| event(2 + n as i64, EventKind::Registered, id, None)),
        );
        let models = task_of("anomaly", &events, &BTreeMap::new()).models;
        assert_eq!(models.len(), MODELS + 1);
        assert_eq!(models.last().map(|model| model.model_id.as_str()), Some("old"));
    }
}
