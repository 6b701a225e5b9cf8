//! Step `audit` as a process: every source in the order of time, as lines and as JSON.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

use foresite_schema::catalog::{derived, outcome, raw, watch};
use foresite_tables::{Micros, Root};
use foresite_testkit::{Binary, Rows};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

const HOUR: Micros = 3_600_000_000;
const DAY: Micros = 24 * HOUR;
/// 2026-03-02T00:00:00Z.
const MONDAY: Micros = 1_772_409_600_000_000;
/// Hours from that Monday to the time that files claim: an interval that was audited before.
const LONG_AGO: i64 = -40 * 24;
const LONG: [&str; 2] = ["2020-01-01T00:00:00Z", "2200-01-01T00:00:00Z"];

fn root() -> (TempDir, Root) {
    let folder = TempDir::new().unwrap();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    root.create().unwrap();
    (folder, root)
}

fn texts<const N: usize>(rows: Rows, name: &str, values: [Option<&'static str>; N]) -> Rows {
    rows.text(name, values.into_iter())
}

fn times<const N: usize>(rows: Rows, name: &str, hours: [Option<i64>; N]) -> Rows {
    rows.times(name, hours.map(|hour| hour.map(|hour| MONDAY + hour * HOUR)).into_iter())
}

/// A model that was registered and promoted at once, and revoked two days later.
fn models(root: &Root) {
    let rows = texts(Rows::new(3), "task", [Some("toy"); 3]).longs("seq", [2, 1, 3].into_iter());
    let rows = texts(rows, "event", ["promoted", "registered", "revoked"].map(Some));
    let rows = texts(rows, "model_id", [Some("m1"); 3]);
    let rows = texts(rows, "alias", [Some("champion"), None, None]);
    let rows = texts(rows, "reason", [Some("gate passed"), None, Some("leak\nof data")]);
    let rows = texts(rows, "person", [None, None, Some("Kim")]);
    let rows = times(rows, "at", [0, 0, 48].map(Some));
    let rows = times(rows, "ingested_at", [0, 0, 48].map(Some));
    rows.write(root, outcome::registry_events(), MONDAY);
}

/// A training that Ada asked for, and one that nobody did.
fn trainings(root: &Root) {
    let rows = texts(Rows::new(2), "task", ["anomaly", "capacity"].map(Some));
    let rows = texts(rows, "decision", [Some("retrain"); 2]);
    let rows = texts(rows, "model_id", [Some("m1"); 2]);
    let rows = texts(rows, "asked_by", [Some("ada"), None]);
    let rows = times(rows, "ingested_at", [Some(6); 2]);
    rows.write(root, watch::retrain_decisions(), MONDAY);
}

fn suppressions(root: &Root) {
    let rows = texts(Rows::new(2), "suppression_id", [Some("s1"); 2]);
    let rows = texts(rows, "fact", ["set", "lifted"].map(Some));
    let rows = texts(rows, "owner", ["Kim", "Lee"].map(Some));
    let rows = texts(rows, "reason", [Some("festival"), None]);
    let rows = texts(rows, "entity_id", [Some("north/N001"), None]);
    let rows = times(rows, "at", [22, 31].map(Some));
    let rows = times(rows, "end_at", [Some(96), None]);
    let rows = times(rows, "known_at", [LONG_AGO; 2].map(Some));
    let rows = times(rows, "ingested_at", [24, 31].map(Some));
    rows.write(root, raw::suppressions(), MONDAY);
}

/// A calendar that was taken, one that could not be read, and a file of counters.
fn calendars(root: &Root) {
    let rows = texts(Rows::new(3), "path", ["events/may.csv", "events/bad.csv", "pm/a"].map(Some));
    let rows = texts(rows, "kind", ["local_events", "local_events", "pm"].map(Some));
    let rows = texts(rows, "state", ["taken", "quarantined", "taken"].map(Some));
    let rows = texts(rows, "source", [Some("events"); 3]);
    let rows = texts(rows, "file_id", ["0a1b", "0a1c", "0a1d"].map(Some));
    let rows = rows.longs("rows_written", [2, 0, 9].into_iter());
    let rows = rows.longs("rows_quarantined", [1, 0, 0].into_iter());
    let rows = times(rows, "known_at", [Some(LONG_AGO); 3]);
    let rows = times(rows, "ingested_at", [Some(28); 3]);
    rows.write(root, raw::ingest_ledger(), MONDAY);
}

/// Kim's marks of a day, and Lee's of the next.
fn marks(root: &Root) {
    let rows = texts(Rows::new(4), "feedback_id", ["a", "b", "c", "d"].map(Some));
    let rows = texts(rows, "fact", ["confirmed", "wrong", "confirmed", "missed"].map(Some));
    let rows = texts(rows, "person", ["Kim", "Kim", "Kim", "Lee"].map(Some));
    let rows = times(rows, "known_at", [LONG_AGO; 4].map(Some));
    let rows = times(rows, "ingested_at", [9, 5, 7, 29].map(Some));
    rows.write(root, raw::feedback(), MONDAY);
}

/// Lee in two hours of one day, of two consoles, one of which refused somebody; and the example of the
/// guide, a week later.
fn logins(root: &Root) {
    let line = |caller: Option<&str>, refused: Option<&str>, first: &str, address: u8| {
        let address = format!("10.0.0.{address}");
        let line = json!({"hour": "", "caller": caller, "refused": refused, "count": 7,
                          "first": first, "last": "", "addresses": [address]});
        format!("{line}\n")
    };
    let unknown = Some("the token is not known");
    let early = line(Some("Lee"), None, "2026-03-02T08:10:00Z", 1);
    let late = line(Some("Lee"), None, "2026-03-02T09:20:00Z", 2);
    let refused: String = (1..7).map(|n| line(None, unknown, "2026-03-02T09:40:00Z", n)).collect();
    root.write("logins/2026-03-02/08-a.jsonl", early).unwrap();
    root.write("logins/2026-03-02/09-b.jsonl", late + &refused).unwrap();
    let example = include_str!("../../../../docs/console/logins.jsonl");
    root.write("logins/2026-03-09/14-a.jsonl", format!("{example}torn\n")).unwrap();
}

/// An export, then an old prediction that retention takes.
fn published_and_expired(root: &Root) {
    let files = json!([{"name": "incidents.json", "entries": 3, "bytes": 1}]);
    let manifest = json!({"foresite": {}, "files": files}).to_string();
    root.write("exports/i/c/l1/manifest.json", manifest).unwrap();
    root.write("exports/i/c/current.json", "{}").unwrap();
    let long_ago = std::iter::once(Some(MONDAY - 800 * DAY));
    Rows::new(1).times("cutoff", long_ago).write(root, outcome::predictions("toy"), MONDAY);
    let retention = Binary::stage("maintain").root(&root.local_path("").unwrap());
    let retention = retention.config(&json!({"delete": true}));
    let run = retention.args("--step retention --as-of 2026-03-05T00:00:00Z").exits(0);
    assert_eq!(run.number("expired_rows"), Some(1.0));
}

fn everything() -> (TempDir, Root) {
    let (folder, root) = root();
    for write in [models, trainings, suppressions, calendars, marks, logins, published_and_expired]
    {
        write(&root);
    }
    (folder, root)
}

fn audit(root: &Root, interval: [&str; 2]) -> Binary {
    let stage = Binary::stage("maintain").root(&root.local_path("").unwrap());
    stage.interval(interval[0], interval[1]).args("--step audit")
}

fn files(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push((entry.path(), entry.metadata().unwrap().len()));
        }
    }
    found.sort();
    found
}

