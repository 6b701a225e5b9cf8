//! Pseudonyms in the place of names: made by ingest with the key of an epoch, erased by maintain
//! with that key.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use arrow::array::{AsArray as _, RecordBatch};
use foresite_schema::catalog::outcome;
use foresite_tables::Root;
use foresite_testkit::{Binary, Rows, Run};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::landing::{HOUR, MAY, counted, land, root, rows, texts};

/// Epochs of a month: the files of May are known in the first one.
const MAY_EPOCH: &str = "2024-05-01";
const MARKS: &str = "feedback_id,fact,at,entity_type,entity_id,prediction_id,task,person,text\n";
const SUPPRESSIONS: &str =
    "suppression_id,fact,at,entity_type,entity_id,owner,reason,start_at,end_at\n";

/// A data root, and beside it the folder of keys.
struct Site {
    root: TempDir,
    keys: TempDir,
}

impl Site {
    fn new() -> Self {
        Self { root: root(), keys: TempDir::new().unwrap() }
    }

    fn path(&self) -> &Path {
        self.root.path()
    }

    fn opened(&self) -> Root {
        Root::open(self.path().to_str().unwrap()).unwrap()
    }

    fn key(&self, epoch: &str) -> PathBuf {
        self.keys.path().join(format!("{epoch}.key"))
    }

    /// Marks of the third hour of May.
    fn marked(&self, name: &str, marks: &[(&str, &str)]) {
        let line = |(id, person): &(&str, &str)| {
            format!("{id},missed,2024-05-01T03:00:00Z,site,north/N001,,,{person},\n")
        };
        let lines: String = marks.iter().map(line).collect();
        land(self.path(), &format!("feedback/{name}.csv"), format!("{MARKS}{lines}").as_bytes(), 3);
    }

    fn suppressed(&self, name: &str, lines: &str) {
        let path = format!("suppressions/{name}.csv");
        land(self.path(), &path, format!("{SUPPRESSIONS}{lines}").as_bytes(), 3);
    }

    /// Ingest without a folder of keys, at half past ten of a day.
    fn ingest_keyless(&self, day: &str) -> Binary {
        let [marks, suppressions] = [
            include_str!("../../docs/samples/ingest/mapping-feedback.json"),
            include_str!("../../docs/samples/ingest/mapping-suppressions.json"),
        ]
        .map(|sample| serde_json::from_str::<Json>(sample).unwrap());
        let config = json!({"mappings": [marks, suppressions], "pseudonyms": {"epoch_months": 1}});
        Binary::stage("ingest")
            .root(self.path())
            .interval(&format!("{day}T09:00:00Z"), &format!("{day}T10:00:00Z"))
            .args(&format!("--as-of {day}T10:30:00Z"))
            .config(&config)
    }

    fn ingest(&self, day: &str) -> Binary {
        self.ingest_keyless(day).arg("--pseudonym-keys").arg(self.keys.path())
    }

    fn erase(&self) -> Binary {
        let stage = Binary::stage("maintain").root(self.path());
        let stage = stage.args("--step erase --epoch 2024-05-01 --person Ada");
        let stage = stage.arg("--reason").arg("asked by letter");
        stage.arg("--pseudonym-keys").arg(self.keys.path())
    }

    fn people(&self) -> Vec<String> {
        texts(&rows(self.path(), "feedback"), "person")
    }

    fn has_erasures(&self) -> bool {
        self.path().join("tables/erasures").exists()
    }
}

fn list(batch: &RecordBatch, name: &str) -> Vec<String> {
    let texts = batch.column_by_name(name).unwrap().as_list::<i32>().value(0);
    texts.as_string::<i32>().iter().flatten().map(str::to_owned).collect()
}

