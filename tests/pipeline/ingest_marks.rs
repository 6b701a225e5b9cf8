//! Ingest of people's marks: what cannot be true is set aside with its reason, the rest says what it
//! is about.

use std::path::Path;

use foresite_schema::catalog::{outcome, raw};
use foresite_tables::{Read, Root};
use foresite_testkit::Rows;
use serde_json::{Value as Json, json};

use crate::landing::{HOUR, MAY, counted, hours, ingest, land, pm, root, rows, texts};

const HEADER: &str = "feedback_id,fact,at,entity_type,entity_id,prediction_id,task,person,text\n";

/// The configuration with the mapping that people copy.
fn config() -> Json {
    let sample = include_str!("../../docs/samples/ingest/mapping-feedback.json");
    json!({"mappings": [serde_json::from_str::<Json>(sample).unwrap()]})
}

/// A prediction at 09:00 of 1 May 2024.
fn predicted(folder: &Path) {
    let root = Root::open(folder.to_str().unwrap()).unwrap();
    let cutoff = (MAY + 9) * HOUR;
    Rows::new(1)
        .text("prediction_id", [Some("p1")].into_iter())
        .text("entity_type", [Some("cell")].into_iter())
        .text("entity_id", [Some("north/N001/1")].into_iter())
        .times("cutoff", [Some(cutoff)].into_iter())
        .write(&root, outcome::predictions("anomaly"), cutoff);
}

fn landed(folder: &Path, name: &str, lines: &str, hour: i64) {
    land(folder, &format!("feedback/{name}.csv"), format!("{HEADER}{lines}").as_bytes(), hour);
}

#[test]
fn a_mark_says_what_it_is_about_and_when_it_was_known() {
    let root = root();
    predicted(root.path());
    let lines = "a,wrong,2024-05-01T09:10:00Z,,,p1,,Kim,\n\
                 b,done,2024-05-01T09:10:00Z,site,north/N001,p1,,Kim,\n\
                 c,missed,2024-05-01T03:00:00Z,site,north/N002,,maintenance,Kim,\n";
    landed(root.path(), "kim", lines, 9);
    let run = ingest(root.path(), [9, 10]).config(&config()).exits(0);
    assert_eq!([counted(&run, "rows_written"), counted(&run, "rows_quarantined")], [3, 0]);
    let marks = rows(root.path(), "feedback");
    assert_eq!(texts(&marks, "fact"), ["done", "wrong", "missed"]);
    assert_eq!(texts(&marks, "entity_id"), ["north/N001", "north/N001/1", "north/N002"]);
    assert_eq!(texts(&marks, "entity_type"), ["site", "cell", "site"]);
    assert_eq!(texts(&marks, "task"), ["anomaly", "anomaly", "maintenance"]);
    let cutoffs = hours(&marks.slice(0, 2), "cutoff");
    assert_eq!(cutoffs, [9.0, 9.0]);
    assert_eq!(hours(&marks, "known_at"), [10.5; 3], "with its file, not when it was done");
}

#[test]
fn a_mark_keeps_the_incident_that_it_was_made_by() {
    let root = root();
    predicted(root.path());
    let lines = "feedback_id,fact,at,entity_type,entity_id,prediction_id,task,person,text,incident_id\n\
                 a,wrong,2024-05-01T09:10:00Z,,,p1,,Kim,,i-7\n";
    land(root.path(), "feedback/kim.csv", lines.as_bytes(), 9);
    ingest(root.path(), [9, 10]).config(&config()).exits(0);
    assert_eq!(texts(&rows(root.path(), "feedback"), "incident_id"), ["i-7"]);
}

#[test]
fn what_cannot_be_true_is_set_aside_with_its_reason() {
    let root = root();
    predicted(root.path());
    let lines = "a,confirmed,2024-05-01T09:10:00Z,,,p2,,Kim,\n\
                 b,wrong,2024-05-01T08:59:00Z,,,p1,,Kim,\n\
                 c,done,2024-05-01T19:00:00Z,cell,north/N001/1,,,Kim,\n\
                 d,maybe,2024-05-01T09:10:00Z,,,p1,,Kim,\n\
                 e,done,2024-05-01T09:10:00Z,,,,,Kim,\n\
                 f,missed,2024-05-01T09:10:00Z,,,,,Kim,\n\
                 g,wrong,2024-05-01T09:10:00Z,,,p1,capacity,Kim,\n\
                 h,wrong,2024-05-01T09:10:00Z,,,p1,,Kim,\n\
                 i,missed,2024-05-01T03:00:00Z,site,north/N002,,outages,Kim,\n\
                 j,wrong,2024-05-01T09:10:00Z,cell,north/N002/1,p1,anomaly,Kim,all well\n";
    landed(root.path(), "kim", lines, 9);
    let run = ingest(root.path(), [9, 10]).config(&config()).exits(0);
    assert_eq!(
        ["rows_read", "rows_written", "rows_quarantined"].map(|name| counted(&run, name)),
        [10, 1, 9]
    );
    assert_eq!(texts(&rows(root.path(), "feedback"), "feedback_id"), ["h"]);
    let aside = rows(root.path(), "quarantine");
    let said: Vec<String> = texts(&aside, "place")
        .into_iter()
        .zip(texts(&aside, "reason"))
        .map(|(place, reason)| format!("{}: {reason}", place.trim_start_matches("feedback_id ")))
        .collect();
    assert_eq!(
        said,
        [
            "a: prediction `p2` is not known to this data root, or older than 35 days before the mark (100 of capacity)",
            "b: marked at 2024-05-01T08:59:00Z, before the cutoff 2024-05-01T09:00:00Z of its prediction",
            "c: marked at 2024-05-01T19:00:00Z, which lies in the future",
            "d: the mark is `maybe`, expected confirmed, wrong, done or missed",
            "e: names neither a prediction nor an entity",
            "f: a missed event needs `entity_type` and `entity_id`",
            "g: says task `capacity`, but prediction `p1` is of `anomaly`",
            "i: no task `outages` is known to this data root",
            "j: says entity `north/N002/1`, but prediction `p1` is of `north/N001/1`: leave the entity out, or name what stands above or below it",
        ]
    );
    assert_eq!(
        texts(&aside, "sample")[8],
        "wrong,2024-05-01T09:10:00Z,cell,north/N002/1,p1,anomaly,Kim,all well,",
        "nothing is lost"
    );
}

