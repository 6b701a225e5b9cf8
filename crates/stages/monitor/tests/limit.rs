//! The stage as a process: what lists of a task that dates a limit stated, beside what its series did.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, dead_code)]

mod fixture;

use fixture::models::promote;
use fixture::{DAY, HOUR, count, done, end, network, number, performance, rows_where};
use foresite_registry::Folder;
use foresite_schema::catalog::outcome;
use foresite_tables::Root;
use foresite_testkit::Rows;

/// Cells that are named, and one that is not.
const SOON: &str = "north/N001/1";
const LATE: &str = "north/N002/1";
const MISSED: &str = "south/S003/2";
/// When the lists were made.
const AGO: i64 = 12 * DAY;

/// A forecast of latency that dates its passing 60 ms on three days of seven.
fn model(root: &Root) {
    let task = serde_json::json!({
        "task": "load", "about": "When latency passes its limit.", "entity_type": "cell",
        "head": {
            "kind": "forecast", "step": "1d", "horizon": 10, "quantiles": [0.1, 0.5, 0.9],
            "limit": { "value": 60.0, "steps": 3, "of_steps": 7 },
        },
        "cutoffs": { "step": "1d", "offset": "30m" },
        "look_back": "14d",
        "inputs": { "granularity": "1d", "channels": ["latency_dl"], "aggregate": "max" },
        "label": { "rule": "value_at", "channel": "latency_dl" },
        "slices": { "rule": { "by": "time", "fractions": [0.5, 0.1, 0.15, 0.15, 0.1] } },
        "metrics": ["mase"], "baselines": ["seasonal_naive_7"],
    });
    let learnt = (end() - 50 * DAY, end() - 30 * DAY);
    let card = serde_json::json!({"task": task, "spans": {"fit": learnt, "test": (0, end())}});
    let folder = Folder::new().with("model.json", card.to_string());
    assert!(folder.publish(root, "models/load/m1/bundle").unwrap());
    promote(root, "load", 1, "m1");
}

/// A list of two cells, with what the model had said about them.
fn list(root: &Root, at: i64, probabilities: [f64; 2], misses: f64) {
    let cells = [SOON, LATE];
    let text = |of: [&'static str; 2]| of.map(Some).into_iter();
    Rows::new(2)
        .text("prediction_id", text(["p-1", "p-2"]))
        .text("entity_type", text(["cell", "cell"]))
        .text("entity_id", text(cells))
        .times("cutoff", [Some(at + HOUR / 2); 2].into_iter())
        .longs("horizon_s", [10 * 86_400; 2].into_iter())
        .text("model_id", text(["m1", "m1"]))
        .text("role", text(["champion", "champion"]))
        .write(root, outcome::predictions("load"), end());
    let incidents = || {
        Rows::new(2)
            .text("incident_id", text(["I-1", "I-2"]))
            .times("cutoff", [Some(at); 2].into_iter())
            .text("task", text(["load", "load"]))
            .text("entity_id", text(cells))
    };
    let each = || cells.map(|cell| vec![cell.to_owned()]).into_iter();
    incidents()
        .text("state", text(["new", "new"]))
        .texts("members", each())
        .texts("member_entities", each())
        .write(root, outcome::incidents(), end());
    incidents()
        .optional_ints("rank", [Some(1), Some(2)].into_iter())
        .numbers("probability", probabilities.map(Some).into_iter())
        .write(root, outcome::worklist(), end());
    Rows::new(1)
        .times("cutoff", std::iter::once(Some(at)))
        .text("task", std::iter::once(Some("load")))
        .text("team", std::iter::once(Some("*")))
        .numbers("misses", std::iter::once(Some(misses)))
        .ints("within_s", std::iter::once(7 * 86_400))
        .write(root, outcome::list_statements(), end());
}

#[test]
fn what_a_series_did_says_what_came_of_a_list() {
    let at = end() - AGO;
    // Three days above complete a passing: after five days, after nine, and after six.
    let since = |cell: &str| match cell {
        SOON => Some(at + 2 * DAY),
        LATE => Some(at + 6 * DAY),
        MISSED => Some(at + 3 * DAY),
        _ => None,
    };
    let (_folder, root) = network(
        &|cell, hour| {
            let is_above = since(&cell.id()).is_some_and(|since| hour >= since);
            Some((if is_above { 4.0 } else { 1.0 }, 1.0))
        },
        &|_| None,
        Vec::new(),
    );
    model(&root);
    list(&root, at, [0.7, 0.4], 0.3);
    done(&root);
    let rows = performance(&root);
    for (metric, kind, scope, value, samples) in [
        ("stated_hits", "estimated", "lists", 1.1, 1),
        ("hits", "realised", "lists", 1.0, 1),
        ("stated_misses", "estimated", "lists", 0.3, 1),
        ("misses", "realised", "lists", 1.0, 1),
        // Within the ten days of the horizon both were right.
        ("precision", "realised", "alerts", 1.0, 2),
    ] {
        let wanted = [("task", "load"), ("scope", scope), ("metric", metric), ("kind", kind)];
        let found = rows_where(&rows, &wanted);
        assert_eq!(found.len(), 1, "{wanted:?}");
        let told = number(&rows, "value", found[0]).unwrap_or(f64::NAN);
        assert!((told - value).abs() < 1e-9, "{metric}: {told}, expected {value}");
        assert_eq!(count(&rows, "samples", found[0]), samples, "{metric}");
    }
}
