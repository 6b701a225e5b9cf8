//! `--replay`: a policy on history, judged and never published.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "fixture/mod.rs"]
mod fixture;
#[path = "fixture/process.rs"]
mod process;
#[path = "fixture/tables.rs"]
mod tables;
#[path = "fixture/truth.rs"]
mod truth;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Output;

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::{Float64Type, Int32Type};
use fixture::CUTOFF;
use foresite_advise::advice;
use foresite_advise::clock::HOUR;
use foresite_advise::config::{Config, Teams};
use foresite_schema::catalog::{outcome, raw};
use foresite_tables::{Read, Root};
use foresite_testkit::Rows;
use process::{data_root, stage, stamp};

fn replay(root: &Path, config: &Config, span: [i64; 2]) -> (Output, serde_json::Value) {
    let [from, to] = span.map(|hours| stamp(CUTOFF + hours * HOUR));
    stage(root, config, &["--replay", &from, &to])
}

fn finished(root: &Path, config: &Config, span: [i64; 2]) -> serde_json::Value {
    let (output, result) = replay(root, config, span);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    result["numbers"].clone()
}

#[test]
fn a_policy_is_judged_by_what_people_said_later_and_nothing_is_written() {
    let mut fixture = fixture::fixture();
    // The marks below are the only ones of this data root.
    fixture.signals.marks.clear();
    let opened = advice::open_incidents(&fixture.signals, &fixture.config);
    let published = advice::advise(opened, &fixture.signals, &fixture.context, &fixture.config);
    let [anomalies, listed] = [0, 1].map(|at| {
        let listed = published.lists[at].listed.iter().map(|entry| &entry.item.incident);
        listed.filter(|incident| !incident.is_check()).collect::<Vec<_>>()
    });
    let (folder, root) = data_root();
    // Two hours after the list: it cannot have known, and what came of it is known today.
    let marked = [(listed[0], "confirmed"), (listed[1], "wrong"), (anomalies[0], "confirmed")];
    Rows::new(marked.len())
        .text("feedback_id", ["m-1", "m-2", "m-3"].map(Some).into_iter())
        .text("fact", marked.iter().map(|(_, fact)| Some(*fact)))
        .times("at", marked.iter().map(|_| Some(CUTOFF + 2 * HOUR)))
        .text("prediction_id", marked.iter().map(|(one, _)| Some(one.prediction_ids[0].as_str())))
        .text("person", marked.iter().map(|_| Some("Kim")))
        .write(&root, raw::feedback(), CUTOFF + 3 * HOUR);
    tables::write(&fixture, &root);

    let numbers = finished(folder.path(), &Config::default(), [0, 0]);
    assert_eq!(numbers["cutoffs"], 1, "one hour has predictions");
    assert_eq!(numbers["anomaly_incidents"], anomalies.len());
    assert_eq!(numbers["maintenance_incidents"], listed.len());
    let stated: f64 = listed.iter().map(|incident| incident.probability()).sum();
    assert!((numbers["maintenance_stated_hits"].as_f64().unwrap() - stated).abs() < 1e-3);
    let misses: Option<f64> = published.lists[1].statements.iter().map(|said| said.misses).sum();
    let told = numbers["maintenance_stated_misses"].as_f64().unwrap();
    assert!((told - misses.unwrap()).abs() < 1e-3, "{told}");
    assert_eq!([&numbers["maintenance_judged"], &numbers["maintenance_judged_right"]], [2, 1]);
    let stated = listed[0].probability() + listed[1].probability();
    assert!((numbers["maintenance_judged_stated"].as_f64().unwrap() - stated).abs() < 1e-3);
    // A detector's bounds are judged as right or wrong, and never summed.
    assert_eq!([&numbers["anomaly_judged"], &numbers["anomaly_judged_right"]], [1, 1]);
    for name in ["anomaly_stated_hits", "anomaly_stated_misses", "anomaly_judged_stated"] {
        assert!(numbers.get(name).is_some_and(serde_json::Value::is_null), "{name}");
    }

    assert!(root.find(outcome::worklist()).unwrap().is_none(), "nothing is published");
    assert!(!root.exists("reports/latest.html").unwrap());
}

