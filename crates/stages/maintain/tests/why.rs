//! Step `why` as a process: a file that the ledger has under another kind, and half an interval.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use foresite_schema::catalog::{outcome, raw};
use foresite_tables::{Root, sha256_hex};
use foresite_testkit::{Binary, Rows};
use serde_json::{Value as Json, json};

/// What the rows of a fixture have where they say nothing.
const MAKER: &str = "fixture";
const ID: &str = "0123456789abcdef01234567";
/// 2026-03-02T00:00:00Z.
const CUTOFF: i64 = 1_772_409_600_000_000;

/// A prediction that was made of one file, which ingest took as `kind`.
fn predicted_from(kind: &str) -> (tempfile::TempDir, Root, String) {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    root.create().unwrap();
    let file = sha256_hex(b"alarms and tickets");
    let predictions = outcome::predictions("maintenance");
    let document = json!({
        "stage": "predict", "task": "maintenance", "as_of": CUTOFF, "interval": [CUTOFF, CUTOFF + 1],
        "reads": {"alarms": [file]},
    });
    root.write(&format!("lineage/{MAKER}.json"), document.to_string().into_bytes()).unwrap();
    let one = |text: &'static str| std::iter::once(Some(text));
    Rows::new(1)
        .text("prediction_id", one(ID))
        .times("cutoff", std::iter::once(Some(CUTOFF)))
        .write(&root, predictions, CUTOFF);
    Rows::new(1)
        .text("path", one("facts.zip"))
        .text("file_id", std::iter::once(Some(file.as_str())))
        .text("kind", std::iter::once(Some(kind)))
        .text("state", one("taken"))
        .times("period_start", std::iter::once(Some(CUTOFF)))
        .write(&root, raw::ingest_ledger(), CUTOFF);
    (folder, root, file)
}

fn why(root: &Root) -> Binary {
    let call = format!("--step why --json --prediction {ID} --task maintenance");
    Binary::stage("maintain").root(&root.local_path("").unwrap()).args(&call)
}

#[test]
fn a_file_of_another_kind_is_found_in_the_whole_ledger() {
    for kind in ["alarms", "tickets"] {
        let (_folder, root, file) = predicted_from(kind);
        let told: Json = serde_json::from_str(&why(&root).exits(0).stdout).unwrap();
        let files = json!([{"kind": kind, "path": "facts.zip", "sha256": file}]);
        assert_eq!(told["files"], files, "{told}");
    }
}

#[test]
fn half_an_interval_is_refused() {
    let (_folder, root, _) = predicted_from("alarms");
    for bound in ["--interval-start", "--interval-end"] {
        let run = why(&root).arg(bound).arg("2026-03-02T00:00:00Z").exits(2);
        assert!(run.error_line().contains("the data interval is not given"), "{}", run.stderr);
    }
    let around = why(&root).interval("2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z").exits(0);
    assert!(around.stdout.contains(ID), "{}", around.stdout);
    let later = why(&root).interval("2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z").exits(66);
    assert!(later.error_line().contains("in no table"), "{}", later.stderr);
}
