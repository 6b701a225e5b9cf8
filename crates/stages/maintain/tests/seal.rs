//! Steps `seal-audit` and `verify-audit` as processes: what is new is sealed once, and what was
//! changed or is gone since is named.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use foresite_schema::catalog::{outcome, raw, watch};
use foresite_tables::{Micros, Root, sha256_hex};
use foresite_testkit::{Binary, Rows, Run};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

const DAY: Micros = 86_400_000_000;
/// 2026-03-02T00:00:00Z.
const MONDAY: Micros = 1_772_409_600_000_000;
const FIRST: &str = "2026-03-03T02:30:00Z";
const SECOND: &str = "2026-03-04T02:30:00Z";
const LOGINS: &str = "logins/2026-03-02/08-a.jsonl";
const MANIFEST: &str = "exports/i/c/l1/manifest.json";

fn root() -> (TempDir, Root) {
    let folder = TempDir::new().unwrap();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    root.create().unwrap();
    (folder, root)
}

/// Decisions about a model, numbered from 1; the last one is Kim's.
fn decide(root: &Root, events: &[&'static str]) {
    let count = events.len();
    let persons = (1..=count).map(|seq| (seq == count).then_some("Kim"));
    let rows = Rows::new(count).text("task", events.iter().map(|_| Some("toy")));
    let rows = rows.longs("seq", (1_i64..).take(count));
    let rows = rows.text("event", events.iter().map(|event| Some(*event)));
    let rows = rows.text("model_id", events.iter().map(|_| Some("m1")));
    let rows = rows.text("person", persons);
    let rows = rows.times("at", events.iter().map(|_| Some(MONDAY)));
    rows.write(root, outcome::registry_events(), MONDAY);
}

/// An epoch that was erased, and a suppression older than its table keeps one.
fn erase_and_suppress(root: &Root) {
    let rows = Rows::new(1).text("epoch", std::iter::once(Some("2026-01-01")));
    let rows = ["tables", "models", "unread_models", "files"]
        .into_iter()
        .fold(rows, |rows, name| rows.texts(name, std::iter::once(vec!["one".to_owned()])));
    rows.write(root, watch::erasures(), MONDAY);
    let rows = Rows::new(1).text("fact", std::iter::once(Some("set")));
    let rows = rows.text("owner", std::iter::once(Some("Lee")));
    let rows = rows.times("at", std::iter::once(Some(MONDAY - 800 * DAY)));
    rows.write(root, raw::suppressions(), MONDAY);
}

/// Takes a table away, as who may write it can.
fn remove(root: &Root, table: &str) {
    std::fs::remove_dir_all(root.local_path(&format!("tables/{table}")).unwrap()).unwrap();
}

fn maintain(root: &Root, step: &str) -> Binary {
    Binary::stage("maintain").root(&root.local_path("").unwrap()).args(&format!("--step {step}"))
}

fn seal(root: &Root, night: &str) -> Run {
    maintain(root, "seal-audit").args(&format!("--as-of {night}")).exits(0)
}

fn verify(root: &Root, login_days: u32, code: i32) -> Run {
    maintain(root, "verify-audit").config(&json!({"login_days": login_days})).exits(code)
}

fn text(root: &Root, path: &str) -> String {
    String::from_utf8(root.read(path).unwrap().to_vec()).unwrap()
}

fn paths(root: &Root) -> Vec<String> {
    root.list("audit/").unwrap().into_iter().map(|file| file.path).collect()
}

#[test]
fn what_is_new_is_sealed_once_and_an_empty_night_follows_too() {
    let (_folder, root) = root();
    decide(&root, &["registered", "promoted"]);
    erase_and_suppress(&root);
    let planned = maintain(&root, "seal-audit").args(&format!("--as-of {FIRST} --dry-run"));
    assert_eq!(planned.exits(0).status(), "planned");
    assert_eq!(paths(&root), Vec::<String>::new(), "a dry run writes nothing");

    let run = seal(&root, FIRST);
    assert_eq!((run.status(), run.number("sealed")), ("done", Some(4.0)));
    let first = text(&root, "audit/2026-03-03.jsonl");
    let again = seal(&root, FIRST);
    assert_eq!((again.status(), again.number("sealed")), ("unchanged", Some(0.0)));
    assert_eq!(again.result["numbers"]["head"], run.result["numbers"]["head"]);
    let second = seal(&root, SECOND);
    assert_eq!((second.status(), second.number("sealed")), ("done", Some(0.0)), "an empty night");
    assert_eq!(seal(&root, FIRST).status(), "unchanged", "an earlier night that is run again");
    assert_eq!(paths(&root), ["audit/2026-03-03.jsonl", "audit/2026-03-04.jsonl"]);
    assert_eq!(text(&root, "audit/2026-03-03.jsonl"), first);

    let both = first + &text(&root, "audit/2026-03-04.jsonl");
    let mut previous = String::new();
    for line in both.lines() {
        let read: Json = serde_json::from_str(line).unwrap();
        assert_eq!(read["previous"], json!(previous), "{line}");
        previous = sha256_hex(line.as_bytes());
    }
    assert_eq!(second.result["numbers"]["head"], json!(previous));
    let run = verify(&root, 400, 0);
    let numbers = ["nights", "sealed", "gone"].map(|name| run.number(name));
    assert_eq!(numbers, [Some(2.0), Some(4.0), Some(0.0)]);
    assert_eq!((run.status(), paths(&root).len()), ("unchanged", 2), "it only looks");
}

#[test]
fn a_line_says_when_what_who_and_from_which_version() {
    let (_folder, root) = root();
    decide(&root, &["promoted"]);
    seal(&root, FIRST);
    let file = text(&root, "audit/2026-03-03.jsonl");
    let mut line: Json = serde_json::from_str(file.lines().last().unwrap()).unwrap();
    let previous = line.as_object_mut().unwrap().remove("previous");
    assert_eq!(previous.unwrap().as_str().unwrap().len(), 64);
    assert!(line["version"].take().is_u64());
    let row = json!({"task": "toy", "seq": 1, "event": "promoted", "model_id": "m1",
                     "person": "Kim", "at": "2026-03-02T00:00:00Z"});
    let expected = json!({"written": FIRST, "source": "registry_events", "version": null,
                          "kind": "promoted", "who": "Kim", "row": row});
    assert_eq!(line, expected);
}

#[test]
fn a_changed_line_is_named() {
    let (_folder, root) = root();
    decide(&root, &["registered", "promoted"]);
    seal(&root, FIRST);
    seal(&root, SECOND);
    let path = "audit/2026-03-03.jsonl";
    let whole = text(&root, path);
    let lines: Vec<&str> = whole.lines().collect();
    let cases = [
        (whole.replace("registered", "revoked"), "audit/2026-03-03.jsonl line 3: it does not"),
        (whole.replace("Kim", "Eve"), "audit/2026-03-04.jsonl line 1: it does not"),
        ([lines[0], lines[2]].join("\n"), "audit/2026-03-03.jsonl line 2: it does not"),
        (lines[..2].join("\n"), "audit/2026-03-04.jsonl line 1: it does not"),
        (whole.replacen('{', "", 1), "audit/2026-03-03.jsonl line 1: it is no line"),
    ];
    for (changed, place) in cases {
        root.write(path, changed).unwrap();
        let run = verify(&root, 400, 65);
        assert!(run.stderr.contains(place), "expected {place}, got {}", run.stderr);
    }
    root.write(path, whole.replace("Kim", "Eve")).unwrap();
    let said = verify(&root, 400, 65).stderr;
    assert!(said.contains("; 1 rows or files are not there any more"), "{said}");
    assert_eq!(seal(&root, "2026-03-05T02:30:00Z").number("sealed"), Some(1.0), "Kim's row again");
}

#[test]
fn a_row_that_was_taken_out_is_named_unless_retention_takes_it() {
    let (_folder, root) = root();
    decide(&root, &["registered", "promoted", "revoked"]);
    erase_and_suppress(&root);
    seal(&root, FIRST);
    remove(&root, "suppressions");
    verify(&root, 400, 0);
    remove(&root, "registry_events");
    decide(&root, &["registered", "promoted"]);
    let run = verify(&root, 400, 65);
    // The promotion has got another person too: neither row is as it was.
    let named = |kind: &str| run.stderr.contains(&format!("kind=\"{kind}\""));
    assert_eq!(["registered", "promoted", "revoked"].map(named), [false, true, true]);
    assert!(run.stderr.contains("2 rows or files are not there any more"), "{}", run.stderr);
}

#[test]
fn files_are_sealed_when_they_are_settled_and_named_when_they_are_not_as_they_were() {
    let (_folder, root) = root();
    root.write(LOGINS, "Lee\n").unwrap();
    root.write(MANIFEST, "{}").unwrap();
    root.write("exports/i/c/current.json", "{}").unwrap();
    assert_eq!(seal(&root, "2026-03-05T02:30:00Z").number("sealed"), Some(1.0), "the export");
    assert_eq!(seal(&root, "2026-03-06T02:30:00Z").number("sealed"), Some(1.0), "three days old");
    let chain = text(&root, "audit/2026-03-06.jsonl");
    assert!(chain.contains(LOGINS) && !chain.contains("Lee"), "{chain}");
    verify(&root, 36_500, 0);
    root.write(MANIFEST, "{} ").unwrap();
    root.delete(LOGINS).unwrap();
    let said = verify(&root, 36_500, 65).stderr;
    assert!(said.contains(LOGINS) && said.contains(MANIFEST), "{said}");
    let said = verify(&root, 1, 65).stderr;
    assert!(!said.contains(LOGINS) && said.contains(MANIFEST), "old log-ins may expire: {said}");
}