#[test]
fn another_policy_gives_other_lists() {
    let (folder, root) = data_root();
    tables::write(&fixture::fixture(), &root);
    let teams: Teams = serde_json::from_str("{}").unwrap();
    let mut config = Config { teams: Some(teams), ..Config::default() };
    config.lists[0].budget = 2;
    let numbers = finished(folder.path(), &config, [0, 0]);
    assert_eq!([&numbers["anomaly_most_on_a_list"], &numbers["anomaly_incidents"]], [2, 1]);
    assert_eq!(numbers["anomaly_places_over_budget"], 0);
    assert!(numbers["anomaly_left_out_over_budget"].as_u64().unwrap() > 0);
}

/// The fixture with another hour of predictions, in which one cell got much surer, and one is no more
/// than a cell among others.
fn two_hours() -> fixture::Fixture {
    let mut fixture = fixture::fixture();
    let own = fixture.signals.predictions.iter().filter(|row| row.task == "anomaly");
    let later = own.cloned().map(|mut row| {
        row.cutoff += HOUR;
        row.prediction_id += "-later";
        match row.entity_id.as_str() {
            "north/N015/1/n28" => row.p_value = Some(1e-9),
            "north/N007/2/n78" => row.p_value = Some(0.3),
            _ => {}
        }
        row
    });
    let later: Vec<_> = later.collect();
    fixture.signals.predictions.extend(later);
    fixture
}

/// What the published lists of two hours named and left out, as the result of a replay counts it.
#[derive(Default)]
struct Published {
    named: BTreeMap<String, BTreeSet<String>>,
    /// Of what each list named, the probabilities.
    stated: BTreeMap<String, Vec<f64>>,
    left_out: BTreeMap<String, BTreeSet<String>>,
    most: BTreeMap<String, usize>,
}

fn published(root: &Root) -> Published {
    let mut found = Published::default();
    for hour in 0..2 {
        let cutoff = CUTOFF + hour * HOUR;
        let table = root.existing(outcome::worklist()).unwrap();
        let rows = table.read(&Read::all().period(cutoff, cutoff + 1)).unwrap();
        let text = |name: &str, row| {
            rows.column_by_name(name).unwrap().as_string::<i32>().value(row).to_owned()
        };
        let rank = rows.column_by_name("rank").unwrap().as_primitive::<Int32Type>();
        let sure = rows.column_by_name("probability").unwrap().as_primitive::<Float64Type>();
        let mut lengths: BTreeMap<String, usize> = BTreeMap::new();
        for row in 0..rows.num_rows() {
            let (task, id) = (text("task", row), text("incident_id", row));
            if rank.is_null(row) {
                let key = format!("{task}_left_out_{}", text("left_out_code", row));
                found.left_out.entry(key).or_default().insert(id);
                continue;
            }
            *lengths.entry(task.clone()).or_default() += 1;
            if text("change", row) != "check" {
                found.named.entry(task.clone()).or_default().insert(id);
                found.stated.entry(task).or_default().push(sure.value(row));
            }
        }
        for (task, length) in lengths {
            let most = found.most.entry(task).or_default();
            *most = length.max(*most);
        }
    }
    found
}