#[test]
fn what_nobody_was_shown_is_set_aside_and_the_lineage_says_what_was_looked_at() {
    let root = root();
    let opened = Root::open(root.path().to_str().unwrap()).unwrap();
    let cutoff = (MAY + 9) * HOUR;
    Rows::new(2)
        .text("prediction_id", [Some("p1"), Some("p2")].into_iter())
        .text("entity_id", [Some("north/N001/1"), Some("north/N001/2")].into_iter())
        .times("cutoff", [Some(cutoff); 2].into_iter())
        .text("role", [Some("champion"), Some("challenger")].into_iter())
        .write(&opened, outcome::predictions("anomaly"), cutoff);
    let version = opened.existing(outcome::predictions("anomaly")).unwrap().version().unwrap();
    let lines = "a,wrong,2024-05-01T09:10:00Z,,,p1,,Kim,\n\
                 b,confirmed,2024-05-01T09:10:00Z,,,p2,,Kim,\n";
    landed(root.path(), "kim", lines, 9);
    let run = ingest(root.path(), [9, 10]).config(&config()).exits(0);
    assert_eq!(texts(&rows(root.path(), "feedback"), "feedback_id"), ["a"]);
    let reason = &texts(&rows(root.path(), "quarantine"), "reason")[0];
    assert!(reason.contains("in a replay or by a challenger"), "{reason}");
    let lineage = format!("lineage/{}.json", run.result["lineage_id"].as_str().unwrap());
    let lineage: Json = serde_json::from_slice(&opened.read(&lineage).unwrap()).unwrap();
    assert_eq!(lineage["checked_against"], json!({"anomaly": version}));
    let again = ingest(root.path(), [9, 10]).config(&config()).exits(0);
    assert_eq!(again.status(), "unchanged");
}

#[test]
fn marks_wait_where_the_predictions_cannot_be_read() {
    let root = root();
    predicted(root.path());
    let log = root.path().join("tables/predictions_anomaly/_delta_log/00000000000000000001.json");
    let whole = std::fs::read(&log).unwrap();
    std::fs::write(&log, "{").unwrap();
    landed(root.path(), "kim", "a,wrong,2024-05-01T09:10:00Z,,,p1,,Kim,\n", 9);
    land(root.path(), "pm/1.xml.gz", &pm("N1", 9, ["1", "2", "3", "4"]), 9);
    let run = ingest(root.path(), [9, 10]).config(&config()).exits(0);
    assert_eq!(["taken", "changed"].map(|name| counted(&run, name)), [1, 1], "{}", run.stderr);
    assert!(run.stderr.contains("marks cannot be checked"), "{}", run.stderr);
    std::fs::write(&log, whole).unwrap();
    let mut scheduled = config();
    scheduled["schedule"] = json!({"period_seconds": 3600, "lateness_seconds": 1800});
    ingest(root.path(), [10, 11]).config(&scheduled).exits(0);
    let marks = rows(root.path(), "feedback");
    assert_eq!(texts(&marks, "feedback_id"), ["a"]);
    assert_eq!(hours(&marks, "known_at"), [11.5], "the run before did not have it");
}

#[test]
fn the_same_mark_in_two_files_is_one_and_contradicting_ones_are_both_kept() {
    let root = root();
    predicted(root.path());
    let wrong = "a,wrong,2024-05-01T09:10:00Z,,,p1,,Kim,\n";
    landed(root.path(), "first", wrong, 9);
    ingest(root.path(), [9, 10]).config(&config()).exits(0);
    let again = "a,wrong,2024-05-01T09:10:00Z,,,p1,,Kim,street festival\n\
                 b,confirmed,2024-05-01T10:10:00Z,,,p1,,Kim,\n";
    landed(root.path(), "second", again, 10);
    ingest(root.path(), [10, 11]).config(&config()).exits(0);
    let opened = Root::open(root.path().to_str().unwrap()).unwrap();
    let marks = opened.existing(raw::feedback()).unwrap().read(&Read::all()).unwrap();
    assert_eq!(texts(&marks, "feedback_id"), ["a", "b"]);
    assert_eq!(texts(&marks, "text"), ["street festival", "-"], "words can be corrected");
}

#[test]
fn a_file_in_the_older_columns_is_still_taken() {
    let root = root();
    let old = "feedback_id,fact,at,entity_type,entity_id,prediction_id,person,text\n\
               f-1,done,2024-05-01T09:10:00Z,site,north/N005,,K. Brandt,fan replaced\n";
    land(root.path(), "feedback/old.csv", old.as_bytes(), 9);
    let run = ingest(root.path(), [9, 10]).config(&config()).exits(0);
    assert_eq!(counted(&run, "rows_written"), 1);
    assert_eq!(texts(&rows(root.path(), "feedback"), "task"), ["-"]);
}
