//! Writers killed at random points, and eight of them at once: no acknowledged commit is lost,
//! none happens twice, no slot is ever half visible.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use foresite_testkit::binary_path;
use tempfile::TempDir;

use super::raw_log::RawLog;

const SLOTS: i64 = 4;
const ROWS: i64 = 200;

/// Kills of the gate; `FORESITE_KILLS` asks for more.
const KILLS: u64 = 30;

fn writer(root: &Path, name: &str, first: i64, count: i64) -> Child {
    let mut command = Command::new(binary_path("foresite-tiny-writer"));
    command.arg(root).arg(name);
    command.args([first, count, SLOTS, ROWS].map(|number| number.to_string()));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// What a writer acknowledged: (token, hour, version). A last line that the kill cut is dropped.
fn acknowledged(child: &mut Child) -> Vec<(i64, i64, u64)> {
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole
        .lines()
        .map(|line| {
            let mut numbers = line.split(' ').map(|number| number.parse::<i64>().unwrap());
            let [token, hour, version] = [(); 3].map(|()| numbers.next().unwrap());
            (token, hour, version as u64)
        })
        .collect()
}

fn table(root: &Path) -> PathBuf {
    root.join("tables/tiny_sums")
}

/// Every version shows whole slots only: per hour one token, on all rows.
fn assert_whole(log: &RawLog, version: u64) {
    for (hour, tokens) in log.hours(version) {
        let rows: Vec<usize> = tokens.values().copied().collect();
        assert_eq!(rows, [ROWS as usize], "version {version}, hour {hour}: {tokens:?}");
    }
}

/// Each acknowledged replacement is in the log once, at the version that was acknowledged, and the
/// newest version shows for each hour the last token of the log.
fn assert_kept(log: &RawLog, acknowledged: &[(i64, i64, u64)]) {
    let mut versions: BTreeMap<i64, Vec<u64>> = BTreeMap::new();
    for (version, token) in &log.tokens {
        versions.entry(*token).or_default().push(*version);
    }
    for (token, found) in &versions {
        assert_eq!(found.len(), 1, "token {token} was committed as versions {found:?}");
    }
    for (token, _, version) in acknowledged {
        assert_eq!(versions.get(token).map(Vec::as_slice), Some(&[*version][..]), "token {token}");
    }
    let mut newest: BTreeMap<i64, i64> = BTreeMap::new();
    for (_, token) in &log.tokens {
        newest.insert(token % SLOTS, *token);
    }
    let shown = log.hours(log.versions - 1);
    let shown: BTreeMap<i64, i64> = shown
        .into_iter()
        .filter_map(|(hour, tokens)| Some((hour, *tokens.keys().next()?)))
        .collect();
    assert_eq!(shown, newest);
}

fn verify(root: &Path) {
    // The tiny tables stand in no catalogue, so the stage is not the one to ask.
    let root = foresite_tables::Root::open(root.to_str().unwrap()).unwrap();
    let found = root.existing(foresite_tests::sums()).unwrap().verify().unwrap();
    assert_eq!(found.faults, []);
}

/// A number that differs from round to round and is the same in every run.
fn scattered(round: u64, below: u64) -> u64 {
    round.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) % below
}

#[test]
fn a_writer_killed_anywhere_loses_nothing() {
    let root = TempDir::new().unwrap();
    let kills = std::env::var("FORESITE_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let (mut said, mut killed) = (Vec::new(), 0);
    // A table to begin with, so that every kill hits a writer and not the first commit.
    assert!(writer(root.path(), "w", 0, 4).wait().unwrap().success());
    for round in 0..kills {
        let first = 1000 * (round as i64 + 1);
        let mut child = writer(root.path(), "w", first, 1000);
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
    assert!(writer(root.path(), "first", 0, 1).wait().unwrap().success());
    let mut writers: Vec<Child> = (0..8)
        .map(|number| writer(root.path(), &format!("w{number}"), 100 * (number + 1), 8))
        .collect();
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