fn is_pseudonym(text: &str, epoch: &str) -> bool {
    let digits = text.strip_prefix(&format!("p:{epoch}:"));
    digits.is_some_and(|digits| {
        digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[test]
fn a_person_is_one_pseudonym_in_every_table_of_an_epoch() {
    let site = Site::new();
    site.marked("all", &[("a", "Kim"), ("b", " Kim "), ("c", "Lee"), ("d", "")]);
    site.suppressed(
        "kim",
        "s,set,2024-05-01T03:00:00Z,site,north/N001,Kim,festival,,2024-05-04T00:00:00Z\n\
         t,set,2024-05-01T03:00:00Z,site,north/N001,Kim,no end,,\n",
    );
    let run = site.ingest("2024-05-01").exits(0);
    assert_eq!([counted(&run, "rows_written"), counted(&run, "rows_quarantined")], [5, 1]);
    let people = site.people();
    let distinct: BTreeSet<&String> = people.iter().collect();
    assert_eq!((people.len(), distinct.len()), (4, 3), "Kim, Lee and nobody: {people:?}");
    let owners = texts(&rows(site.path(), "suppressions"), "owner");
    assert_eq!(owners.len(), 1);
    let kim = &owners[0];
    assert!(is_pseudonym(kim, MAY_EPOCH), "{kim}");
    assert_eq!(people.iter().filter(|person| *person == kim).count(), 2);
    assert_eq!(people.iter().filter(|person| *person == "-").count(), 1);
    let samples = texts(&rows(site.path(), "quarantine"), "sample");
    assert!(samples.len() == 1 && samples[0].contains(kim.as_str()), "{samples:?}");
    assert!(!samples[0].contains("Kim"), "{samples:?}");
    let ids = texts(&rows(site.path(), "feedback"), "feedback_id");
    assert!(!ids.iter().any(|id| ["a", "b", "c"].contains(&id.as_str())), "keyed too: {ids:?}");
    assert!(ids.iter().any(|id| id == "d"), "no name went into it: {ids:?}");
    let mode = fs::metadata(site.key(MAY_EPOCH)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(site.ingest("2024-05-01").exits(0).status(), "unchanged");
}

#[test]
fn what_cannot_be_read_names_nobody() {
    let site = Site::new();
    site.marked("good", &[("a", "Lee")]);
    site.ingest("2024-05-01").exits(0);
    let headless = b"b,missed,2024-05-01T03:00:00Z,site,north/N001,,,Kim,\n";
    land(site.path(), "feedback/headless.csv", headless, 3);
    let swapped = format!("{MARKS}c,missed,Kim,site,north/N001,,,,\n");
    land(site.path(), "feedback/swapped.csv", swapped.as_bytes(), 3);
    let run = site.ingest("2024-05-02").exits(0);
    assert_eq!([counted(&run, "quarantined"), counted(&run, "rows_quarantined")], [1, 1]);
    assert!(!run.stderr.contains("Kim"), "{}", run.stderr);
    for (table, columns) in
        [("quarantine", &["reason", "sample"][..]), ("ingest_ledger", &["reason"][..])]
    {
        let rows = rows(site.path(), table);
        let said = columns.iter().flat_map(|name| texts(&rows, name)).collect::<Vec<_>>();
        assert!(!said.iter().any(|text| text.contains("Kim")), "{table}: {said:?}");
    }
    let reasons = texts(&rows(site.path(), "quarantine"), "reason");
    assert!(reasons.iter().any(|reason| reason.contains("is not a moment")), "{reasons:?}");
    assert!(reasons.iter().any(|reason| reason.contains("not in the file")), "{reasons:?}");
}

#[test]
fn the_next_epoch_has_a_key_of_its_own() {
    let site = Site::new();
    site.marked("first", &[("a", "Kim")]);
    site.ingest("2024-05-01").exits(0);
    site.marked("second", &[("b", "Kim")]);
    site.ingest("2024-06-01").exits(0);
    let people = site.people();
    let mut digits: Vec<&str> =
        people.iter().map(|person| person.rsplit(':').next().unwrap()).collect();
    digits.dedup();
    assert_eq!(digits.len(), 2, "nobody can tell that it is one person: {people:?}");
    assert!(people.iter().any(|person| is_pseudonym(person, "2024-06-01")), "{people:?}");
    assert_ne!(fs::read(site.key(MAY_EPOCH)).unwrap(), fs::read(site.key("2024-06-01")).unwrap());
}

#[test]
fn a_lost_key_is_an_error_and_gets_no_successor() {
    let site = Site::new();
    site.marked("first", &[("a", "Kim")]);
    let run = site.ingest_keyless("2024-05-01").exits(2);
    assert!(run.stderr.contains("--pseudonym-keys"), "{}", run.stderr);
    site.ingest("2024-05-01").exits(0);
    let key = fs::read(site.key(MAY_EPOCH)).unwrap();

    fs::remove_file(site.key(MAY_EPOCH)).unwrap();
    site.marked("second", &[("b", "Kim")]);
    let run = site.ingest("2024-05-02").exits(66);
    assert!(run.error_line().contains("2024-05-01.key: not there"), "{}", run.stderr);
    assert!(!site.key(MAY_EPOCH).exists(), "no second key");
    fs::write(site.key(MAY_EPOCH), [7; 32]).unwrap();
    let run = site.ingest("2024-05-02").exits(65);
    assert!(run.error_line().contains("pseudonyms of epoch 2024-05-01"), "{}", run.stderr);
    assert_eq!(site.people().len(), 1, "nothing was taken");

    fs::write(site.key(MAY_EPOCH), key).unwrap();
    site.ingest("2024-05-02").exits(0);
    let people = site.people();
    assert_eq!((people.len(), &people[0]), (2, &people[1]), "nothing was lost");
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
    let planned = site.erase().args("--dry-run").exits(0);
    assert_eq!((planned.number("reached_rows"), site.has_erasures()), (Some(3.0), false));

    let run = site.erase().exits(0);
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
    let again = site.erase().exits(0);
    assert_eq!((again.status(), rows(site.path(), "erasures").num_rows()), ("unchanged", 1));
}

#[test]
fn an_erasure_that_was_cut_short_is_completed() {
    let site = Site::new();
    site.marked("kim", &[("a", "Kim")]);
    site.ingest("2024-05-01").exits(0);
    let key = fs::read(site.key(MAY_EPOCH)).unwrap();
    site.erase().exits(0);
    // Written down, and the key still there: as after a crash between the two.
    fs::write(site.key(MAY_EPOCH), key).unwrap();
    site.marked("late", &[("b", "Kim")]);
    site.ingest("2024-05-02").exits(0);
    assert!(site.people().contains(&"p:2024-05-01:erased".to_owned()), "{:?}", site.people());
    assert_eq!(site.erase().exits(0).status(), "done");
    assert_eq!(fs::metadata(site.key(MAY_EPOCH)).unwrap().len(), 0);
    assert_eq!(rows(site.path(), "erasures").num_rows(), 1);
}

#[test]
fn late_facts_of_an_erased_epoch_lose_the_name_and_nothing_else() {
    let site = Site::new();
    site.marked("kim", &[("a", "Kim")]);
    site.ingest("2024-05-01").exits(0);
    site.erase().exits(0);
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
    let run = site.erase().exits(66);
    assert!(run.error_line().contains("nobody got a pseudonym"), "{}", run.stderr);
    site.ingest("2024-05-01").exits(0);
    let key = fs::read(site.key(MAY_EPOCH)).unwrap();

    let hold =
        json!({"tables": ["feedback"], "until": "2024-05-01", "owner": "Kim", "reason": "case 7"});
    let run = site.erase().config(&json!({"holds": [hold]})).exits(2);
    assert!(run.error_line().contains("table `feedback`: Kim holds"), "{}", run.stderr);
    let nobody = Binary::stage("maintain").root(site.path());
    let run = nobody.args("--step erase --epoch 2024-05-01 --reason law").exits(2);
    assert!(run.error_line().contains("--person"), "{}", run.stderr);
    let elsewhere = TempDir::new().unwrap();
    let lost = || {
        let stage = Binary::stage("maintain").root(site.path());
        let stage = stage.args("--step erase --epoch 2024-05-01 --person Ada --reason law");
        stage.arg("--pseudonym-keys").arg(elsewhere.path())
    };
    let run = lost().exits(66);
    assert!(run.error_line().contains("2024-05-01.key: not there"), "{}", run.stderr);
    assert!(!site.has_erasures());
    assert_eq!(fs::read(site.key(MAY_EPOCH)).unwrap(), key, "untouched");

    let other =
        json!({"tables": ["feedback"], "from": "2024-05-02", "owner": "Kim", "reason": "case 8"});
    let run = lost().config(&json!({"holds": [other]})).args("--force").exits(0);
    assert_eq!(run.status(), "done");
    assert_eq!(texts(&rows(site.path(), "erasures"), "key"), ["lost"]);
}