#[test]
fn every_decision_is_a_line_in_the_order_of_time() {
    let (folder, root) = everything();
    let before = files(folder.path());
    let hold = json!({"from": "2026-03-01", "owner": "Kim", "reason": "case 7"});
    let run = audit(&root, LONG).config(&json!({"holds": [hold]})).exits(0);
    let is_by_clock = |line: &&str| line.contains("  exported") || line.contains("  expired");
    let (by_clock, fixed): (Vec<&str>, Vec<&str>) = run.stdout.lines().partition(is_by_clock);
    let expected = [
        "2026-03-02T00:00:00Z  registered         toy/m1",
        "2026-03-02T00:00:00Z  promoted           toy/m1: gate passed (as champion)",
        "2026-03-02T05:00:00Z  marked             marks of the day by Kim (2 confirmed, 1 wrong)",
        "2026-03-02T06:00:00Z  training_asked     anomaly by ada \
         (decision retrain; model m1 serves)",
        "2026-03-02T08:10:00Z  logged_in          console by Lee \
         (14 requests of the day from 10.0.0.1, 10.0.0.2)",
        "2026-03-02T09:40:00Z  login_refused      console: the token is not known \
         (42 requests of the day from 10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 2 more)",
        "2026-03-03T00:00:00Z  suppression_set    s1 by Kim: festival \
         (entity north/N001; until 2026-03-06T00:00:00Z; decided 2026-03-02T22:00:00Z)",
        "2026-03-03T04:00:00Z  events_delivered   events/may.csv \
         (2 events, 1 set aside; known 2026-01-21T00:00:00Z; source events; sha256 0a1b)",
        "2026-03-03T05:00:00Z  marked             marks of the day by Lee (1 missed)",
        "2026-03-03T07:00:00Z  suppression_lifted s1 by Lee",
        "2026-03-04T00:00:00Z  revoked            toy/m1 by Kim: leak of data",
        "2026-03-09T14:00:03Z  logged_in          console by token 8ed3f6ad \
         (38 requests of the day from 10.64.2.4)",
        "2026-03-09T14:02:11Z  login_refused      console: the token is not known \
         (412 requests of the day from 10.64.3.9)",
        "2026-03-09T14:20:07Z  logged_in          console by K. Brandt \
         (6 requests of the day from 10.64.1.17, 10.64.1.23)",
        "2200-01-01T00:00:00Z  hold               all tables by Kim: case 7 (days from 2026-03-01)",
    ];
    assert_eq!(fixed, expected);
    let by_clock: Vec<&str> =
        by_clock.iter().map(|line| line.split_once("  ").unwrap().1).collect();
    let expected = [
        "exported           exports/i/c/l1 (incidents.json: 3 entries)",
        "expired            predictions_toy: before 2025-02-03 (1 rows in 1 files; version 2)",
    ];
    assert_eq!(by_clock, expected);
    assert_eq!(run.result["numbers"]["entries"], 17);
    assert_eq!(run.result["numbers"]["marked"], 2);
    assert!(run.stderr.contains("1 lines below logins/ are not"), "{}", run.stderr);
    assert_eq!((run.status(), files(folder.path())), ("unchanged", before), "it only looks");
}

