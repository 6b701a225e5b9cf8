//! The step `retrain` as a process: what was measured, and what was decided from it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, dead_code)]

mod fixture;

use arrow::array::{AsArray as _, RecordBatch};
use fixture::facts::{Happening, happen};
use fixture::models::{decide_at, model_until, promote};
use fixture::{
    AS_IT_IS, Cell, DAY, done, end, monitor, monitor_at, monitor_with, network, rows_where, text,
};
use foresite_registry::EventKind;
use foresite_schema::catalog::watch;
use foresite_tables::{Read, Root};
use foresite_testkit::Rows;

fn decide(root: &Root) -> foresite_testkit::Binary {
    monitor(root).args("--step retrain")
}

fn decisions(root: &Root) -> RecordBatch {
    root.existing(watch::retrain_decisions()).unwrap().read(&Read::all()).unwrap()
}

fn list(batch: &RecordBatch, name: &str, row: usize) -> Vec<String> {
    let list = batch.column_by_name(name).unwrap().as_list::<i32>().value(row);
    list.as_string::<i32>().iter().flatten().map(str::to_owned).collect()
}

/// Latency of every cell a fifth higher since three days.
fn slower(_: Cell, at: i64) -> Option<(f64, f64)> {
    Some((if at >= end() - 3 * DAY { 1.2 } else { 1.0 }, 1.0))
}

/// The same under a third more traffic.
fn crowded(_: Cell, at: i64) -> Option<(f64, f64)> {
    Some(if at >= end() - 3 * DAY { (1.2, 1.3) } else { (1.0, 1.0) })
}

/// A champion that was promoted ten days ago and has seen nothing of the last twelve.
fn with_champion(root: &Root) {
    model_until(root, "anomaly", "m1", (end() - 60 * DAY, end() - 20 * DAY), end() - 12 * DAY);
    promote(root, "anomaly", 1, "m1");
}

#[test]
fn a_day_that_was_not_measured_is_missing() {
    let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
    let run = decide(&root).exits(66);
    assert!(run.error_line().contains("performance: no row about"), "{}", run.stderr);
    assert!(run.stderr.contains("--step measure"), "{}", run.stderr);
    assert!(root.find(watch::retrain_decisions()).unwrap().is_none());
}

#[test]
fn drift_of_half_the_channels_trains_and_the_same_day_again_changes_nothing() {
    let (_folder, root) = network(&slower, &|_| None, Vec::new());
    with_champion(&root);
    done(&root);
    let run = decide(&root).exits(0);
    assert_eq!(run.result["verdict"], "retrain", "{}", run.stderr);
    assert_eq!(run.result["numbers"]["retrain"], serde_json::json!(["anomaly"]));
    let rows = decisions(&root);
    assert_eq!(rows.num_rows(), 1);
    let told = ["task", "decision", "reason", "model_id"].map(|name| text(&rows, name, 0));
    assert_eq!(told, ["anomaly", "retrain", "drift", "m1"]);
    let evidence = list(&rows, "evidence", 0).join("; ");
    assert!(evidence.contains("1 of 2 channels moved: latency_dl"), "{evidence}");
    assert_eq!(list(&rows, "against", 0), Vec::<String>::new());
    assert_eq!(decide(&root).exits(0).status(), "unchanged");
}

/// What was measured of the champion's intervals, the day before and on the day.
fn covered(root: &Root, states: [&str; 2]) {
    let both = |text: &'static str| std::iter::repeat_n(Some(text), 2);
    Rows::new(2)
        .text("task", both("anomaly"))
        .text("model_id", both("m1"))
        .text("kind", both("coverage"))
        .text("state", states.map(Some).into_iter())
        .text("reason", both("intervals are too narrow"))
        .times("window_end", [end() - DAY, end()].map(Some).into_iter())
        .write(root, watch::performance(), end());
}

#[test]
fn intervals_speak_for_training_once_they_are_broken() {
    for (states, reason, verdict) in [
        (["warn", "warn"], "", "wait"),
        (["warn", "broken"], "", "wait"),
        (["broken", "broken"], "coverage_broken", "retrain"),
    ] {
        let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
        with_champion(&root);
        covered(&root, states);
        let run = decide(&root).exits(0);
        assert_eq!(run.result["verdict"], verdict, "{states:?}: {}", run.stderr);
        assert_eq!(text(&decisions(&root), "reason", 0), reason, "{states:?}");
    }
}

/// Games in both regions, over the whole window.
fn games(root: &Root) {
    let games = Happening {
        id: "games",
        fact: "planned",
        span: (end() - 3 * DAY, end() + DAY),
        entities: Some("north;south"),
        circle: None,
        known_at: end() - 10 * DAY,
    };
    happen(root, &[games]);
}

#[test]
fn drift_that_an_event_explains_speaks_for_nothing() {
    let (_folder, root) = network(&crowded, &|_| None, Vec::new());
    with_champion(&root);
    games(&root);
    assert!(done(&root).number("confirmed") > Some(0.0));
    assert_eq!(decide(&root).exits(0).result["verdict"], "wait");
    let rows = decisions(&root);
    assert_eq!(text(&rows, "reason", 0), "");
    let evidence = list(&rows, "evidence", 0).join("; ");
    assert!(evidence.contains("latency_dl moved for a while (*: event"), "{evidence}");
}

#[test]
fn what_gets_slower_under_the_usual_traffic_is_no_matter_of_an_event() {
    let (_folder, root) = network(&slower, &|_| None, Vec::new());
    with_champion(&root);
    games(&root);
    done(&root);
    assert_eq!(decide(&root).exits(0).result["verdict"], "retrain");
    assert_eq!(text(&decisions(&root), "reason", 0), "drift");
}

