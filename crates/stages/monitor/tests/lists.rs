//! The stage as a process: what the lists stated beside what came.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, dead_code)]

mod fixture;

use fixture::models::{model, promote, say};
use fixture::{
    AS_IT_IS, DAY, HOUR, count, done, end, network, number, performance, rows_where, text,
};
use foresite_schema::catalog::outcome;
use foresite_tables::Root;
use foresite_testkit::Rows;

/// List, site, rank and probability of an open incident.
type Open = (i64, &'static str, Option<i32>, f64);

/// Open incidents of the lists, with their rows.
fn lists(root: &Root, open: &[Open]) {
    let ids: Vec<String> = open.iter().map(|row| format!("I-{}", row.1)).collect();
    let each = || Rows::new(open.len()).text("incident_id", ids.iter().map(|id| Some(id.as_str())));
    each()
        .times("cutoff", open.iter().map(|row| Some(row.0)))
        .text("task", open.iter().map(|_| Some("maintenance")))
        .text("entity_id", open.iter().map(|row| Some(row.1)))
        .text("state", open.iter().map(|_| Some("ongoing")))
        .texts("members", open.iter().map(|row| vec![row.1.to_owned()]))
        .texts("member_entities", open.iter().map(|row| vec![row.1.to_owned()]))
        .write(root, outcome::incidents(), end());
    each()
        .times("cutoff", open.iter().map(|row| Some(row.0)))
        .text("task", open.iter().map(|_| Some("maintenance")))
        .optional_ints("rank", open.iter().map(|row| row.2))
        .numbers("probability", open.iter().map(|row| Some(row.3)))
        .write(root, outcome::worklist(), end());
}

/// What the lists stated to miss within a week.
fn statements(root: &Root, stated: &[(i64, f64)]) {
    Rows::new(stated.len())
        .times("cutoff", stated.iter().map(|row| Some(row.0)))
        .text("task", stated.iter().map(|_| Some("maintenance")))
        .text("team", stated.iter().map(|_| Some("*")))
        .numbers("misses", stated.iter().map(|row| Some(row.1)))
        .ints("within_s", stated.iter().map(|_| 7 * 86_400))
        .write(root, outcome::list_statements(), end());
}

/// Value, samples and state of a metric of the lists.
fn of_lists(root: &Root, metric: &str, kind: &str) -> (Option<f64>, i64, String) {
    let rows = performance(root);
    let wanted = [("task", "maintenance"), ("scope", "lists"), ("metric", metric), ("kind", kind)];
    let found = rows_where(&rows, &wanted);
    assert_eq!(found.len(), 1, "{wanted:?}");
    let at = found[0];
    (number(&rows, "value", at), count(&rows, "samples", at), text(&rows, "state", at))
}

fn assert_is(found: (Option<f64>, i64, String), value: f64, what: &str) {
    assert!((found.0.unwrap() - value).abs() < 1e-9, "{what}: {found:?}, expected {value}");
    assert_eq!((found.1, found.2.as_str()), (2, "ok"), "{what}: two lists, the third is too young");
}

/// A model that spoke for two lists ten days ago, and for one of yesterday.
fn spoken(root: &Root) -> [i64; 3] {
    let at = end() - 10 * DAY;
    let cutoffs = [at, at - HOUR, end() - DAY];
    model(root, "maintenance", "m1", (end() - 90 * DAY, end() - 60 * DAY));
    promote(root, "maintenance", 1, "m1");
    let said = cutoffs.map(|at| ("north/N001", at + HOUR / 2, 720));
    say(root, &said, 0.3);
    cutoffs
}

#[test]
fn stated_hits_and_misses_stand_beside_those_that_came() {
    let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
    let [at, before, young] = spoken(&root);
    statements(&root, &[(at, 0.5), (before, 0.7), (young, 90.0)]);
    lists(
        &root,
        &[
            (at, "north/N001", Some(1), 0.6),
            (at, "north/N002", Some(2), 0.3),
            (at, "north/N003", None, 0.06),
            (before, "north/N001", Some(1), 0.5),
            (young, "north/N001", Some(1), 0.9),
        ],
    );
    let failed = [("north/N001", 2), ("north/N003", 2), ("north/N004", 3), ("north/N005", 8)];
    let failed = failed.map(|(site, days)| (site, at + days * DAY, at + days * DAY + HOUR));
    // Out already: nobody had to foretell it.
    let out = ("north/N006", before - HOUR, at + DAY);
    fixture::facts::tickets(&root, failed.into_iter().chain([out]));
    let run = done(&root);
    // By hand: 0.6 + 0.3 and 0.5 were stated; N001 was right on both lists.
    assert_is(of_lists(&root, "stated_hits", "estimated"), 0.7, "stated hits");
    assert_is(of_lists(&root, "hits", "realised"), 1.0, "hits");
    // N004 was in no incident of either list, N003 in none of the older one; N005 came too late.
    assert_is(of_lists(&root, "stated_misses", "estimated"), 0.6, "stated misses");
    assert_is(of_lists(&root, "misses", "realised"), 1.5, "misses");
    let page = root.read(run.result["numbers"]["report"].as_str().unwrap()).unwrap();
    let page = String::from_utf8(page.to_vec()).unwrap();
    for words in ["Stated misses", "Misses", "Stated hits", "Hits"] {
        assert!(page.contains(&format!(">{words}<")), "{words}");
    }
}

#[test]
fn a_list_whose_time_is_not_over_is_not_judged() {
    let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
    let [.., young] = spoken(&root);
    statements(&root, &[(young, 0.5)]);
    done(&root);
    let (value, samples, state) = of_lists(&root, "misses", "realised");
    assert_eq!((value, samples, state.as_str()), (None, 0, "unknown"));
}