#[test]
fn a_replay_of_the_same_policy_names_what_was_published() {
    let fixture = two_hours();
    let teams: Teams = serde_json::from_str("{}").unwrap();
    let mut config = Config { teams: Some(teams), ..Config::default() };
    config.lists[0].budget = 3;
    let (folder, root) = data_root();
    tables::write(&fixture, &root);
    for hour in 0..2 {
        let [start, end, as_of] = [hour * HOUR - HOUR, hour * HOUR, hour * HOUR + HOUR / 3]
            .map(|offset| stamp(CUTOFF + offset));
        let interval = ["--interval-start", &start, "--interval-end", &end, "--as-of", &as_of];
        let (output, _) = stage(folder.path(), &config, &interval);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let expected = published(&root);
    let (other, bare) = data_root();
    tables::write(&fixture, &bare);
    // Whether the lists were published or not, the replay goes on from its own.
    for folder in [&folder, &other] {
        let numbers = finished(folder.path(), &config, [0, 1]);
        assert_eq!(numbers["cutoffs"], 2);
        assert_eq!(numbers["hours_without_predictions"], 0);
        for (task, named) in &expected.named {
            assert_eq!(numbers[format!("{task}_incidents")], named.len(), "{task}");
            assert_eq!(numbers[format!("{task}_most_on_a_list")], expected.most[task], "{task}");
            let of_lists = &expected.stated[task];
            let means = [of_lists.len() as f64 / 2.0, of_lists.iter().sum::<f64>() / 2.0];
            for (name, mean) in ["mean_on_a_list", "stated_hits"].into_iter().zip(means) {
                match numbers[format!("{task}_{name}")].as_f64() {
                    Some(told) => assert!((told - mean).abs() < 1e-3, "{task}_{name}: {told}"),
                    None => assert_eq!(task, "anomaly"),
                }
            }
        }
        for (reason, incidents) in &expected.left_out {
            assert_eq!(numbers[reason], incidents.len(), "{reason}");
        }
    }
    assert!(expected.left_out.contains_key("anomaly_left_out_over_budget"));
}

#[test]
fn what_came_of_a_list_is_what_came_in_its_own_time() {
    let (folder, root) = data_root();
    tables::write(&two_hours(), &root);
    truth::truth(&root, "anomalies", "cell_id", &[]);
    // Of the four listed risks one fails within a week of both lists, one within that of the second only.
    let failures = [("north/N005", 60, 64), ("north/N009", 169, 170), ("north/N001", 10, 12)];
    truth::truth(&root, "failures", "site_id", &failures);
    // Of the three listed sectors one passes the limit within 60 days.
    truth::busy_hours(&root, &[("north/N002/1", 20), ("north/N013/1", 80)]);
    let numbers = finished(folder.path(), &Config::default(), [0, 1]);
    for (name, expected) in [
        ("maintenance_mean_on_a_list", 4.0),
        ("maintenance_hits", 1.5),
        ("maintenance_precision", 0.5),
        // Nobody named the third.
        ("maintenance_misses", 1.0),
        ("capacity_mean_on_a_list", 3.0),
        ("capacity_hits", 1.0),
        ("capacity_precision", 0.3333),
    ] {
        assert_eq!(numbers[name], expected, "{name}");
    }
    for name in ["anomaly_mean_on_a_list", "anomaly_hits", "anomaly_misses"] {
        assert!(
            numbers.get(name).is_some_and(serde_json::Value::is_null),
            "states nothing: {name}"
        );
    }
}

#[test]
fn what_nobody_knew_yet_is_not_replayed() {
    let (folder, root) = data_root();
    tables::write(&two_hours(), &root);
    let [from, to] = [0, 3].map(|hours| stamp(CUTOFF + hours * HOUR));
    for (as_of, cutoffs, verdict) in [(-1, 0, "no_predictions"), (0, 1, "replay"), (9, 2, "replay")]
    {
        let as_of = stamp(CUTOFF + as_of * HOUR);
        let more = ["--replay", &from, &to, "--as-of", &as_of];
        let (output, result) = stage(folder.path(), &Config::default(), &more);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(result["verdict"], verdict, "{as_of}");
        let numbers = &result["numbers"];
        assert_eq!(
            [&numbers["cutoffs"], &numbers["hours_without_predictions"]],
            [cutoffs, 4 - cutoffs]
        );
    }
}

#[test]
fn a_span_that_is_none_is_refused() {
    let (folder, _) = data_root();
    let (output, _) = replay(folder.path(), &Config::default(), [1, 0]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("expected FROM before TO"));
}
