//! Pseudonyms in the place of names: made by ingest with the key of an epoch.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use foresite_testkit::Binary;
use serde_json::json;

use crate::landing::{counted, land, rows, texts};
use crate::people::{MARKS, MAY_EPOCH, Site, mappings};

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
fn a_row_tells_its_epoch_by_when_it_became_known() {
    let site = Site::new();
    let mark = |id: &str, at: &str| format!("{id},missed,{at},site,north/N001,,,Kim,\n");
    let [april, may] = [mark("a", "2024-04-20T03:00:00Z"), mark("b", "2024-05-01T03:00:00Z")];
    land(site.path(), "feedback/past.csv", format!("{MARKS}{april}{may}").as_bytes(), 3);
    let [mut marks, _] = mappings();
    marks["sources"] = json!([{"path": "feedback/*.csv"}]);
    // Each mark was known when it was made, and not when the file came.
    marks["history"] = json!({});
    site.ingest_by("2024-05-01", &[marks]).exits(0);
    let people = site.people();
    for epoch in ["2024-04-01", MAY_EPOCH] {
        let of_epoch = people.iter().filter(|person| is_pseudonym(person, epoch)).count();
        assert_eq!((of_epoch, site.key(epoch).exists()), (1, true), "{epoch}: {people:?}");
    }
    let planned = site.erase("2024-04-01").args("--dry-run").exits(0);
    assert_eq!(planned.number("reached_rows"), Some(1.0), "the mark of April alone");
}

#[test]
fn a_lost_key_is_an_error_and_gets_no_successor() {
    let site = Site::new();
    site.marked("first", &[("a", "Kim")]);
    let run = site.ingest_keyless("2024-05-01", &mappings()).exits(2);
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

/// Ingest of a day that logs all it can.
fn traced(site: &Site, day: &str) -> Binary {
    site.ingest(day).env("FORESITE_LOG", "json").env("FORESITE_LOG_LEVEL", "trace")
}

#[test]
fn a_key_is_in_no_table_log_or_result() {
    let site = Site::new();
    site.marked("first", &[("a", "Kim")]);
    let mut runs = vec![traced(&site, "2024-05-01").exits(0)];
    let key = fs::read(site.key(MAY_EPOCH)).unwrap();
    fs::write(site.key(MAY_EPOCH), b"another key of the epoch of May!").unwrap();
    site.marked("second", &[("b", "Kim")]);
    runs.push(traced(&site, "2024-05-02").exits(65));
    let wrong = site.secrets();
    fs::write(site.key(MAY_EPOCH), key).unwrap();
    runs.push(traced(&site, "2024-05-02").exits(0));
    site.marked("third", &[("c", "Kim")]);
    runs.push(traced(&site, "2024-06-01").exits(0));
    assert!(site.key("2024-06-01").exists(), "a key of each epoch is looked for");
    let keys = site.secrets();
    runs.push(site.erase(MAY_EPOCH).exits(0));
    for keys in [keys, wrong] {
        site.assert_kept(&keys, &runs);
    }
}

#[test]
#[should_panic(expected = "a key of pseudonyms got out")]
fn a_key_that_gets_out_is_found() {
    let site = Site::new();
    site.marked("first", &[("a", "Kim")]);
    let run = site.ingest("2024-05-01").exits(0);
    let keys = site.secrets();
    fs::write(site.path().join("lineage/key"), fs::read(site.key(MAY_EPOCH)).unwrap()).unwrap();
    site.assert_kept(&keys, &[run]);
}
