//! People's marks and checks, from the tables to the report and back.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "fixture/mod.rs"]
mod fixture;
#[path = "fixture/tables.rs"]
mod tables;

use std::path::Path;
use std::process::Command;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{Float64Type, Int32Type};
use fixture::CUTOFF;
use foresite_advise::clock::{DAY, HOUR, Micros};
use foresite_advise::wording;
use foresite_schema::catalog::{outcome, raw};
use foresite_tables::{Read, Root};
use foresite_testkit::Rows;

/// Runs the stage for the hour that ends `hours` after the fixture's cutoff.
fn advise(root: &Path, hours: i64) -> serde_json::Value {
    let at = |micros: Micros| jiff::Timestamp::from_microsecond(micros).unwrap().to_string();
    let end = CUTOFF + hours * HOUR;
    let result = root.join("result.json");
    let output = Command::new(env!("CARGO_BIN_EXE_foresite-advise"))
        .env("FORESITE_LOG", "lines")
        .args(["--data-root", root.to_str().unwrap(), "--result", result.to_str().unwrap()])
        .args(["--interval-start", &at(end - HOUR), "--interval-end", &at(end)])
        .args(["--as-of", &at(end + HOUR / 3)])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&std::fs::read(&result).unwrap()).unwrap()
}

/// A data root with marks, which stand for those of the fixture.
fn data_root(marks: &[Marked<'_>]) -> (tempfile::TempDir, Root) {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    root.create().unwrap();
    let fixture = fixture::fixture();
    if !marks.is_empty() {
        mark(&root, &fixture.config.lists[0].task, marks);
    }
    tables::write(&fixture, &root);
    (folder, root)
}

/// Rows of a table at the fixture's cutoff that are checks.
fn checks(root: &Root, def: foresite_schema::TableDef, column: &str) -> RecordBatch {
    let rows = root.existing(def).unwrap().read(&Read::all().period(CUTOFF, CUTOFF + 1)).unwrap();
    let words = rows.column_by_name(column).unwrap().as_string::<i32>();
    let is_check = (0..rows.num_rows()).map(|row| Some(words.value(row) == "check"));
    let is_check: arrow::array::BooleanArray = is_check.collect();
    arrow::compute::filter_record_batch(&rows, &is_check).unwrap()
}

fn text(rows: &RecordBatch, column: &str) -> String {
    rows.column_by_name(column).unwrap().as_string::<i32>().value(0).to_owned()
}

/// Prediction, incident, cutoff, mark, person, days before the fixture's cutoff.
type Marked<'a> = (&'a str, &'a str, Micros, &'a str, &'a str, i64);

fn mark(root: &Root, task: &str, marks: &[Marked<'_>]) {
    let ids: Vec<String> = (0..marks.len()).map(|n| format!("m-{n}")).collect();
    Rows::new(marks.len())
        .text("feedback_id", ids.iter().map(|id| Some(id.as_str())))
        .text("fact", marks.iter().map(|mark| Some(mark.3)))
        .times("at", marks.iter().map(|mark| Some(CUTOFF - mark.5 * DAY)))
        .text("prediction_id", marks.iter().map(|mark| Some(mark.0).filter(|id| !id.is_empty())))
        .text("incident_id", marks.iter().map(|mark| Some(mark.1).filter(|id| !id.is_empty())))
        .text("task", marks.iter().map(|_| Some(task)))
        .times("cutoff", marks.iter().map(|mark| Some(mark.2)))
        .text("person", marks.iter().map(|mark| Some(mark.4)))
        .write(root, raw::feedback(), CUTOFF);
}

/// The text of the section about marks in the report for `hours` after the fixture's cutoff.
fn section(root: &Root, hours: i64) -> String {
    let cutoff = jiff::Timestamp::from_microsecond(CUTOFF + hours * HOUR).unwrap();
    let folder = cutoff.strftime("%Y%m%dT%H%MZ");
    let report = root.read(&format!("reports/{folder}/report.html")).unwrap();
    let report = String::from_utf8(report.to_vec()).unwrap();
    let (_, section) = report.split_once("id=\"marks\"").unwrap();
    let (section, _) = section.split_once("</section>").unwrap();
    let pieces = section.split('<').filter_map(|piece| piece.split_once('>'));
    let words = pieces.map(|(_, words)| words.trim()).filter(|words| !words.is_empty());
    words.collect::<Vec<_>>().join(" | ").replace('\u{a0}', " ")
}

#[test]
fn the_report_says_how_right_the_lists_were() {
    let driven = fixture::fixture().signals.predictions.into_iter().find(|row| {
        row.task == "anomaly" && row.drivers.iter().any(|driver| driver.name == "traffic_dl_gb")
    });
    let driven = driven.unwrap();
    let old = CUTOFF - 21 * DAY;
    let (folder, root) = data_root(&[
        ("r0", "", old, "confirmed", "Kim", 1),
        ("r1", "", old, "confirmed", "Kim", 2),
        ("r2", "", old, "confirmed", "Kim", 3),
        ("r3", "", old, "confirmed", "Kim", 20),
        (&driven.prediction_id, "", driven.cutoff, "wrong", "Kim", 0),
        ("d0", "", old, "wrong", "Kim", 2),
        ("d0", "", old, "confirmed", "Lee", 2),
        ("n0", "", old, "done", "Kim", 2),
        ("", "", old, "wrong", "Kim", 2),
    ]);
    advise(folder.path(), 0);
    let section = section(&root, 0);
    // 3 of 4 within a week are not enough, 4 of 5 within a month are: Wilson says 38 to 96 %.
    let expected =
        "All items of the list | 4 of 5 marks needed | 80 % (38 % – 96 %) | 4 | 1 | 1 | 1";
    assert!(section.contains(expected), "{section}");
    let driver = format!("Driven most by {}", wording::feature(&driven.drivers[0].name));
    let expected = format!("{driver} | 1 of 5 marks needed | 1 of 5 marks needed | 0 | 1 | 0 | 0");
    assert!(section.contains(&expected), "{section}");
    assert!(section.contains("1 mark names no prediction"), "{section}");
}

#[test]
fn an_incident_is_one_case_across_hours_and_entities() {
    let at = |hours: i64| CUTOFF - 4 * DAY + hours * HOUR;
    let (folder, root) = data_root(&[
        ("a0", "i1", at(0), "wrong", "Kim", 3),
        ("b0", "i1", at(0), "wrong", "Kim", 3),
        ("c0", "i1", at(0), "wrong", "Kim", 3),
        // Another look, hours later: the newest mark of a person counts.
        ("a5", "i1", at(5), "confirmed", "Kim", 2),
        ("d0", "i2", at(0), "wrong", "Kim", 2),
        ("d5", "i2", at(5), "confirmed", "Lee", 2),
        ("e0", "i3", at(0), "done", "Kim", 2),
        ("e1", "i3", at(1), "done", "Kim", 2),
    ]);
    advise(folder.path(), 0);
    let section = section(&root, 0);
    let expected =
        "All items of the list | 1 of 5 marks needed | 1 of 5 marks needed | 1 | 0 | 1 | 1";
    assert!(section.contains(expected), "{section}");
}

#[test]
fn a_check_stands_last() {
    let (folder, root) = data_root(&[]);
    let result = advise(folder.path(), 0);
    assert_eq!(result["numbers"]["anomaly_checks"], 1);
    assert_eq!(result["numbers"]["maintenance_checks"], 0);
    let (listed, incident) = (
        checks(&root, outcome::worklist(), "change"),
        checks(&root, outcome::incidents(), "state"),
    );
    assert_eq!((listed.num_rows(), incident.num_rows()), (1, 1));
    assert_eq!(text(&listed, "title"), "Check of a low risk");
    let list = root.existing(outcome::worklist()).unwrap();
    let list = list.read(&Read::all().period(CUTOFF, CUTOFF + 1).text("task", "anomaly")).unwrap();
    let rank = |rows: &RecordBatch| {
        let ranks = rows.column_by_name("rank").unwrap().as_primitive::<Int32Type>();
        ranks.iter().flatten().max()
    };
    assert!(list.num_rows() > 1 && rank(&listed) == rank(&list), "the check is the last item");
    let inclusion = incident.column_by_name("inclusion").unwrap().as_primitive::<Float64Type>();
    assert!(inclusion.value(0) > 0.0 && inclusion.value(0) < 0.1, "one of the many cells");
    let members = incident.column_by_name("members").unwrap().as_list::<i32>().value(0);
    assert_eq!(members.len(), 1, "its prediction, for who marks it");

    // The next hour has the same check, and none is closed.
    let result = advise(folder.path(), 1);
    assert_eq!(result["numbers"]["anomaly_closed"], 0);
    let later = root.existing(outcome::incidents()).unwrap();
    let later = later.read(&Read::all().period(CUTOFF + HOUR, CUTOFF + HOUR + 1)).unwrap();
    let ids = later.column_by_name("incident_id").unwrap().as_string::<i32>();
    let first = text(&incident, "incident_id");
    let states = later.column_by_name("state").unwrap().as_string::<i32>();
    let same = (0..later.num_rows()).find(|row| ids.value(*row) == first);
    assert_eq!(same.map(|row| states.value(row)), Some("check"));
}

/// Incident, task and stated probability of the first item of the lists of anomalies and failures.
fn first_items() -> [(String, String, f64); 2] {
    let (folder, root) = data_root(&[]);
    advise(folder.path(), 0);
    ["anomaly", "maintenance"].map(|task| {
        let read = Read::all().period(CUTOFF, CUTOFF + 1).text("task", task);
        let list = root.existing(outcome::worklist()).unwrap().read(&read).unwrap();
        let rank = list.column_by_name("rank").unwrap().as_primitive::<Int32Type>();
        let row = (0..list.num_rows()).filter(|row| rank.is_valid(*row));
        let row = list.slice(row.min_by_key(|row| rank.value(*row)).unwrap(), 1);
        let stated = row.column_by_name("probability").unwrap().as_primitive::<Float64Type>();
        (text(&row, "incident_id"), task.to_owned(), stated.value(0))
    })
}

#[test]
fn only_a_probability_that_was_stated_is_held_against_the_marks() {
    let items = first_items();
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    root.create().unwrap();
    Rows::new(2)
        .text("feedback_id", ["m-0", "m-1"].map(Some).into_iter())
        .text("fact", items.iter().map(|_| Some("confirmed")))
        .times("at", items.iter().map(|_| Some(CUTOFF + DAY)))
        .text("prediction_id", items.iter().map(|_| Some("p")))
        .text("incident_id", items.iter().map(|(incident, ..)| Some(incident.as_str())))
        .text("task", items.iter().map(|(_, task, _)| Some(task.as_str())))
        .times("cutoff", items.iter().map(|_| Some(CUTOFF)))
        .text("person", items.iter().map(|_| Some("Kim")))
        .write(&root, raw::feedback(), CUTOFF);
    tables::write(&fixture::fixture(), &root);
    advise(folder.path(), 0);
    advise(folder.path(), 30);
    let section = section(&root, 30);
    let stated = format!(
        "Of 1 judged item the lists stated beforehand that {:.1} would be right; 1 was.",
        items[1].2
    );
    assert!(section.contains(&stated), "{section}");
    assert_eq!(section.matches("stated beforehand").count(), 1, "no bound is one: {section}");
}

/// Incident and prediction of the fixture's check: a hash draws it, the same one in every data root.
fn check() -> (String, String) {
    let (folder, root) = data_root(&[]);
    advise(folder.path(), 0);
    let drawn = checks(&root, outcome::incidents(), "state");
    let members = drawn.column_by_name("members").unwrap().as_list::<i32>().value(0);
    (text(&drawn, "incident_id"), members.as_string::<i32>().value(0).to_owned())
}

const ONE_CHECK: &str = "1 check of low risks: 1 found something after all.";

#[test]
fn a_check_can_be_marked_by_its_incident_and_is_one_case() {
    let (incident, member) = check();
    let (folder, root) = data_root(&[
        (&member, &incident, CUTOFF, "confirmed", "Kim", 0),
        (&member, "", CUTOFF, "confirmed", "Lee", 0),
        ("of-another-hour", &incident, CUTOFF, "confirmed", "Lee", 0),
    ]);
    advise(folder.path(), 0);
    advise(folder.path(), 1);
    let section = section(&root, 1);
    assert!(section.contains(ONE_CHECK), "{section}");
    assert!(section.contains("Nobody judged an item of this list."), "{section}");
}

#[test]
fn a_check_stays_one_however_old_its_list_is_when_it_is_marked() {
    let (_, member) = check();
    let (folder, root) = data_root(&[(&member, "", CUTOFF, "confirmed", "Kim", -29)]);
    advise(folder.path(), 0);
    let later = 30 * 24;
    advise(folder.path(), later);
    let section = section(&root, later);
    assert!(section.contains(ONE_CHECK), "{section}");
    assert!(!section.contains("All items of the list"), "no item of a list: {section}");
}
