//! Verification names every fault with its file, one by one.

use std::fs;
use std::path::Path;

use foresite_tables::{Fault, Table};

use crate::fixture::{data_files, filled, kpis, log, root};

/// The faults as lines, the random names of data files cut off.
fn faults(table: &Table) -> Vec<String> {
    let lines = table.verify().unwrap().faults.into_iter().map(|fault: Fault| fault.to_string());
    lines
        .map(|line| match line.split_once("/part-") {
            Some((folder, rest)) => {
                format!("{folder}/…{}", rest.split_once(".parquet").unwrap_or_default().1)
            }
            None => line,
        })
        .collect()
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

const DATE: &str = "tables/kpis/date=2026-01-01/…";
const LOG: &str = "tables/kpis/_delta_log";

#[test]
fn a_whole_table_has_no_fault() {
    let (_folder, root) = root();
    let table = filled(&root, 0..12);
    let verified = table.verify().unwrap();
    assert_eq!(verified.faults, []);
    assert_eq!((verified.files, verified.rows, verified.unhashed), (12, 24, 0));
    assert!(verified.bytes > 0);
    table.expire_log(12, false).unwrap();
    assert_eq!(table.verify().unwrap().faults, [], "a cleaned log is whole");
}

#[test]
fn every_faulty_file_is_named() {
    let (folder, root) = root();
    let table = filled(&root, 0..5);
    let files = data_files(&folder);
    fs::remove_file(&files[0]).unwrap();
    flip(&files[1], 20);
    let bytes = fs::read(&files[2]).unwrap();
    fs::write(&files[2], &bytes[..bytes.len() - 9]).unwrap();
    fs::write(&files[3], vec![7; fs::metadata(&files[3]).unwrap().len() as usize]).unwrap();
    let lines = faults(&table);
    assert_eq!(lines.len(), 4, "{lines:#?}");
    assert!(lines.iter().all(|line| line.starts_with(DATE)), "{lines:#?}");
    assert!(lines[0].contains("not found"), "{}", lines[0]);
    assert!(lines[1].starts_with(&format!("{DATE}: expected sha256 ")), "{}", lines[1]);
    let size =
        format!("{DATE}: expected {} bytes as in the log, got {}", bytes.len(), bytes.len() - 9);
    assert_eq!(lines[2], size);
    assert!(lines[3].contains("Invalid Parquet file"), "{}", lines[3]);
}

#[test]
fn swapped_files_are_told_by_their_hash() {
    let (folder, root) = root();
    let table = filled(&root, 0..24);
    let files = data_files(&folder);
    let read = |at: usize| fs::read(&files[at]).unwrap();
    let pairs = (0..24).flat_map(|a| (0..a).map(move |b| (a, b)));
    let (a, b) = pairs.into_iter().find(|(a, b)| read(*a).len() == read(*b).len()).unwrap();
    let (first, second) = (read(a), read(b));
    fs::write(&files[a], second).unwrap();
    fs::write(&files[b], first).unwrap();
    let lines = faults(&table);
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line.contains("expected sha256")), "{lines:#?}");
}

#[test]
fn the_log_is_read_line_by_line() {
    let (folder, root) = root();
    let table = filled(&root, 0..12);
    let file = |name: &str| log(&folder).join(name);
    let commit = file("00000000000000000004.json");
    let text = fs::read_to_string(&commit).unwrap();
    fs::write(&commit, &text[..text.len() - 20]).unwrap();
    fs::remove_file(file("00000000000000000007.json")).unwrap();
    let checkpoint = file("00000000000000000010.checkpoint.parquet");
    let bytes = fs::read(&checkpoint).unwrap();
    fs::write(&checkpoint, &bytes[..bytes.len() / 2]).unwrap();
    fs::write(file("_last_checkpoint"), "{\"version\":3}").unwrap();
    let lines = faults(&table);
    let starts = [
        format!("{LOG}/00000000000000000007.json: missing, and version 8 is there"),
        format!("{LOG}/00000000000000000004.json: {LOG}/00000000000000000004.json line 3"),
        format!("{LOG}/00000000000000000010.checkpoint.parquet: "),
        format!("{LOG}/_last_checkpoint: checkpoint 3 is not there"),
    ];
    for (line, start) in lines.iter().zip(&starts) {
        assert!(line.starts_with(start), "{lines:#?}");
    }
    assert!(lines.len() >= starts.len(), "{lines:#?}");
}

#[test]
fn a_checkpoint_that_says_otherwise_than_the_commits() {
    let (folder, root) = root();
    let table = filled(&root, 0..12);
    let checkpoint = log(&folder).join("00000000000000000010.checkpoint.parquet");
    let bytes = fs::read(&checkpoint).unwrap();
    let name = data_files(&folder)[3].file_name().unwrap().to_owned();
    let name = name.to_str().unwrap().as_bytes();
    let at = bytes.windows(name.len()).position(|window| window == name);
    flip(&checkpoint, at.expect("the kernel does not compress paths") + 6);
    let lines = faults(&table);
    let expected = format!("{LOG}/: the checkpoint and the commits disagree about ");
    assert_eq!(lines.iter().filter(|line| line.starts_with(&expected)).count(), 2, "{lines:#?}");
}

#[test]
fn a_log_that_begins_late_needs_a_checkpoint() {
    let (folder, root) = root();
    let table = filled(&root, 0..3);
    fs::remove_file(log(&folder).join("00000000000000000000.json")).unwrap();
    let lines = faults(&table);
    let expected = format!(
        "{LOG}/00000000000000000001.json: the log begins at version 1 without a checkpoint"
    );
    assert_eq!(lines[0], expected, "{lines:#?}");
    assert!(root.table(kpis()).is_err(), "and nobody can open it");
}
