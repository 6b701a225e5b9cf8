//! Writers on HDFS that are killed, that race, and that lose a DataNode under a commit. What they
//! left is judged on a copy that Hadoop's own client makes, replayed without our code.

use std::process::Child;
use std::time::{Duration, Instant};

use foresite_tables::{Root, Vacuum};
use foresite_testkit::Hdfs;
use tempfile::TempDir;

use crate::faults::Heal;
use crate::raw_log::RawLog;
use crate::shape::Counted;
use crate::writers::{ROWS, acknowledged, assert_kept, assert_whole, kills, scattered, writer};

/// Kills of the plain run; `FORESITE_KILLS` asks for more.
const KILLS: u64 = 10;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a kill may come into the middle of: the start of a process, an upload, a commit.
const LONGEST_LIFE_MS: u64 = 2500;

/// A copy of `tiny_sums`, for as long as it is held.
fn copied(hdfs: &Hdfs, root: &Root) -> (TempDir, RawLog) {
    let folder = TempDir::new().unwrap();
    let table = root.url().join("tables/tiny_sums").unwrap();
    hdfs.control(&format!("dfs -get {table} {}", folder.path().display()));
    let log = RawLog::read(&folder.path().join("tiny_sums"));
    (folder, log)
}

/// Every version is whole, and everything that was acknowledged is there once.
fn assert_sound(hdfs: &Hdfs, root: &Root, said: &[(i64, i64, u64)]) -> RawLog {
    let (_copy, log) = copied(hdfs, root);
    for version in 0..log.versions {
        assert_whole(&log, version);
    }
    assert_kept(&log, said);
    assert_eq!(root.existing(foresite_tests::sums()).unwrap().verify().unwrap().faults, []);
    log
}

/// Names of the files below the table that contain `part`, as Hadoop's own client lists them.
fn listed(hdfs: &Hdfs, root: &Root, part: &str) -> usize {
    let table = root.url().join("tables/tiny_sums").unwrap();
    let all = hdfs.control(&format!("dfs -ls -R {table}"));
    all.lines().filter(|line| line.starts_with('-') && line.contains(part)).count()
}

