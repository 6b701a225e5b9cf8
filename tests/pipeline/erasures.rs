//! Erasures: maintain destroys the key of an epoch of pseudonyms, and says what that reached.

use std::collections::BTreeSet;
use std::fs;

use arrow::array::{AsArray as _, RecordBatch};
use foresite_schema::catalog::outcome;
use foresite_testkit::{Binary, Rows, Run};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::landing::{HOUR, MAY, counted, land, rows, texts};
use crate::people::{MARKS, MAY_EPOCH, Site};

fn list(batch: &RecordBatch, name: &str) -> Vec<String> {
    let texts = batch.column_by_name(name).unwrap().as_list::<i32>().value(0);
    texts.as_string::<i32>().iter().flatten().map(str::to_owned).collect()
}

/// Two models that were registered: one whose samples read the file, one without its bundle.
fn models(site: &Site) {
    let root = site.opened();
    let file = texts(&rows(site.path(), "feedback"), "file_id").remove(0);
    let documents = [
        ("models/anomaly/m1/bundle/model.json", json!({"lineage_id": "aa"})),
        ("lineage/aa.json", json!({"reads": {"samples_anomaly": ["bb"]}})),
        ("lineage/bb.json", json!({"reads": {"feedback": ["other", file]}})),
        ("models/anomaly/m2/bundle/model.json", json!({"lineage_id": "cc"})),
        ("lineage/cc.json", json!({"reads": {"feedback": ["other"]}})),
    ];
    for (path, document) in documents {
        root.write(path, document.to_string()).unwrap();
    }
    Rows::new(3)
        .text("task", [Some("anomaly"); 3].into_iter())
        .longs("seq", 1..4)
        .text("event", [Some("registered"); 3].into_iter())
        .text("model_id", ["m1", "m2", "m3"].map(Some).into_iter())
        .times("at", [Some(MAY * HOUR); 3].into_iter())
        .write(&root, outcome::registry_events(), MAY * HOUR);
}

fn audit(site: &Site) -> Run {
    let stage = Binary::stage("maintain").root(site.path());
    stage.interval("2020-01-01T00:00:00Z", "2200-01-01T00:00:00Z").args("--step audit").exits(0)
}

#[test]
fn an_erasure_destroys_the_key_and_says_what_it_reached() {
    let site = Site::new();
    site.marked("kim", &[("a", "Kim"), ("b", "Lee")]);
    site.suppressed(
        "kim",
        "s,set,2024-05-01T03:00:00Z,site,north/N001,Kim,festival,,2024-05-04T00:00:00Z\n",
    );
    site.ingest("2024-05-01").exits(0);
    models(&site);
    let planned = site.erase(MAY_EPOCH).args("--dry-run").exits(0);
    assert_eq!((planned.number("reached_rows"), site.has_erasures()), (Some(3.0), false));

    let run = site.erase(MAY_EPOCH).exits(0);
    assert_eq!(run.status(), "done");
    assert_eq!(fs::metadata(site.key(MAY_EPOCH)).unwrap().len(), 0, "the key is gone");
    let erased = rows(site.path(), "erasures");
    let told = ["epoch", "person", "reason", "key"].map(|name| texts(&erased, name).remove(0));
    assert_eq!(told, [MAY_EPOCH, "Ada", "asked by letter", "destroyed"]);
    assert_eq!(list(&erased, "tables"), ["feedback: 2", "suppressions: 1"]);
    assert_eq!(list(&erased, "models"), ["anomaly/m1"]);
    assert_eq!(list(&erased, "unread_models"), ["anomaly/m3"]);
    assert_eq!(list(&erased, "files"), ["feedback/kim.csv", "suppressions/kim.csv"]);
    assert!(run.stderr.contains("a landed file still names people"), "{}", run.stderr);

    let said = audit(&site);
    let line = "epoch 2024-05-01 by Ada: asked by letter (key destroyed; feedback: 2 rows; \
                suppressions: 1 rows; models: 1; landed files: 2)";
    assert!(said.stdout.contains(line), "{}", said.stdout);
    assert_eq!(said.number("erased"), Some(1.0));
    let again = site.erase(MAY_EPOCH).exits(0);
    assert_eq!((again.status(), rows(site.path(), "erasures").num_rows()), ("unchanged", 1));
}

