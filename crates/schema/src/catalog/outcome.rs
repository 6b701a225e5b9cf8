//! What the model and advice stages write; what watches them is in [`super::watch`].

use super::{Layout as _, dated, nullable, provenance, required, table};
use crate::{DataKind, Keep, TableDef, TableKind};
use DataKind::{Bool, Double, Doubles, Int, Long, Text, Texts, Time};

/// All tables of this group that do not depend on a task.
pub fn all() -> Vec<TableDef> {
    vec![
        evaluations(),
        registry_events(),
        alert_state(),
        incidents(),
        worklist(),
        list_statements(),
    ]
}

/// `evaluations`: one metric of one model.
pub fn evaluations() -> TableDef {
    let own = vec![
        required("task", Text, "", "task of the model"),
        required("model_id", Text, "", "the evaluated model, or the baseline's name"),
        required("slice", Text, "", "gate or test, and the group where one is named"),
        required("metric", Text, "", "name of the metric"),
        nullable("value", Double, "as the metric", "point value"),
        nullable("low", Double, "as the metric", "lower end of the 95 % block-bootstrap interval"),
        nullable("high", Double, "as the metric", "upper end"),
        nullable("baseline", Text, "", "baseline this row compares with"),
        nullable("samples", Long, "", "samples behind it"),
        nullable("verdict", Text, "", "PASS, FAIL or INSUFFICIENT, on the deciding rows"),
        required("at", Time, "", "when it was evaluated"),
    ];
    table(
        "evaluations",
        "one metric, slice, model and baseline",
        TableKind::Log,
        Keep::Forever,
        "model_id slice metric baseline",
        [own, provenance()].concat(),
    )
}

/// `registry_events`: decisions about models; aliases are derived from them.
pub fn registry_events() -> TableDef {
    let own = vec![
        required("task", Text, "", "task of the model"),
        required("seq", Long, "", "number of the event within the task"),
        required("event", Text, "", "registered, promoted, rolled_back or revoked"),
        required("model_id", Text, "", "the model"),
        nullable("alias", Text, "", "champion, challenger or provisional"),
        nullable("reason", Text, "", "why"),
        nullable("person", Text, "", "who decided; null for the pipeline"),
        required("at", Time, "", "when it was decided"),
    ];
    table(
        "registry_events",
        "one decision about a model",
        TableKind::Log,
        Keep::Forever,
        "task seq",
        [own, provenance()].concat(),
    )
}

/// `predictions_<task>`: what a model said about an entity at a cutoff.
pub fn predictions(task: &str) -> TableDef {
    let own = vec![
        required("prediction_id", Text, "", "hash of task, model, entity, cutoff and horizon"),
        required("entity_type", Text, "", "type of the entity"),
        required("entity_id", Text, "", "identifier of the entity"),
        required("cutoff", Time, "", "nothing after this time was used"),
        required("horizon_s", Long, "s", "0 for a statement about the cutoff itself"),
        required("model_id", Text, "", "the model"),
        required("role", Text, "", "champion, challenger or provisional"),
        required("replay", Bool, "", "computed after a later cutoff had been published"),
        required("as_of", Time, "", "the run's clock"),
        nullable("score", Double, "", "anomaly score, class probability or predicted value"),
        nullable("p_value", Double, "", "conformal p-value of the score"),
        nullable(
            "probability",
            Double,
            "",
            "calibrated probability of the event within the horizon",
        ),
        nullable("low", Double, "as the target", "lower end of the 80 % interval"),
        nullable("median", Double, "as the target", "central forecast"),
        nullable("high", Double, "as the target", "upper end of the 80 % interval"),
        nullable("event_low_at", Time, "", "earliest plausible date of the event (p10)"),
        nullable("event_at", Time, "", "median date of the event"),
        nullable(
            "event_high_at",
            Time,
            "",
            "latest plausible date (p90); null = beyond the horizon",
        ),
        nullable(
            "values",
            Doubles,
            "as the task",
            "hazards, quantiles or class probabilities in the model's order",
        ),
        nullable("drivers", Texts, "", "`name=share (observed, expected)`, greatest first"),
        nullable("not_scored", Text, "", "why there is no score"),
    ];
    table(
        &format!("predictions_{task}"),
        "one entity, cutoff and horizon",
        TableKind::Derived,
        Keep::Days(395),
        "prediction_id replay",
        dated(own),
    )
    .layout("cutoff", "entity_id cutoff")
}

/// `alert_state`: what crosses from one cutoff to the next.
pub fn alert_state() -> TableDef {
    let own = vec![
        required("task", Text, "", "task of the model"),
        required("model_id", Text, "", "the model"),
        required("entity_id", Text, "", "identifier of the entity"),
        required("cutoff", Time, "", "state after this cutoff"),
        nullable("is_open", Bool, "", "an alert is open"),
        nullable("opened_at", Time, "", "cutoff that opened it"),
        nullable("recent", Doubles, "", "the last p-values, newest last"),
        nullable("level", Double, "", "adaptive significance level"),
        nullable("strongest", Double, "", "smallest p-value of the open alert"),
    ];
    table(
        "alert_state",
        "alert state of an entity after a cutoff",
        TableKind::Derived,
        Keep::Days(395),
        "task model_id entity_id cutoff",
        dated(own),
    )
    .layout("cutoff", "entity_id cutoff")
}

