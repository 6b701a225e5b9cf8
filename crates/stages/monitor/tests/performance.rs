//! The stage as a process: how models did, and where the reference comes from.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, dead_code)]

mod fixture;

use fixture::models::{model, promote, say};
use fixture::{
    AS_IT_IS, DAY, HOUR, done, drift, end, network, number, performance, rows_where, text,
};
use foresite_schema::catalog::{raw, watch};
use foresite_tables::{Read, Root};
use foresite_testkit::Rows;

fn reference_end(root: &Root) -> i64 {
    let rows = root.existing(watch::drift()).unwrap().read(&Read::all()).unwrap();
    let ends = rows.column_by_name("reference_end").unwrap();
    let ends: &arrow::array::TimestampMicrosecondArray = arrow::array::AsArray::as_primitive(ends);
    ends.value(0)
}

#[test]
fn the_reference_moves_when_another_model_is_promoted() {
    let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
    model(&root, "anomaly", "m1", (end() - 60 * DAY, end() - 30 * DAY));
    promote(&root, "anomaly", 1, "m1");
    done(&root);
    assert_eq!(reference_end(&root), end() - 30 * DAY);
    assert_eq!(text(&drift(&root), "model_id", 0), "m1");
    model(&root, "anomaly", "m2", (end() - 60 * DAY, end() - 20 * DAY + HOUR));
    promote(&root, "anomaly", 2, "m2");
    done(&root);
    // Days of the reference begin at the window's hour.
    assert_eq!(reference_end(&root), end() - 20 * DAY);
    assert_eq!(text(&drift(&root), "model_id", 0), "m2");
}

/// Two weeks of predictions, one a site and day and horizon; every site of `hit` has an outage on
/// every third day.
fn maintenance(root: &Root, probability: f64, hit: usize) {
    model(root, "maintenance", "m1", (end() - 60 * DAY, end() - 30 * DAY));
    promote(root, "maintenance", 1, "m1");
    let sites: Vec<String> = (0..12).map(|site| format!("north/N{:03}", site + 1)).collect();
    let mut said: Vec<(&str, i64, i64)> = Vec::new();
    for site in &sites {
        for day in 1..=24 {
            said.extend([6, 24].map(|hours| (site.as_str(), end() - day * DAY + HOUR / 2, hours)));
        }
    }
    say(root, &said, probability);
    let outages: Vec<(String, &str, i64)> = sites[..hit]
        .iter()
        .flat_map(|site| {
            (2..24).step_by(3).map(move |day| (site.as_str(), end() - day * DAY + 8 * HOUR))
        })
        .enumerate()
        .flat_map(|(at, (site, start))| {
            let id = format!("T{at}");
            [(id.clone(), site, start), (id, site, start + HOUR)]
        })
        .collect();
    Rows::new(outages.len())
        .text("ticket_id", outages.iter().map(|row| Some(row.0.as_str())))
        .text("fact", (0..outages.len()).map(|at| Some(["opened", "closed"][at % 2])))
        .times("at", outages.iter().map(|row| Some(row.2)))
        .text("entity_type", outages.iter().map(|_| Some("site")))
        .text("entity_id", outages.iter().map(|row| Some(row.1)))
        .times("start_at", (0..outages.len()).map(|at| Some(outages[at - at % 2].2)))
        .times("end_at", (0..outages.len()).map(|at| (at % 2 == 1).then(|| outages[at].2)))
        .write(root, raw::tickets(), end());
}

fn row(root: &Root, scope: &str, metric: &str, kind: &str) -> (String, Option<f64>, String) {
    let rows = performance(root);
    let wanted = [("task", "maintenance"), ("scope", scope), ("metric", metric), ("kind", kind)];
    let found = rows_where(&rows, &wanted);
    assert_eq!(found.len(), 1, "{wanted:?}");
    let at = found[0];
    (text(&rows, "state", at), number(&rows, "value", at), text(&rows, "reason", at))
}

#[test]
fn an_estimate_holds_while_probabilities_mean_what_they_say() {
    let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
    // Every site has an outage within a day after every third cutoff.
    maintenance(&root, 1.0 / 3.0, 12);
    done(&root);
    let (state, ratio, reason) = row(&root, "1d", "events_over_expected", "realised");
    assert_eq!(state, "ok", "{ratio:?} {reason}");
    assert!((ratio.unwrap() - 1.0).abs() < 0.2, "{ratio:?}");
    let (state, brier, _) = row(&root, "1d", "brier", "realised");
    assert_eq!(state, "ok");
    let (state, estimated, _) = row(&root, "1d", "brier", "estimated");
    assert_eq!(state, "ok");
    assert!((brier.unwrap() - estimated.unwrap()).abs() < 0.05, "{brier:?} {estimated:?}");
}

#[test]
fn an_estimate_says_when_it_does_not_hold() {
    let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
    maintenance(&root, 0.02, 12);
    done(&root);
    let (state, _, reason) = row(&root, "1d", "brier", "estimated");
    assert_eq!(state, "warn");
    assert!(reason.starts_with("the estimate does not hold:"), "{reason}");
    let (state, ratio, _) = row(&root, "1d", "events_over_expected", "realised");
    assert_eq!(state, "warn");
    assert!(ratio.unwrap() > 5.0, "{ratio:?}");
}

#[test]
fn without_truth_nothing_is_claimed() {
    let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
    maintenance(&root, 0.02, 0);
    done(&root);
    let (state, _, reason) = row(&root, "6h", "brier", "realised");
    assert_eq!(state, "unknown");
    assert!(reason.contains("0 events so far"), "{reason}");
}
