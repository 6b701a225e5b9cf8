//! Clients whose clocks are wrong by minutes or by a year: commits are ordered by their numbers, not by clocks.

use std::path::PathBuf;

use foresite_tables::Root;
use foresite_testkit::{Binary, Hdfs};

/// What is added to the clock of each client.
const CLOCKS: [&str; 6] = ["+1y", "-10m", "+10m", "-1y", "+10m", "+0"];

/// Debian's `libfaketime`, or `None` after printing why the test is skipped.
pub(crate) fn fake_time() -> Option<PathBuf> {
    let found = std::fs::read_dir("/usr/lib")
        .ok()?
        .flatten()
        .map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"))
        .find(|library| library.exists());
    if found.is_none() {
        println!("SKIPPED: needs Debian's libfaketime");
    }
    found
}

#[test]
fn clients_ahead_and_behind_commit_in_turn() {
    let (Some(hdfs), Some(library)) = (Hdfs::shared(), fake_time()) else { return };
    let root = Root::open(&hdfs.folder()).unwrap();
    root.create().unwrap();
    let count = |clock: &str| {
        Binary::stage("tiny-count")
            .arg("--data-root")
            .arg(root.url().as_str())
            .args("--as-of 1970-01-01T02:00:00Z")
            .env("LD_PRELOAD", library.to_str().unwrap())
            .env("FAKETIME", clock)
            // Deadlines keep the true pace.
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .exits(0)
    };
    for (number, clock) in (1_u64..).zip(CLOCKS) {
        root.write(&format!("landing/{number}.csv"), format!("a,0,{number}\n")).unwrap();
        let run = count(clock);
        assert_eq!(run.result["outputs"][0]["rows"], 1, "only the new file: {}", run.result);
    }
    assert_eq!(count("-1y").status(), "unchanged");
    let values = root.existing(foresite_tests::values()).unwrap();
    assert_eq!(values.read_all(&foresite_tables::Read::all()).unwrap().num_rows(), CLOCKS.len());
}