#[test]
fn what_was_lately_decided_holds_it_back_unless_somebody_asks() {
    let (_folder, root) = network(&slower, &|_| None, Vec::new());
    with_champion(&root);
    done(&root);
    earlier_decision(&root, end() - 2 * DAY);
    assert_eq!(decide(&root).exits(0).result["verdict"], "wait");
    let rows = decisions(&root);
    let today = rows_where(&rows, &[("decision", "wait")]);
    assert_eq!(list(&rows, "against", today[0]), ["cool_down"]);
    assert_eq!(text(&rows, "reason", today[0]), "drift");
    let asked = decide(&root).args("--ask anomaly --person ada").exits(0);
    assert_eq!(asked.result["verdict"], "retrain");
    let rows = decisions(&root);
    let today = rows_where(&rows, &[("asked_by", "ada")]);
    assert_eq!(text(&rows, "reason", today[0]), "asked");
    assert_eq!(list(&rows, "against", today[0]), ["cool_down"]);
}

#[test]
fn a_first_model_waits_for_days_of_values() {
    let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
    done(&root);
    assert_eq!(decide(&root).exits(0).result["verdict"], "retrain");
    assert_eq!(text(&decisions(&root), "reason", 0), "no_model");
    let mut config = fixture::config();
    config["retraining"] = serde_json::json!({"first_days": 90});
    let run = monitor_with(&root, &config).args("--step retrain").exits(0);
    assert_eq!(run.result["verdict"], "wait");
    let rows = decisions(&root);
    assert_eq!(list(&rows, "against", 0), ["too_little_truth"]);
    assert!(list(&rows, "evidence", 0).contains(&"60 days of values, 90 are needed".to_owned()));
}

#[test]
fn what_became_of_a_decision_does_not_take_it_back() {
    let (_folder, root) = network(&slower, &|_| None, Vec::new());
    with_champion(&root);
    done(&root);
    assert_eq!(decide(&root).exits(0).result["verdict"], "retrain");
    // The training that it started, half an hour after the day.
    model_until(&root, "anomaly", "m2", (end() - 60 * DAY, end() - 2 * DAY), end());
    let at = end() + DAY / 48;
    decide_at(&root, ("anomaly", 2), (EventKind::Registered, "m2"), at);
    let again = || monitor_at(&root, end() + DAY / 12).args("--step retrain");
    assert_eq!(again().exits(0).result["verdict"], "retrain");
    assert_eq!(text(&decisions(&root), "reason", 0), "drift");
}

#[test]
fn who_trained_by_hand_after_the_day_is_not_trained_twice() {
    let (_folder, root) = network(&slower, &|_| None, Vec::new());
    with_champion(&root);
    done(&root);
    decide_at(&root, ("anomaly", 2), (EventKind::Registered, "m2"), end() + DAY / 48);
    let run = monitor_at(&root, end() + DAY / 12).args("--step retrain").exits(0);
    assert_eq!(run.result["verdict"], "wait", "{}", run.stderr);
    assert_eq!(list(&decisions(&root), "against", 0), ["cool_down"]);
}

#[test]
fn nobody_learns_from_missing_data() {
    // Half of the last three days' rows are not there, and what is left is slower.
    let holes = |cell: Cell, at: i64| {
        let is_hole = at >= end() - 3 * DAY && !cell.site.is_multiple_of(3);
        if is_hole { None } else { slower(cell, at) }
    };
    let (_folder, root) = network(&holes, &|_| None, Vec::new());
    with_champion(&root);
    done(&root);
    assert_eq!(decide(&root).args("--ask anomaly").exits(0).result["verdict"], "retrain");
    let rows = decisions(&root);
    assert!(list(&rows, "against", 0).contains(&"bad_data".to_owned()));
}

#[test]
fn who_asks_names_a_task_of_the_configuration() {
    let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
    let run = decide(&root).args("--ask capacity").exits(2);
    assert!(run.error_line().contains("--ask capacity"), "{}", run.stderr);
    let run = monitor(&root).args("--ask anomaly").exits(2);
    assert!(run.error_line().contains("--step retrain"), "{}", run.stderr);
}

#[test]
fn an_erasure_that_reached_the_model_counts_where_policy_asks_for_it() {
    let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
    with_champion(&root);
    done(&root);
    let none = || std::iter::once(Vec::new());
    Rows::new(1)
        .text("epoch", [Some("2026-01-01")].into_iter())
        .texts("tables", none())
        .texts("models", std::iter::once(vec!["anomaly/m1".to_owned()]))
        .texts("unread_models", none())
        .texts("files", none())
        .write(&root, watch::erasures(), end());
    let run = decide(&root).exits(0);
    assert_eq!(run.result["numbers"]["reason_anomaly"], "none", "{}", run.stderr);
    let mut config = fixture::config();
    config["retraining"] = serde_json::json!({"retrain_on_erasure": true});
    let run = monitor_with(&root, &config).args("--step retrain").exits(0);
    assert_eq!(run.result["verdict"], "retrain", "{}", run.stderr);
    assert_eq!(run.result["numbers"]["reason_anomaly"], "erased");
    assert!(run.stderr.contains("marks of epoch 2026-01-01"), "{}", run.stderr);
}

fn earlier_decision(root: &Root, at: i64) {
    Rows::new(1)
        .text("task", [Some("anomaly")].into_iter())
        .text("decision", [Some("retrain")].into_iter())
        .text("reason", [Some("drift")].into_iter())
        .times("window_start", [Some(at - DAY)].into_iter())
        .times("window_end", [Some(at)].into_iter())
        .write(root, watch::retrain_decisions(), at);
}
