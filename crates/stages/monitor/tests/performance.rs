//! The stage as a process: how models did, and where the reference comes from.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, dead_code)]

mod fixture;

use fixture::models::{model, promote, say};
use fixture::{
    AS_IT_IS, DAY, HOUR, done, drift, end, network, number, performance, rows_where, text,
};
use foresite_schema::catalog::{outcome, raw, watch};
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

/// New incidents: four to six a day for three weeks, then `last` on the last day; `spoke` says under
/// which role the model spoke so many days before the end, and whether in a replay.
fn incidents(root: &Root, last: usize, marks: &str, spoke: impl Fn(i64) -> (&'static str, bool)) {
    let mut raised: Vec<(String, i64, String)> = Vec::new();
    for day in 0..20_i64 {
        let count = if day == 0 { last } else { 4 + usize::try_from(day % 3).unwrap() };
        for number in 0..count {
            let entity = format!("north/N{:03}/1", number % 12 + 1);
            raised.push((format!("I{day}-{number}"), end() - day * DAY, entity));
        }
    }
    Rows::new(raised.len())
        .text("incident_id", raised.iter().map(|row| Some(row.0.as_str())))
        .times("cutoff", raised.iter().map(|row| Some(row.1)))
        .text("task", raised.iter().map(|_| Some("anomaly")))
        .text("entity_id", raised.iter().map(|row| Some(row.2.as_str())))
        .text("state", raised.iter().map(|_| Some("new")))
        .texts("members", raised.iter().map(|row| vec![row.0.clone()]))
        .texts("member_entities", raised.iter().map(|row| vec![row.2.clone()]))
        .write(root, outcome::incidents(), end());
    let said: Vec<i64> = (0..20).map(|day| end() - day * DAY + HOUR / 2).collect();
    let ids: Vec<String> = said.iter().map(|at| format!("a{at}")).collect();
    Rows::new(said.len())
        .text("prediction_id", ids.iter().map(|id| Some(id.as_str())))
        .text("entity_type", said.iter().map(|_| Some("cell")))
        .text("entity_id", said.iter().map(|_| Some("north/N001/1")))
        .times("cutoff", said.iter().copied().map(Some))
        .text("model_id", said.iter().map(|_| Some("m1")))
        .text("role", (0..20).map(|day| Some(spoke(day).0)))
        .flags("replay", (0..20).map(|day| spoke(day).1))
        .write(root, outcome::predictions("anomaly"), end());
    let marked: Vec<&(String, i64, String)> =
        raised.iter().filter(|row| row.1 < end() - 4 * DAY).collect();
    let ids: Vec<String> = (0..marked.len()).map(|at| format!("F{at}")).collect();
    Rows::new(marked.len())
        .text("feedback_id", ids.iter().map(|id| Some(id.as_str())))
        .text("fact", marked.iter().map(|_| Some(marks)))
        .times("at", marked.iter().map(|row| Some(row.1 + HOUR)))
        .text("entity_type", marked.iter().map(|_| Some("cell")))
        .text("entity_id", marked.iter().map(|row| Some(row.2.as_str())))
        .write(root, raw::feedback(), end());
}

#[test]
fn marks_make_precision_and_a_flood_leaves_the_band() {
    for (marks, last, precision, state) in [("confirmed", 5, 1.0, "ok"), ("wrong", 60, 0.0, "warn")]
    {
        let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
        model(&root, "anomaly", "m1", (end() - 60 * DAY, end() - 4 * DAY));
        promote(&root, "anomaly", 1, "m1");
        incidents(&root, last, marks, |_| ("champion", false));
        done(&root);
        let rows = performance(&root);
        let found = rows_where(&rows, &[("task", "anomaly"), ("metric", "precision")]);
        assert_eq!(number(&rows, "value", found[0]), Some(precision));
        let found = rows_where(&rows, &[("task", "anomaly"), ("metric", "new_incidents")]);
        assert_eq!(number(&rows, "value", found[0]), Some(last as f64));
        assert_eq!(text(&rows, "state", found[0]), state, "{}", text(&rows, "reason", found[0]));
    }
}

#[test]
fn alerts_of_other_days_are_not_the_models_own() {
    let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
    model(&root, "anomaly", "m1", (end() - 60 * DAY, end() - 4 * DAY));
    promote(&root, "anomaly", 1, "m1");
    // It serves since a week, was in shadow before, and was replayed over the days before that.
    incidents(&root, 5, "confirmed", |day| match day {
        0..8 => ("champion", false),
        8..14 => ("challenger", false),
        _ => ("champion", true),
    });
    done(&root);
    let rows = performance(&root);
    let samples = |metric| {
        let found = rows_where(&rows, &[("task", "anomaly"), ("metric", metric)]);
        fixture::count(&rows, "samples", found[0])
    };
    // The days before today, and the alerts three to seven days old: 4 + 5 + 6 + 4 + 5.
    assert_eq!((samples("new_incidents"), samples("precision")), (7, 24));
}

#[test]
fn a_warning_is_judged_by_the_horizon_of_its_task() {
    let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
    model(&root, "maintenance", "m1", (end() - 90 * DAY, end() - 60 * DAY));
    promote(&root, "maintenance", 1, "m1");
    let at = end() - 35 * DAY;
    let sites: Vec<String> = (0..12).map(|site| format!("north/N{:03}", site + 1)).collect();
    let said: Vec<_> = sites.iter().map(|site| (site.as_str(), at + HOUR / 2, 720)).collect();
    say(&root, &said, 0.3);
    Rows::new(sites.len())
        .text("incident_id", sites.iter().map(|site| Some(site.as_str())))
        .times("cutoff", sites.iter().map(|_| Some(at)))
        .text("task", sites.iter().map(|_| Some("maintenance")))
        .text("entity_id", sites.iter().map(|site| Some(site.as_str())))
        .text("state", sites.iter().map(|_| Some("new")))
        .texts("members", sites.iter().map(|site| vec![site.clone()]))
        .texts("member_entities", sites.iter().map(|site| vec![site.clone()]))
        .write(&root, outcome::incidents(), end());
    // Six of them fail ten days later; one was out already, which nobody had to foretell.
    let failed = sites[..6].iter().map(|site| (site.as_str(), at + 10 * DAY, at + 11 * DAY));
    let out = std::iter::once(("north/N007", at - 2 * HOUR, at + HOUR));
    fixture::facts::tickets(&root, failed.chain(out));
    done(&root);
    let rows = performance(&root);
    let of = |metric| {
        let found = rows_where(&rows, &[("task", "maintenance"), ("metric", metric)]);
        (number(&rows, "value", found[0]).unwrap(), fixture::count(&rows, "samples", found[0]))
    };
    assert_eq!(of("precision"), (0.5, 12));
    // Six of the 24 sites of the network.
    assert_eq!(of("precision_by_chance"), (0.25, 12));
}
