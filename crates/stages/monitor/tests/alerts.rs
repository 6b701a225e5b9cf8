//! The stage as a process: how many alerts and marks there are, and how right the alerts were.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, dead_code)]

mod fixture;

use fixture::models::{model, promote, say};
use fixture::{AS_IT_IS, DAY, HOUR, done, end, network, number, performance, rows_where, text};
use foresite_schema::catalog::{outcome, raw};
use foresite_tables::Root;
use foresite_testkit::Rows;

/// New incidents: four to six a day for three weeks, then `last` on the last day; `spoke` says
/// under which role the model spoke so many days before the end, and whether in a replay. Marks are
/// about a task, or about none.
fn incidents(
    root: &Root,
    last: usize,
    (marks, task): (&str, Option<&str>),
    spoke: impl Fn(i64) -> (&'static str, bool),
) {
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
        .text("task", marked.iter().map(|_| task))
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
        incidents(&root, last, (marks, None), |_| ("champion", false));
        done(&root);
        let rows = performance(&root);
        let found = rows_where(&rows, &[("task", "anomaly"), ("metric", "precision")]);
        assert_eq!(number(&rows, "value", found[0]), Some(precision));
        // Two days of that, and the gate and an alert speak of it.
        let reason = text(&rows, "reason", found[0]);
        assert_eq!(text(&rows, "state", found[0]), state, "{reason}");
        assert_eq!(reason.contains("marked alerts is clearly below 0.1"), marks == "wrong");
        let found = rows_where(&rows, &[("task", "anomaly"), ("metric", "new_incidents")]);
        assert_eq!(number(&rows, "value", found[0]), Some(last as f64));
        assert_eq!(text(&rows, "state", found[0]), state, "{}", text(&rows, "reason", found[0]));
    }
}

#[test]
fn a_mark_about_another_task_says_nothing_about_an_alert() {
    for (task, right) in [("anomaly", 1.0), ("maintenance", 0.0)] {
        let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
        model(&root, "anomaly", "m1", (end() - 60 * DAY, end() - 4 * DAY));
        promote(&root, "anomaly", 1, "m1");
        incidents(&root, 5, ("confirmed", Some(task)), |_| ("champion", false));
        done(&root);
        let rows = performance(&root);
        let found = rows_where(&rows, &[("task", "anomaly"), ("metric", "precision")]);
        assert_eq!(number(&rows, "value", found[0]), Some(right), "marked for {task}");
        // That nobody marked them and no ticket came is no reason to warn.
        assert_eq!(text(&rows, "state", found[0]), "ok", "{}", text(&rows, "reason", found[0]));
    }
}

/// So many marks became known on each of the days before the end, the last day first.
fn marked(root: &Root, counts: &[usize]) {
    let days = || counts.iter().enumerate();
    let known: Vec<i64> = days()
        .flat_map(|(day, count)| {
            std::iter::repeat_n(end() - i64::try_from(day).unwrap() * DAY - HOUR, *count)
        })
        .collect();
    let ids: Vec<String> = (0..known.len()).map(|at| format!("F{at}")).collect();
    Rows::new(known.len())
        .text("feedback_id", ids.iter().map(|id| Some(id.as_str())))
        .text("fact", known.iter().map(|_| Some("wrong")))
        // What a file claims about when somebody marked something says nothing about when it came.
        .times("at", known.iter().map(|_| Some(end() - 40 * DAY)))
        .times("known_at", known.iter().copied().map(Some))
        .text("entity_type", known.iter().map(|_| Some("site")))
        .text("entity_id", known.iter().map(|_| Some("north/N001")))
        .write(root, raw::feedback(), end());
}