#[test]
fn json_has_an_object_a_line() {
    let (_folder, root) = everything();
    let week = ["2026-03-02T00:00:00Z", "2026-03-04T00:00:00Z"];
    let run = audit(&root, week).args("--json").exits(0);
    let entries: Vec<Json> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> = entries.iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    let expected = [
        "registered",
        "promoted",
        "marked",
        "training_asked",
        "logged_in",
        "login_refused",
        "suppression_set",
        "events_delivered",
        "marked",
        "suppression_lifted",
    ];
    assert_eq!(kinds, expected, "the end is not of the interval");
    let expected = json!({
        "at": "2026-03-02T00:00:00Z", "kind": "promoted", "subject": "toy/m1", "person": null,
        "reason": "gate passed", "detail": "as champion",
    });
    assert_eq!(entries[1], expected);
}

#[test]
fn a_time_that_a_file_claims_moves_nothing_into_an_audited_interval() {
    let (_folder, root) = everything();
    let run = audit(&root, ["2026-01-20T00:00:00Z", "2026-01-23T00:00:00Z"]).exits(0);
    assert_eq!(run.number("entries"), Some(0.0), "{}", run.stdout);
}

#[test]
fn a_decision_about_a_model_stands_where_it_was_written_whatever_its_clock_said() {
    let (_folder, root) = root();
    let rows = texts(Rows::new(1), "task", [Some("toy")]).longs("seq", std::iter::once(1));
    let rows = texts(rows, "event", [Some("promoted")]);
    let rows = texts(rows, "model_id", [Some("m1")]);
    let rows = texts(rows, "alias", [Some("champion")]);
    let rows = texts(rows, "person", [Some("Kim")]);
    let rows = times(rows, "at", [Some(LONG_AGO)]);
    let rows = times(rows, "ingested_at", [Some(30)]);
    rows.write(&root, outcome::registry_events(), MONDAY);
    let run = audit(&root, ["2026-01-20T00:00:00Z", "2026-01-23T00:00:00Z"]).exits(0);
    assert_eq!(run.number("entries"), Some(0.0), "{}", run.stdout);
    let expected = "2026-03-03T06:00:00Z  promoted           toy/m1 by Kim \
                    (as champion; by the clock 2026-01-21T00:00:00Z)\n";
    assert_eq!(audit(&root, LONG).exits(0).stdout, expected);
}

#[test]
fn an_interval_without_decisions_says_so() {
    let (_folder, root) = root();
    let year = ["2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"];
    let run = audit(&root, year).exits(0);
    let sentence = "nothing was decided in [2020-01-01T00:00:00Z, 2021-01-01T00:00:00Z)\n";
    assert_eq!((run.stdout.as_str(), run.number("entries")), (sentence, Some(0.0)));
    assert_eq!(audit(&root, year).args("--json").exits(0).stdout, "");
    let stage = Binary::stage("maintain").root(&root.local_path("").unwrap());
    let run = stage.args("--step audit").exits(2);
    assert!(run.error_line().contains("the data interval is not given"), "{}", run.stderr);
}

#[test]
fn what_the_logs_do_not_tell_any_more_is_said() {
    let (_folder, root) = root();
    for lineage in ["0a", "0b", "0c"] {
        Rows::new(1).write_as(&root, derived::kpis(), MONDAY, lineage);
    }
    let is_told = || audit(&root, LONG).exits(0).stderr.contains("1 logs begin later");
    assert!(!is_told());
    let now = json!({"delete": true, "history_days": 0});
    let stage = Binary::stage("maintain").root(&root.local_path("").unwrap()).config(&now);
    stage.args("--step checkpoint --force").exits(0);
    assert!(is_told());
}
