//! The worklist as a contract: suppressions, budgets by team and shift, what a list states.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "fixture/mod.rs"]
mod fixture;
#[path = "fixture/tables.rs"]
mod tables;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{Float64Type, Int32Type};
use fixture::CUTOFF;
use foresite_advise::clock::{HOUR, Micros};
use foresite_advise::config::{Config, Teams};
use foresite_advise::incidents::{Change, PriorIncident};
use foresite_schema::TableDef;
use foresite_schema::catalog::{outcome, raw};
use foresite_tables::{Read, Root};
use foresite_testkit::Rows;

fn config() -> Config {
    fixture::fixture().config
}

/// Runs the stage for the hour that ends `hours` after the fixture's cutoff.
fn advise(root: &Path, hours: i64, config: &Config) -> serde_json::Value {
    let at = |micros: Micros| jiff::Timestamp::from_microsecond(micros).unwrap().to_string();
    let end = CUTOFF + hours * HOUR;
    let (file, result) = (root.join("advise.json"), root.join("result.json"));
    std::fs::write(&file, serde_json::to_vec(config).unwrap()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_foresite-advise"))
        .env("FORESITE_LOG", "lines")
        .args(["--data-root", root.to_str().unwrap(), "--result", result.to_str().unwrap()])
        .args(["--config", file.to_str().unwrap(), "--as-of", &at(end + HOUR / 3)])
        .args(["--interval-start", &at(end - HOUR), "--interval-end", &at(end)])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&std::fs::read(&result).unwrap()).unwrap()
}

fn data_root() -> (tempfile::TempDir, Root) {
    data_root_of(&fixture::fixture())
}

fn data_root_of(fixture: &fixture::Fixture) -> (tempfile::TempDir, Root) {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    root.create().unwrap();
    tables::write(fixture, &root);
    (folder, root)
}

fn rows(root: &Root, def: TableDef, hours: i64) -> RecordBatch {
    let cutoff = CUTOFF + hours * HOUR;
    root.existing(def).unwrap().read(&Read::all().period(cutoff, cutoff + 1)).unwrap()
}

fn text(rows: &RecordBatch, name: &str, row: usize) -> String {
    let column = rows.column_by_name(name).unwrap().as_string::<i32>();
    if column.is_valid(row) { column.value(row).to_owned() } else { String::new() }
}

fn number(rows: &RecordBatch, name: &str, row: usize) -> Option<f64> {
    let column = rows.column_by_name(name).unwrap().as_primitive::<Float64Type>();
    column.is_valid(row).then(|| column.value(row))
}

fn whole(rows: &RecordBatch, name: &str, row: usize) -> Option<i32> {
    let column = rows.column_by_name(name).unwrap().as_primitive::<Int32Type>();
    column.is_valid(row).then(|| column.value(row))
}

/// Incident ids of a task's rows that `keep` keeps.
fn incidents(rows: &RecordBatch, task: &str, keep: impl Fn(usize) -> bool) -> BTreeSet<String> {
    let own = (0..rows.num_rows()).filter(|row| text(rows, "task", *row) == task && keep(*row));
    own.map(|row| text(rows, "incident_id", row)).collect()
}

/// The row of a team's list.
fn statement(said: &RecordBatch, task: &str, team: &str) -> usize {
    let is_own = |row: &usize| text(said, "task", *row) == task && text(said, "team", *row) == team;
    (0..said.num_rows()).find(is_own).unwrap()
}

/// Id, fact, hours of decision, start and end after the fixture's cutoff, owner, entity.
type Said<'a> = (&'a str, &'a str, [Option<i64>; 3], &'a str, &'a str);