#[test]
fn an_erasure_that_was_cut_short_is_completed() {
    let site = Site::new();
    site.marked("kim", &[("a", "Kim")]);
    site.ingest("2024-05-01").exits(0);
    let key = fs::read(site.key(MAY_EPOCH)).unwrap();
    site.erase(MAY_EPOCH).exits(0);
    // Written down, and the key still there: as after a crash between the two.
    fs::write(site.key(MAY_EPOCH), key).unwrap();
    site.marked("late", &[("b", "Kim")]);
    site.ingest("2024-05-02").exits(0);
    assert!(site.people().contains(&"p:2024-05-01:erased".to_owned()), "{:?}", site.people());
    assert_eq!(site.erase(MAY_EPOCH).exits(0).status(), "done");
    assert_eq!(fs::metadata(site.key(MAY_EPOCH)).unwrap().len(), 0);
    assert_eq!(rows(site.path(), "erasures").num_rows(), 1);
}

#[test]
fn late_facts_of_an_erased_epoch_lose_the_name_and_nothing_else() {
    let site = Site::new();
    site.marked("kim", &[("a", "Kim")]);
    site.ingest("2024-05-01").exits(0);
    site.erase(MAY_EPOCH).exits(0);
    site.marked("late", &[("b", "Kim"), ("c", "Lee")]);
    site.suppressed(
        "late",
        "s,set,2024-05-01T03:00:00Z,site,north/N001,Kim,festival,,2024-05-04T00:00:00Z\n",
    );
    let run = site.ingest("2024-05-02").exits(0);
    assert_eq!([counted(&run, "names_erased"), counted(&run, "rows_quarantined")], [3, 0]);
    assert!(run.stderr.contains("the epoch was erased"), "{}", run.stderr);
    let people = site.people();
    let unnamed = people.iter().filter(|person| *person == "p:2024-05-01:erased").count();
    assert_eq!((people.len(), unnamed), (3, 2), "{people:?}");
    assert_eq!(texts(&rows(site.path(), "suppressions"), "owner"), ["p:2024-05-01:erased"]);
    let ids = texts(&rows(site.path(), "feedback"), "feedback_id");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 3, "each mark is one: {ids:?}");
    site.marked("late-again", &[("b", "Kim"), ("c", "Lee"), ("d", "Max")]);
    site.ingest("2024-05-03").exits(0);
    let ids = texts(&rows(site.path(), "feedback"), "feedback_id");
    assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (6, 4), "{ids:?}");
    assert_eq!(fs::metadata(site.key(MAY_EPOCH)).unwrap().len(), 0, "no second key");
}

#[test]
fn what_is_held_or_cannot_be_is_not_erased() {
    let site = Site::new();
    site.marked("kim", &[("a", "Kim")]);
    let run = site.erase(MAY_EPOCH).exits(66);
    assert!(run.error_line().contains("nobody got a pseudonym"), "{}", run.stderr);
    site.ingest("2024-05-01").exits(0);
    let key = fs::read(site.key(MAY_EPOCH)).unwrap();

    let hold =
        json!({"tables": ["feedback"], "until": "2024-05-01", "owner": "Kim", "reason": "case 7"});
    let run = site.erase_by(MAY_EPOCH).exits(2);
    assert!(
        run.error_line().contains("--config: expected that of the nightly run"),
        "{}",
        run.stderr
    );
    assert_eq!(site.erase_by(MAY_EPOCH).arg("--dry-run").exits(0).status(), "planned");
    let run = site.erase_by(MAY_EPOCH).config(&json!({"holds": [hold]})).exits(2);
    assert!(run.error_line().contains("table `feedback`: Kim holds"), "{}", run.stderr);
    let nobody = Binary::stage("maintain").root(site.path());
    let run = nobody.args("--step erase --epoch 2024-05-01 --reason law").exits(2);
    assert!(run.error_line().contains("--person"), "{}", run.stderr);
    let elsewhere = TempDir::new().unwrap();
    let lost = |holds: Json| {
        let stage = Binary::stage("maintain").root(site.path());
        let stage = stage.args("--step erase --epoch 2024-05-01 --person Ada --reason law");
        let stage = stage.config(&json!({"holds": holds}));
        stage.arg("--pseudonym-keys").arg(elsewhere.path())
    };
    let run = lost(json!([])).exits(66);
    assert!(run.error_line().contains("2024-05-01.key: not there"), "{}", run.stderr);
    assert!(!site.has_erasures());
    assert_eq!(fs::read(site.key(MAY_EPOCH)).unwrap(), key, "untouched");

    let other =
        json!({"tables": ["feedback"], "from": "2024-05-02", "owner": "Kim", "reason": "case 8"});
    let run = lost(json!([other])).args("--force").exits(0);
    assert_eq!(run.status(), "done");
    assert_eq!(texts(&rows(site.path(), "erasures"), "key"), ["lost"]);
}