#[test]
fn a_flood_of_marks_leaves_the_band() {
    let of = |counts: &[usize]| {
        let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
        if !counts.is_empty() {
            marked(&root, counts);
        }
        done(&root);
        let rows = performance(&root);
        let wanted = [("task", "data"), ("metric", "marks"), ("kind", "volume")];
        let found = rows_where(&rows, &wanted);
        let told = |at: &usize| {
            (text(&rows, "state", *at), number(&rows, "value", *at), text(&rows, "reason", *at))
        };
        found.first().map(told)
    };
    let usual = [4, 6, 5, 0, 0, 7, 4, 5, 6, 4];
    let (state, value, reason) = of(&usual).unwrap();
    assert_eq!((state.as_str(), value), ("ok", Some(4.0)), "{reason}");
    let mut flood = usual;
    flood[0] = 400;
    let (state, value, reason) = of(&flood).unwrap();
    assert_eq!((state.as_str(), value), ("warn", Some(400.0)));
    assert!(reason.starts_with("400 marks on a day, "), "{reason}");
    // Days before the first mark are not days on which nobody marked anything.
    assert_eq!(of(&[400, 5]).unwrap().0, "unknown");
    assert_eq!(of(&[]), None, "where nobody ever marked anything");
}

#[test]
fn alerts_of_other_days_are_not_the_models_own() {
    let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
    model(&root, "anomaly", "m1", (end() - 60 * DAY, end() - 4 * DAY));
    promote(&root, "anomaly", 1, "m1");
    // It serves since a week, was in shadow before, and was replayed over the days before that.
    incidents(&root, 5, ("confirmed", None), |day| match day {
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

/// Twelve sites of the north with an alert 35 days ago; the moment of it.
fn warned(root: &Root) -> (Vec<String>, i64) {
    model(root, "maintenance", "m1", (end() - 90 * DAY, end() - 60 * DAY));
    promote(root, "maintenance", 1, "m1");
    let at = end() - 35 * DAY;
    let sites: Vec<String> = (0..12).map(|site| format!("north/N{:03}", site + 1)).collect();
    let said: Vec<_> = sites.iter().map(|site| (site.as_str(), at + HOUR / 2, 720)).collect();
    say(root, &said, 0.3);
    Rows::new(sites.len())
        .text("incident_id", sites.iter().map(|site| Some(site.as_str())))
        .times("cutoff", sites.iter().map(|_| Some(at)))
        .text("task", sites.iter().map(|_| Some("maintenance")))
        .text("entity_id", sites.iter().map(|site| Some(site.as_str())))
        .text("state", sites.iter().map(|_| Some("new")))
        .texts("members", sites.iter().map(|site| vec![site.clone()]))
        .texts("member_entities", sites.iter().map(|site| vec![site.clone()]))
        .write(root, outcome::incidents(), end());
    (sites, at)
}

/// Value, samples and state of a metric of the warnings.
fn of_warnings(root: &Root, metric: &str) -> (f64, i64, String) {
    let rows = performance(root);
    let found = rows_where(&rows, &[("task", "maintenance"), ("metric", metric)]);
    let value = number(&rows, "value", found[0]).unwrap();
    (value, fixture::count(&rows, "samples", found[0]), text(&rows, "state", found[0]))
}

#[test]
fn a_warning_is_judged_by_the_horizon_of_its_task() {
    let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
    let (sites, at) = warned(&root);
    // Six of them fail ten days later; one was out already, which nobody had to foretell.
    let failed = sites[..6].iter().map(|site| (site.as_str(), at + 10 * DAY, at + 11 * DAY));
    let out = std::iter::once(("north/N007", at - 2 * HOUR, at + HOUR));
    fixture::facts::tickets(&root, failed.chain(out));
    done(&root);
    assert_eq!(of_warnings(&root, "precision"), (0.5, 12, "ok".into()));
    // Six of the 24 sites of the network.
    assert_eq!(of_warnings(&root, "precision_by_chance"), (0.25, 12, "ok".into()));
}

#[test]
fn warnings_that_are_right_less_often_than_random_ones_are_worth_a_look() {
    let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
    let (_, at) = warned(&root);
    // Every site of the other region fails, and none that was warned about.
    let failed: Vec<String> = (0..12).map(|site| format!("south/S{:03}", site + 1)).collect();
    let failed = failed.iter().map(|site| (site.as_str(), at + 10 * DAY, at + 11 * DAY));
    fixture::facts::tickets(&root, failed);
    done(&root);
    assert_eq!(of_warnings(&root, "precision_by_chance"), (0.5, 12, "ok".into()));
    assert_eq!(of_warnings(&root, "precision"), (0.0, 12, "warn".into()));
}