fn suppress(root: &Root, said: &[Said<'_>]) {
    let at = |hours: Option<i64>| hours.map(|hours| CUTOFF + hours * HOUR);
    Rows::new(said.len())
        .text("suppression_id", said.iter().map(|one| Some(one.0)))
        .text("fact", said.iter().map(|one| Some(one.1)))
        .times("at", said.iter().map(|one| at(one.2[0])))
        .times("start_at", said.iter().map(|one| at(one.2[1])))
        .times("end_at", said.iter().map(|one| at(one.2[2])))
        .text("owner", said.iter().map(|one| Some(one.3).filter(|owner| !owner.is_empty())))
        .text("reason", said.iter().map(|_| Some("acceptance test")))
        .text("entity_id", said.iter().map(|one| Some(one.4)))
        .text("task", said.iter().map(|_| Some("anomaly")))
        .write(root, raw::suppressions(), CUTOFF);
}

/// The incidents of the list of anomalies and the entity of its first item.
fn plain() -> (BTreeSet<String>, String) {
    let (folder, root) = data_root();
    advise(folder.path(), 0, &config());
    let list = rows(&root, outcome::worklist(), 0);
    let is_first = |row: &usize| {
        whole(&list, "rank", *row) == Some(1) && text(&list, "task", *row) == "anomaly"
    };
    let first = (0..list.num_rows()).find(is_first).unwrap();
    (incidents(&list, "anomaly", |_| true), text(&list, "entity_id", first))
}

#[test]
fn a_suppression_hides_nothing() {
    let (all, entity) = plain();
    let (folder, root) = data_root();
    suppress(&root, &[("s-1", "set", [Some(-2), None, Some(72)], "Kim", &entity)]);
    let result = advise(folder.path(), 0, &config());
    assert_eq!(result["numbers"]["left_out_suppressed"], 1);
    assert_eq!(result["numbers"]["unknown_suppressions"], 0);
    let list = rows(&root, outcome::worklist(), 0);
    let places = |row: usize| whole(&list, "rank", row).is_some();
    // The place that became free may go to another check of the day, never to nothing.
    assert!(incidents(&list, "anomaly", |_| true).is_superset(&all), "all are told of");
    let code = |row: &usize| text(&list, "left_out_code", *row) == "suppressed";
    let row = (0..list.num_rows()).find(code).unwrap();
    assert_eq!(text(&list, "entity_id", row), entity);
    assert!(!places(row));
    let reason = text(&list, "left_out", row);
    assert_eq!(reason, "Suppressed by Kim until 2026-03-12 14:00 UTC: acceptance test");
    let page = root.read("reports/20260309T1400Z/report.html").unwrap();
    assert!(String::from_utf8(page.to_vec()).unwrap().contains(&reason), "in the report, too");
}

#[test]
fn an_expired_a_future_a_lifted_and_a_faulty_suppression_do_nothing() {
    let (_, entity) = plain();
    let (folder, root) = data_root();
    suppress(
        &root,
        &[
            ("expired", "set", [Some(-5), None, Some(0)], "Kim", &entity),
            ("future", "set", [Some(-5), Some(1), Some(3)], "Kim", &entity),
            ("lifted", "set", [Some(-5), None, Some(3)], "Kim", &entity),
            ("lifted", "lifted", [Some(-1), None, None], "Lee", &entity),
            ("unowned", "set", [Some(-5), None, Some(3)], "", &entity),
            ("blank", "set", [Some(-5), None, Some(3)], " ", &entity),
            ("endless", "set", [Some(-5), None, None], "Kim", &entity),
            ("far", "set", [Some(-5), None, Some(93 * 24)], "Kim", &entity),
        ],
    );
    let result = advise(folder.path(), 0, &config());
    assert_eq!(result["numbers"]["left_out_suppressed"], 0);
}

#[test]
fn what_a_list_named_is_not_held_back_afterwards() {
    let mut fixture = fixture::fixture();
    // Many alerts of cells ended by themselves after two hours.
    let own = fixture.signals.prior.iter().find(|one| one.task == "anomaly").unwrap().clone();
    let ended = (0..25).map(|at| PriorIncident {
        incident_id: format!("inc-ended-{at}"),
        entity_id: format!("gone/{at}"),
        member_entities: BTreeSet::from([format!("gone/{at}")]),
        cutoff: CUTOFF - 5 * HOUR,
        first_seen_at: CUTOFF - 7 * HOUR,
        change: Change::Closed,
        ..own.clone()
    });
    let ended: Vec<PriorIncident> = ended.collect();
    fixture.signals.prior.extend(ended);
    let mut holding = config();
    holding.lists[0].hold_back_hours = 3;
    let numbers = |root: &Path, hours, config: &Config| {
        let numbers = advise(root, hours, config)["numbers"].clone();
        ["anomaly_items", "left_out_self_clearing"].map(|name| numbers[name].as_u64().unwrap())
    };
    let (folder, _) = data_root_of(&fixture);
    let [items, held_back] = numbers(folder.path(), 0, &holding);
    assert!(held_back > 0, "they wait when nobody was told");
    let (folder, _) = data_root_of(&fixture);
    assert_eq!(numbers(folder.path(), 0, &config()), [items + held_back, 0]);
    assert_eq!(numbers(folder.path(), 1, &holding), [items + held_back, 0], "people were told");
}

#[test]
fn names_that_nothing_bears_are_counted() {
    let (folder, root) = data_root();
    suppress(&root, &[("s-1", "set", [Some(-2), None, Some(72)], "Kim", "north/N0O5")]);
    let teams = r#"{"teams": [{"name": "field", "places": ["north", "nrth"]}]}"#;
    let teams: Teams = serde_json::from_str(teams).unwrap();
    let result = advise(folder.path(), 0, &Config { teams: Some(teams), ..config() });
    let numbers = &result["numbers"];
    assert_eq!([&numbers["unknown_suppressions"], &numbers["unknown_places"]], [1, 1]);
}

#[test]
fn what_was_named_in_a_shift_uses_a_place_for_all_of_it() {
    let (_, first) = plain();
    let (folder, root) = data_root();
    // From the second hour on the first item is suppressed: its place stays used.
    suppress(&root, &[("s-1", "set", [Some(-2), Some(1), Some(72)], "Kim", &first)]);
    let teams: Teams = serde_json::from_str("{}").unwrap();
    let mut config = Config { teams: Some(teams), ..config() };
    config.lists[0].budget = 3;
    let mut named = BTreeSet::new();
    for hour in 0..2 {
        advise(folder.path(), hour, &config);
        let list = rows(&root, outcome::worklist(), hour);
        let listed = incidents(&list, "anomaly", |row| whole(&list, "rank", row).is_some());
        assert_eq!(listed.len(), if hour == 0 { 3 } else { 2 });
        named.extend(listed.iter().cloned());
        assert!((0..list.num_rows()).all(|row| text(&list, "team", row) == "north"));
        let said = rows(&root, outcome::list_statements(), hour);
        let own = statement(&said, "anomaly", "north");
        assert_eq!(said.num_rows(), 2 * config.lists.len(), "one of each team, and nobody's");
        assert_eq!(whole(&said, "budget", statement(&said, "anomaly", "nobody")), Some(3));
        assert_eq!(whole(&said, "budget", own), Some(3));
        assert_eq!(whole(&said, "used", own), Some(named.len() as i32));
        assert_eq!(whole(&said, "listed", own), Some(listed.len() as i32));
        let cut = (0..list.num_rows())
            .find(|row| text(&list, "left_out_code", *row) == "over_budget")
            .map(|row| text(&list, "left_out", row));
        // 14:00 to 22:00 in Berlin, which is 21:00 UTC.
        assert!(cut.unwrap().ends_with("until 2026-03-09 21:00 UTC are taken"));
    }
    assert_eq!(named.len(), 3);
    // Hours later nothing of it is listed any more: within the shift the places stay used, and the
    // shift after it begins anew.
    for (hour, used) in [(6, 3), (8, 0)] {
        advise(folder.path(), hour, &config);
        let said = rows(&root, outcome::list_statements(), hour);
        let own = statement(&said, "anomaly", "north");
        assert_eq!([whole(&said, "listed", own), whole(&said, "used", own)], [Some(0), Some(used)]);
    }
}

#[test]
fn a_list_states_what_it_expects() {
    let (folder, root) = data_root();
    advise(folder.path(), 0, &config());
    let (list, said) =
        (rows(&root, outcome::worklist(), 0), rows(&root, outcome::list_statements(), 0));
    assert_eq!(said.num_rows(), 3, "one of each list");
    for row in 0..said.num_rows() {
        let task = text(&said, "task", row);
        let sum = |is_listed: bool| -> f64 {
            let own = (0..list.num_rows()).filter(|row| text(&list, "task", *row) == task);
            own.filter(|row| whole(&list, "rank", *row).is_some() == is_listed)
                .filter(|row| text(&list, "change", *row) != "check")
                .filter_map(|row| number(&list, "probability", row))
                .sum()
        };
        assert_eq!(text(&said, "team", row), "*");
        let stated = ["hits", "left_out_hits", "misses"].map(|name| number(&said, name, row));
        if task == "anomaly" {
            assert_eq!(stated, [None; 3], "a bound from a p-value is no probability to sum");
            assert_eq!(whole(&said, "within_s", row), None);
            continue;
        }
        let [hits, left_out_hits, misses] = stated.map(Option::unwrap);
        assert!((hits - sum(true)).abs() < 1e-9, "{task}");
        assert!((left_out_hits - sum(false)).abs() < 1e-9, "{task}");
        assert!(misses >= 0.0, "{task}");
        let days = if task == "maintenance" { 7 } else { 60 };
        assert_eq!(whole(&said, "within_s", row), Some(days * 86_400), "{task}");
    }
}
