//! Writers killed at random points, and eight of them at once: no acknowledged commit is lost,
//! none happens twice, no slot is ever half visible.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use tempfile::TempDir;

use super::raw_log::RawLog;
use super::writers::{acknowledged, assert_kept, assert_whole, kills, scattered, writer};

/// Kills of the gate; `FORESITE_KILLS` asks for more.
const KILLS: u64 = 30;

fn table(root: &Path) -> PathBuf {
    root.join("tables/tiny_sums")
}

fn verify(root: &Path) {
    // The tiny tables stand in no catalogue, so the stage is not the one to ask.
    let root = foresite_tables::Root::open(root.to_str().unwrap()).unwrap();
    let found = root.existing(foresite_tests::sums()).unwrap().verify().unwrap();
    assert_eq!(found.faults, []);
}

#[test]
fn a_writer_killed_anywhere_loses_nothing() {
    let root = TempDir::new().unwrap();
    let uri = root.path().to_str().unwrap();
    let kills = kills(KILLS);
    let (mut said, mut killed) = (Vec::new(), 0);
    // A table to begin with, so that every kill hits a writer and not the first commit.
    assert!(writer(uri, "w", 0, 4).wait().unwrap().success());
    for round in 0..kills {
        let first = 1000 * (round as i64 + 1);
        let mut child = writer(uri, "w", first, 1000);
        std::thread::sleep(Duration::from_millis(10 + scattered(round, 120)));
        child.kill().unwrap();
        killed += u64::from(child.wait().unwrap().code().is_none());
        said.extend(acknowledged(&mut child));
        let log = RawLog::read(&table(root.path()));
        assert_whole(&log, log.versions - 1);
    }
    let log = RawLog::read(&table(root.path()));
    for version in 0..log.versions {
        assert_whole(&log, version);
    }
    assert_kept(&log, &said);
    verify(root.path());
    println!(
        "{killed} of {kills} writers killed, {} commits said, {} in the log",
        said.len(),
        log.tokens.len()
    );
    assert_eq!(killed, kills, "a writer ended before its kill");
    assert!(!said.is_empty(), "no writer came to a commit");
}

#[test]
fn eight_writers_on_the_same_and_neighbouring_slots_lose_nothing() {
    let root = TempDir::new().unwrap();
    let uri = root.path().to_str().unwrap();
    assert!(writer(uri, "first", 0, 1).wait().unwrap().success());
    let mut writers: Vec<Child> =
        (0..8).map(|number| writer(uri, &format!("w{number}"), 100 * (number + 1), 8)).collect();
    let mut said = Vec::new();
    for child in &mut writers {
        said.extend(acknowledged(child));
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(said.len(), 64);
    let log = RawLog::read(&table(root.path()));
    assert_eq!(log.tokens.len(), 65, "each replacement once");
    for version in 0..log.versions {
        assert_whole(&log, version);
    }
    assert_kept(&log, &said);
    verify(root.path());
}