/// Waits until the table has a version.
fn wait_for(root: &Root, version: u64) {
    let path = format!("tables/tiny_sums/_delta_log/{version:020}.json");
    let started = Instant::now();
    while root.entry(&path).unwrap().is_none() {
        assert!(started.elapsed() < PATIENCE, "{path} did not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A vacuum at once: what killed writers left is gone, and only live files stay.
fn assert_cleaned(hdfs: &Hdfs, root: &Root, log: &RawLog) {
    let table = root.existing(foresite_tests::sums()).unwrap();
    let keep_from = table.version().unwrap();
    let now = root.clock().unwrap();
    let grace = Duration::ZERO;
    let vacuum = Vacuum { keep_from, now, grace, staged: Default::default() };
    let dead = table.vacuum(&vacuum, false).unwrap().len();
    let live = log.live.last().unwrap().len();
    println!("vacuum took {dead} files and left {live}");
    assert_eq!(listed(hdfs, root, "/part-"), live, "only live files stay");
    assert_eq!(table.verify().unwrap().faults, []);
}

#[test]
fn a_writer_killed_anywhere_on_hdfs_loses_nothing() {
    let Some((hdfs, root)) = crate::root() else { return };
    let (uri, kills) = (root.url().as_str(), kills(KILLS));
    let (mut said, mut killed) = (Vec::new(), 0);
    assert!(writer(uri, "w", 0, 4).wait().unwrap().success());
    for round in 0..kills {
        let mut child = writer(uri, "w", 1000 * (round as i64 + 1), 1000);
        std::thread::sleep(Duration::from_millis(50 + scattered(round, LONGEST_LIFE_MS)));
        child.kill().unwrap();
        killed += u64::from(child.wait().unwrap().code().is_none());
        said.extend(acknowledged(&mut child));
        let rows = root.existing(foresite_tests::sums()).unwrap();
        let rows = rows.read_all(&foresite_tables::Read::all()).unwrap();
        assert_eq!(rows.num_rows() as i64, 4 * ROWS, "round {round}: four whole slots");
    }
    let left = root.leftovers("").unwrap();
    for file in &left {
        root.delete_leftover(file).unwrap();
    }
    assert_eq!(listed(&hdfs, &root, "/.tmp-"), 0, "nothing half written stays");
    let log = assert_sound(&hdfs, &root, &said);
    println!(
        "{killed} of {kills} writers killed, {} commits said, {} in the log, {} half-written files",
        said.len(),
        log.tokens.len(),
        left.len()
    );
    assert_eq!(killed, kills, "a writer ended before its kill");
    assert!(!said.is_empty(), "no writer came to a commit");
    assert_cleaned(&hdfs, &root, &log);
}

#[test]
fn eight_writers_on_the_same_and_neighbouring_slots_lose_nothing_on_hdfs() {
    let Some((hdfs, root)) = crate::root() else { return };
    let uri = root.url().as_str();
    assert!(writer(uri, "first", 0, 1).wait().unwrap().success());
    let mut writers: Vec<Child> =
        (0..8).map(|number| writer(uri, &format!("w{number}"), 100 * (number + 1), 8)).collect();
    let mut said = Vec::new();
    for child in &mut writers {
        said.extend(acknowledged(child));
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(said.len(), 64);
    let log = assert_sound(&hdfs, &root, &said);
    assert_eq!(log.tokens.len(), 65, "each replacement once");
    assert!(root.leftovers("").unwrap().is_empty());
}

#[test]
fn live_copies_of_a_stage_on_hdfs_take_every_file_once() {
    let Some(hdfs) = Hdfs::shared() else { return };
    let data = Counted::new(&hdfs, 8, 50);
    let copies: Vec<_> = (0..3).map(|_| data.count().start()).collect();
    for (child, binary) in copies {
        let run = binary.ended(&child.wait_with_output().unwrap()).unwrap();
        assert!(matches!(run.code, Some(0 | 75)), "{}", run.stderr);
    }
    data.count().exits(0);
    data.assert_complete();
}

#[test]
fn commits_outlive_the_death_of_a_datanode() {
    let Some(hdfs) = Hdfs::alone() else { return };
    let root = Root::open(&hdfs.folder()).unwrap();
    root.create().unwrap();
    let mut child = writer(root.url().as_str(), "w", 0, 40);
    wait_for(&root, 5);
    hdfs.control("kill-datanode 1");
    let heal = Heal(&hdfs, "heal");
    let said = acknowledged(&mut child);
    assert!(child.wait().unwrap().success());
    drop(heal);
    assert_eq!(said.len(), 40);
    let log = assert_sound(&hdfs, &root, &said);
    assert_eq!(log.tokens.len(), 40, "each replacement once");
    assert!(root.leftovers("").unwrap().is_empty());
}

#[test]
fn a_table_deleted_and_made_again_under_a_writer_is_sound() {
    let Some((hdfs, root)) = crate::root() else { return };
    let uri = root.url().as_str();
    let mut old = writer(uri, "old", 0, 1000);
    wait_for(&root, 12);
    let table = root.url().join("tables/tiny_sums").unwrap();
    hdfs.control(&format!("dfs -rm -r -skipTrash {table}"));
    let ended = old.wait_timeout(PATIENCE);
    assert_eq!(ended, Some(false), "the writer must end, and say so");
    let mut new = writer(uri, "new", 5000, 6);
    let said = acknowledged(&mut new);
    assert!(new.wait().unwrap().success());
    let log = assert_sound(&hdfs, &root, &said);
    assert!(log.tokens.iter().all(|(_, token)| *token >= 5000), "nothing of the old table");
}

/// Waits for the end of a process.
trait WaitTimeout {
    /// Whether it ended well; `None` after killing it because it did not end in time.
    fn wait_timeout(&mut self, limit: Duration) -> Option<bool>;
}

impl WaitTimeout for Child {
    fn wait_timeout(&mut self, limit: Duration) -> Option<bool> {
        let started = Instant::now();
        while started.elapsed() < limit {
            if let Some(status) = self.try_wait().unwrap() {
                return Some(status.success());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.kill().unwrap();
        self.wait().unwrap();
        None
    }
}