#[test]
fn landed_files_of_which_no_row_tells_are_named_as_well() {
    let site = Site::new();
    site.marked("kim", &[("a", "Kim")]);
    site.marked("nobody", &[("b", "")]);
    // Its columns are swapped in one row, and nobody is named in the other.
    let half =
        "c,missed,2024-05-01T03:00:00Z,site,north/N001,,,,\nd,missed,Kim,site,north/N001,,,,\n";
    for name in ["half", "half2"] {
        let path = format!("feedback/{name}.csv");
        land(site.path(), &path, format!("{MARKS}{half}").as_bytes(), 3);
    }
    let headless = b"e,missed,2024-05-01T03:00:00Z,site,north/N001,,,Kim,\n";
    land(site.path(), "feedback/headless.csv", headless, 3);
    let run = site.ingest("2024-05-01").exits(0);
    assert_eq!([counted(&run, "quarantined"), counted(&run, "rows_quarantined")], [1, 1]);
    site.marked("waits", &[("f", "Kim")]);

    let run = site.erase(MAY_EPOCH).exits(0);
    assert_eq!(run.number("doubtful_files"), Some(4.0), "{}", run.result);
    assert!(run.stderr.contains("no row tells whom a landed file names"), "{}", run.stderr);
    let erased = rows(site.path(), "erasures");
    assert_eq!(list(&erased, "files"), ["feedback/kim.csv"]);
    let doubtful =
        ["half", "half2", "headless", "waits"].map(|name| format!("feedback/{name}.csv"));
    assert_eq!(list(&erased, "doubtful_files"), doubtful, "a copy as well");
}

/// A run whose files change after it planned to take them; how many it took, and left to the next.
fn changed_meanwhile(site: &Site, day: &str, change: impl Fn()) -> [i64; 2] {
    let step = |words: &str| site.ingest(day).args(words).exits(0);
    let plan = step("--step plan");
    let id = plan.result["numbers"]["plan_id"].as_str().unwrap();
    change();
    step(&format!("--step shard --plan {id}"));
    let commit = step(&format!("--step commit --plan {id}"));
    ["taken", "changed"].map(|name| counted(&commit, name))
}

#[test]
fn a_landed_file_that_waited_is_judged_by_what_lies_there_now() {
    let site = Site::new();
    site.marked("kim", &[("a", "Kim")]);
    site.ingest("2024-05-01").exits(0);
    site.marked("corrected", &[("b", "Kim")]);
    site.marked("waits", &[("c", "Kim")]);
    let left = changed_meanwhile(&site, "2024-05-02", || {
        site.marked("corrected", &[("b", "")]);
        site.marked("waits", &[("c", "Kim"), ("d", "")]);
    });
    assert_eq!(left, [0, 2]);
    let left = changed_meanwhile(&site, "2024-05-03", || {
        site.marked("waits", &[("c", "Kim"), ("d", "Lee")]);
    });
    assert_eq!(left, [1, 1]);

    let run = site.erase(MAY_EPOCH).exits(0);
    let erased = rows(site.path(), "erasures");
    assert_eq!(list(&erased, "files"), ["feedback/kim.csv"], "{}", run.stderr);
    let doubtful = list(&erased, "doubtful_files");
    assert_eq!(doubtful, ["feedback/waits.csv"], "what is corrected names nobody any more");
}

#[test]
fn a_landed_file_that_was_replaced_is_looked_into_and_not_deleted() {
    let site = Site::new();
    let landed = |name: &str, person: &str, hour: i64| {
        let mark = format!("{name},missed,2024-05-01T03:00:00Z,site,north/N001,,,{person},\n");
        let path = format!("feedback/{name}.csv");
        land(site.path(), &path, format!("{MARKS}{mark}").as_bytes(), hour);
    };
    for (name, person) in [("touched", "Kim"), ("replaced", "Kim"), ("rolls", "")] {
        landed(name, person, 3);
    }
    site.ingest("2024-05-01").exits(0);
    // The same bytes at another time; as many others; others where nobody was named.
    for (name, person) in [("touched", "Kim"), ("replaced", "Lee"), ("rolls", "Kim")] {
        landed(name, person, 4);
    }

    let run = site.erase(MAY_EPOCH).exits(0);
    let erased = rows(site.path(), "erasures");
    assert_eq!(list(&erased, "files"), ["feedback/touched.csv"], "{}", run.stderr);
    let doubtful = ["feedback/replaced.csv", "feedback/rolls.csv"];
    assert_eq!(list(&erased, "doubtful_files"), doubtful, "not ingested yet");
}
