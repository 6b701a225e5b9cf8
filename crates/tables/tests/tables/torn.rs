//! Checkpoints that cannot be read: the commits are read instead as long as they are there.

use std::fs;
use std::path::PathBuf;

use foresite_tables::{ErrorKind, Read, Root, Table};
use tempfile::TempDir;

use crate::bad_input::refused;
use crate::fixture::{commit, filled, kpis, log, root, rows, slot};

fn checkpoint(folder: &TempDir, version: u64) -> PathBuf {
    log(folder).join(format!("{version:020}.checkpoint.parquet"))
}

fn tear(folder: &TempDir, version: u64) {
    let path = checkpoint(folder, version);
    let bytes = fs::read(&path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

fn hint(folder: &TempDir, text: &str) {
    fs::write(log(folder).join("_last_checkpoint"), text).unwrap();
}

fn count(table: &Table) -> usize {
    table.read_all(&Read::all()).unwrap().num_rows()
}

/// Rows of the table, opened anew.
fn opened(root: &Root) -> usize {
    count(&root.existing(kpis()).unwrap())
}

fn faults(root: &Root) -> Vec<String> {
    let faults = root.existing(kpis()).unwrap().verify().unwrap().faults;
    faults.into_iter().map(|fault| fault.path).collect()
}

const LOG: &str = "tables/kpis/_delta_log";

#[test]
fn a_torn_checkpoint_is_passed_over_while_the_commits_are_there() {
    let (folder, root) = root();
    filled(&root, 0..12);
    let whole = fs::read(checkpoint(&folder, 10)).unwrap();
    let torn = format!("{LOG}/00000000000000000010.checkpoint.parquet");
    for length in [0, 3, whole.len() / 2, whole.len() - 100, whole.len() - 1] {
        fs::write(checkpoint(&folder, 10), &whole[..length]).unwrap();
        assert_eq!(opened(&root), 24, "{length} bytes");
        assert_eq!(faults(&root), [torn.as_str()], "{length} bytes");
    }
    let table = root.existing(kpis()).unwrap();
    assert_eq!(table.read_all(&Read::all().version(10)).unwrap().num_rows(), 20);
    let again = table.replace(&slot(3, 4), &rows(&[]), &commit("03", 1)).unwrap();
    assert!(again.unchanged, "what slots hold is known too");
}

#[test]
fn a_damaged_page_of_a_checkpoint_is_passed_over_too() {
    let (folder, root) = root();
    filled(&root, 0..12);
    let mut bytes = fs::read(checkpoint(&folder, 10)).unwrap();
    let half = bytes.len() / 2;
    bytes[4..half].fill(0xff);
    fs::write(checkpoint(&folder, 10), bytes).unwrap();
    assert_eq!(opened(&root), 24);
}

#[test]
fn the_checkpoint_before_a_torn_one_serves() {
    let (folder, root) = root();
    let table = filled(&root, 0..24);
    table.expire_log(13, false).unwrap();
    assert!(!log(&folder).join("00000000000000000009.json").exists());
    tear(&folder, 20);
    assert_eq!(opened(&root), 48);
}

#[test]
fn the_next_checkpoint_that_is_due_mends_the_log() {
    let (folder, root) = root();
    filled(&root, 0..12);
    tear(&folder, 10);
    filled(&root, 12..13);
    assert!(checkpoint(&folder, 13).exists(), "three commits after it, thirteen without it");
    tear(&folder, 10);
    assert_eq!(opened(&root), 26);
}

#[test]
fn a_checkpoint_asked_for_rewrites_the_torn_one() {
    let (folder, root) = root();
    let table = filled(&root, 0..12);
    tear(&folder, 10);
    assert_eq!(table.checkpoint().unwrap(), 12);
    assert_eq!(faults(&root), Vec::<String>::new());
    tear(&folder, 12);
    assert_eq!(table.checkpoint().unwrap(), 12, "the newest version's own");
    assert_eq!(faults(&root), Vec::<String>::new());
}

#[test]
fn without_its_commits_a_torn_checkpoint_is_the_end() {
    let (folder, root) = root();
    let table = filled(&root, 0..12);
    table.expire_log(12, false).unwrap();
    tear(&folder, 10);
    let error = refused(&folder, &root, ErrorKind::BadData);
    let path = format!("{LOG}/00000000000000000010.checkpoint.parquet");
    assert!(error.to_string().contains(&path), "{error}");
    assert!(error.advice().is_some());
    let torn = table.verify().unwrap().faults;
    assert!(torn.iter().any(|fault| fault.path == path), "{torn:?}");
}

#[test]
fn a_hole_behind_a_torn_checkpoint_is_not_read_over() {
    let (folder, root) = root();
    filled(&root, 0..12);
    tear(&folder, 10);
    fs::remove_file(log(&folder).join("00000000000000000000.json")).unwrap();
    refused(&folder, &root, ErrorKind::BadData);
}

#[test]
fn a_hint_at_a_checkpoint_that_is_gone() {
    let (folder, root) = root();
    let table = filled(&root, 0..12);
    fs::remove_file(checkpoint(&folder, 10)).unwrap();
    assert_eq!(opened(&root), 24);
    assert_eq!(faults(&root), [format!("{LOG}/_last_checkpoint")]);
    table.checkpoint().unwrap();
    assert_eq!(faults(&root), Vec::<String>::new());
}

#[test]
fn a_torn_hint_is_no_more_than_a_hint() {
    let (folder, root) = root();
    filled(&root, 0..12);
    for text in ["", "{\"versi", "null"] {
        hint(&folder, text);
        assert_eq!(opened(&root), 24, "`{text}`");
    }
}

#[test]
fn a_hint_past_the_newest_commit_says_that_commits_were_lost() {
    let (folder, root) = root();
    filled(&root, 0..12);
    hint(&folder, "{\"version\":999,\"size\":1}");
    let error = refused(&folder, &root, ErrorKind::BadData);
    assert!(error.to_string().contains("_last_checkpoint"), "{error}");
}
