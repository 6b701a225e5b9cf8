//! Checkpoints that come by themselves, and the clean-up of what they stand for.

use std::fs;

use foresite_tables::{ErrorKind, Read};

use crate::fixture::{DAY, HOUR, commit, filled, kpis, log, root, rows, seen, slot};

fn commits(folder: &tempfile::TempDir) -> Vec<u64> {
    let mut versions: Vec<u64> = fs::read_dir(log(folder))
        .unwrap()
        .filter_map(|entry| {
            entry.unwrap().file_name().to_str()?.strip_suffix(".json")?.parse().ok()
        })
        .collect();
    versions.sort_unstable();
    versions
}

fn checkpoints(folder: &tempfile::TempDir) -> Vec<u64> {
    let mut versions: Vec<u64> = fs::read_dir(log(folder))
        .unwrap()
        .filter_map(|entry| {
            entry.unwrap().file_name().to_str()?.strip_suffix(".checkpoint.parquet")?.parse().ok()
        })
        .collect();
    versions.sort_unstable();
    versions
}

#[test]
fn every_tenth_commit_leaves_a_checkpoint() {
    let (folder, root) = root();
    filled(&root, 0..24);
    assert_eq!(checkpoints(&folder), [10, 20]);
}

#[test]
fn a_checkpoint_that_was_missed_is_made_up_by_the_next_commit() {
    let (folder, root) = root();
    filled(&root, 0..10);
    fs::remove_file(log(&folder).join("00000000000000000010.checkpoint.parquet")).unwrap();
    fs::remove_file(log(&folder).join("_last_checkpoint")).unwrap();
    // As another process finds it: the writer died between the commit and the checkpoint.
    let table = root.existing(kpis()).unwrap();
    table.replace(&slot(10, 11), &rows(&[("a", 10, None, 1)]), &commit("aa", 1)).unwrap();
    drop(table);
    assert_eq!(checkpoints(&folder), [11]);
}

#[test]
fn a_commit_stands_where_its_checkpoint_cannot_be_written() {
    let (folder, root) = root();
    let table = filled(&root, 0..9);
    // A folder in its place: refused for every user, root included.
    fs::create_dir_all(log(&folder).join("00000000000000000010.checkpoint.parquet/x")).unwrap();
    let batch = rows(&[("a", 9, Some(9.0), 1)]);
    let outcome = table.replace(&slot(9, 10), &batch, &commit("aa", 1)).unwrap();
    assert_eq!((outcome.version, outcome.unchanged), (10, false));
    assert_eq!(seen(&table, 9).len(), 19);
}

#[test]
fn clean_up_keeps_what_may_be_asked_for() {
    let (folder, root) = root();
    let table = filled(&root, 0..24);
    let before = table.read(&Read::all().version(20).as_of(DAY + 9 * HOUR)).unwrap();
    let planned = table.expire_log(23, true).unwrap();
    assert_eq!(commits(&folder).len(), 25, "a dry run deletes nothing");
    let deleted = table.expire_log(23, false).unwrap();
    assert_eq!(planned, deleted);
    assert_eq!(commits(&folder), [20, 21, 22, 23, 24]);
    assert_eq!(checkpoints(&folder), [20]);
    let after = table.read(&Read::all().version(20).as_of(DAY + 9 * HOUR)).unwrap();
    assert_eq!(before, after, "the version in force at the start of the retention is still there");
    let error = table.read_all(&Read::all().version(19)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Missing | ErrorKind::BadData), "{error}");
    let again = table.replace(&slot(0, 1), &rows(&[]), &commit("00", 1)).unwrap();
    assert!(again.unchanged, "the oldest slot still carries its lineage");
    assert_eq!(table.history(99).unwrap().len(), 5);
    assert_eq!(table.version_at(0).unwrap(), 20, "nothing older can be read");
}

#[test]
fn without_a_checkpoint_nothing_is_cleaned() {
    let (folder, root) = root();
    let table = filled(&root, 0..5);
    assert_eq!(table.expire_log(5, false).unwrap(), []);
    assert_eq!(commits(&folder).len(), 6);
}

#[test]
fn a_torn_checkpoint_keeps_its_commits() {
    let (folder, root) = root();
    let table = filled(&root, 0..12);
    let checkpoint = log(&folder).join("00000000000000000010.checkpoint.parquet");
    let bytes = fs::read(&checkpoint).unwrap();
    fs::write(&checkpoint, &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(table.expire_log(12, false).unwrap_err().kind(), ErrorKind::BadData);
    assert_eq!(commits(&folder).len(), 13);
}

#[test]
fn the_version_in_force_at_a_time_follows_the_clock_of_the_store() {
    let (folder, root) = root();
    let table = filled(&root, 0..3);
    let hour = std::time::Duration::from_secs(3600);
    let start = std::time::SystemTime::UNIX_EPOCH + 1000 * hour;
    for version in 0..4 {
        let file = log(&folder).join(format!("{version:020}.json"));
        let file = fs::File::options().append(true).open(file).unwrap();
        file.set_modified(start + version * hour).unwrap();
    }
    let at = |hours: i64| table.version_at((1000 + hours) * HOUR).unwrap();
    assert_eq!([at(-5), at(0), at(1), at(2), at(99)], [0, 0, 1, 2, 3]);
    assert_eq!(table.version_at(1001 * HOUR + 1).unwrap(), 1);
}