/// `incidents`: alerts that belong together, with an id that is stable over runs.
pub fn incidents() -> TableDef {
    let own = vec![
        required("incident_id", Text, "", "stable over runs"),
        required("cutoff", Time, "", "state at this cutoff"),
        nullable("task", Text, "", "task that raised it"),
        nullable("entity_type", Text, "", "type of the entity"),
        nullable("entity_id", Text, "", "the entity, or what the members share"),
        nullable("members", Texts, "", "prediction ids behind it"),
        nullable("member_entities", Texts, "", "the entities that belong to it"),
        nullable("first_seen_at", Time, "", "cutoff that first raised it"),
        nullable(
            "state",
            Text,
            "",
            "new, ongoing, worse, better or closed; check = drawn at random",
        ),
        nullable("known_cause", Text, "", "alarm, ticket or planned work that explains it already"),
        nullable("level", Double, "entities", "expected number of affected entities"),
        nullable(
            "inclusion",
            Double,
            "",
            "of a check: the probability with which it was drawn; null = listed for its urgency",
        ),
    ];
    table(
        "incidents",
        "one group of alerts at a cutoff",
        TableKind::Derived,
        Keep::Days(760),
        "incident_id cutoff",
        dated(own),
    )
    .layout("cutoff", "incident_id")
}

/// `worklist`: what people should look at, ranked within the budget.
pub fn worklist() -> TableDef {
    let own = vec![
        required("cutoff", Time, "", "list of this cutoff"),
        required("incident_id", Text, "", "the incident"),
        nullable("rank", Int, "", "1 is first; null = left out"),
        nullable("task", Text, "", "task that raised it"),
        nullable("entity_type", Text, "", "type of the entity"),
        nullable("entity_id", Text, "", "the entity"),
        nullable("title", Text, "", "one line for people"),
        nullable("evidence", Texts, "", "sentences generated from checked numbers"),
        nullable("urgency", Double, "", "ranking score"),
        nullable("probability", Double, "", "calibrated probability, where the task has one"),
        nullable(
            "traffic_at_risk_gb",
            Double,
            "GB/h",
            "downlink traffic that usually flows in the hours ahead",
        ),
        nullable("users_at_risk", Double, "", "users that are usually connected"),
        nullable(
            "act_before",
            Time,
            "",
            "latest order date, or when the accumulated risk passes what the list tolerates",
        ),
        nullable(
            "change",
            Text,
            "",
            "new, ongoing, worse or better since the last run; check = low risk, drawn at random",
        ),
        nullable("first_seen_at", Time, "", "cutoff that first raised the incident"),
        nullable("limiting_resource", Text, "", "what runs out, of a forecast"),
        nullable("event_low_at", Time, "", "earliest plausible date of the event (p10)"),
        nullable("event_at", Time, "", "median date of the event"),
        nullable("event_high_at", Time, "", "latest plausible date (p90)"),
        nullable("model_role", Text, "", "champion or provisional"),
        nullable("left_out", Text, "", "why it is not on the list"),
        nullable(
            "left_out_code",
            Text,
            "",
            "over_budget, alarm, ticket, planned_work, marked, suppressed, self_clearing or not_scored; null = on the list",
        ),
        nullable(
            "children",
            Texts,
            "",
            "alerting entities that the item stands for beside its own entity: they have no row of their own",
        ),
        nullable("team", Text, "", "who works on it; null = the lists are not split by team"),
        nullable(
            "inclusion",
            Double,
            "",
            "of a check: the probability with which it was drawn; null = listed for its urgency",
        ),
    ];
    table(
        "worklist",
        "one item at a cutoff",
        TableKind::Derived,
        Keep::Days(760),
        "cutoff incident_id",
        dated(own),
    )
    .layout("cutoff", "rank")
}

/// `list_statements`: what a list promises before anybody can know.
pub fn list_statements() -> TableDef {
    let own = vec![
        required("cutoff", Time, "", "list of this cutoff"),
        required("task", Text, "", "task of the list"),
        required("team", Text, "", "whose list it is; `*` = the lists are not split by team"),
        nullable("shift_start", Time, "", "start of the team's shift; null = a budget of each run"),
        nullable("shift_end", Time, "", "end of the shift, exclusive"),
        required("budget", Int, "", "most items on the team's lists of the shift, checks included"),
        required(
            "used",
            Int,
            "",
            "items that the lists of the shift have named so far, this one included",
        ),
        required("listed", Int, "", "items on this list, checks included"),
        required("left_out", Int, "", "open incidents that are not on it"),
        nullable(
            "hits",
            Double,
            "",
            "expected number of items of this list that are right: the sum of their calibrated probabilities, checks left aside; null = the task has no such probability, or scored nothing",
        ),
        nullable(
            "left_out_hits",
            Double,
            "",
            "expected number of right incidents among those left out, as far as they were scored; null as `hits`",
        ),
        nullable(
            "misses",
            Double,
            "",
            "expected number of entities with an event that no open incident names: the sum of the calibrated probabilities below the list's level; null as `hits`",
        ),
        nullable(
            "within_s",
            Int,
            "s",
            "how long after the cutoff an event makes the three come true; null as `hits`, or an earlier release wrote it",
        ),
    ];
    table(
        "list_statements",
        "what one list of a team promises at a cutoff",
        TableKind::Derived,
        Keep::Days(760),
        "cutoff task team",
        dated(own),
    )
    .layout("cutoff", "task team")
}
