//! What was there when a writer or a reader looked, and is gone when it comes back: staged files
//! that a vacuum took, tables that somebody deleted.
//!
//! The tests take their root from `crate::root`, so that `tests/hdfs` runs them on HDFS too.

use std::collections::HashSet;
use std::time::Duration;

use foresite_tables::{ErrorKind, Read, Root, Slot, Table, Vacuum};

use crate::fixture::{commit, filled, kpis, row, rows, seen, slot};

/// A vacuum that knows of no plan.
fn vacuum(root: &Root, table: &Table, grace: Duration) -> usize {
    let vacuum = Vacuum {
        keep_from: table.version().unwrap(),
        now: root.clock().unwrap(),
        grace,
        staged: HashSet::new(),
    };
    table.vacuum(&vacuum, false).unwrap().len()
}

/// Deletes the table file by file.
fn delete(root: &Root) {
    for file in root.list("tables/kpis/").unwrap() {
        root.delete(&file.path).unwrap();
    }
}

#[test]
fn a_commit_whose_staged_files_a_vacuum_took_is_refused_and_staged_again_it_stands() {
    let Some((_folder, root)) = crate::root() else { return };
    let table = filled(&root, 0..1);
    let (plan, facts) = (Slot::plan("derived", "p"), rows(&[("a", 5, Some(1.0), 1)]));
    let staged = table.stage(&facts).unwrap();
    assert_eq!(vacuum(&root, &table, Duration::from_secs(3600)), 0, "the grace protects it");
    assert_eq!(vacuum(&root, &table, Duration::ZERO), 1, "after the grace it is nobody's");
    let before = table.version().unwrap();
    let error = table.commit_staged(&plan, &staged, &commit("ff", 1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Missing, "{error}");
    assert!(error.to_string().contains(staged[0].path()), "{error}");
    assert!(error.advice().unwrap().contains("--force"), "{error}");
    assert_eq!(table.version().unwrap(), before, "nothing was committed");
    let again = table.stage(&facts).unwrap();
    table.commit_staged(&plan, &again, &commit("ff", 1)).unwrap();
    assert_eq!(seen(&table, 9).len(), 3);
    vacuum(&root, &table, Duration::ZERO);
    let rerun = table.commit_staged(&plan, &staged, &commit("ff", 1)).unwrap();
    assert!(rerun.unchanged, "what is committed needs its first files no more");
    assert_eq!(table.verify().unwrap().faults, []);
}

#[test]
fn a_staged_file_that_is_another_one_now_is_refused() {
    let Some((_folder, root)) = crate::root() else { return };
    let table = filled(&root, 0..1);
    let staged = table.stage(&rows(&[("a", 5, Some(1.0), 1)])).unwrap();
    root.write(&format!("tables/kpis/{}", staged[0].path()), "cut").unwrap();
    let plan = Slot::plan("derived", "p");
    let error = table.commit_staged(&plan, &staged, &commit("ff", 1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadData, "{error}");
    assert!(error.to_string().contains("got 3"), "{error}");
}

#[test]
fn a_table_deleted_under_its_reader_is_missing() {
    let Some((_folder, root)) = crate::root() else { return };
    let table = filled(&root, 0..3);
    let mut scan = table.scan(&Read::all()).unwrap();
    assert_eq!(scan.next().unwrap().unwrap().num_rows(), 2);
    delete(&root);
    // What was read ahead may still come; then either all is there or the file is named.
    if let Some(error) = scan.find_map(Result::err) {
        assert_eq!(error.kind(), ErrorKind::Missing, "{error}");
        assert!(error.to_string().contains("part-"), "{error}");
    }
    let error = table.read_all(&Read::all()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Missing, "{error}");
    assert!(error.to_string().contains("tables/kpis"), "{error}");
    assert_eq!(root.existing(kpis()).unwrap_err().kind(), ErrorKind::Missing);
}

#[test]
fn a_table_made_again_takes_no_files_of_the_old_one() {
    let Some((_folder, root)) = crate::root() else { return };
    let old = filled(&root, 0..3);
    let staged = old.stage(&rows(&[("a", 5, Some(1.0), 1)])).unwrap();
    delete(&root);
    let plan = Slot::plan("derived", "p");
    let error = old.commit_staged(&plan, &staged, &commit("ff", 1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Missing, "{error}");
    let new = filled(&root, 7..8);
    let error = old.commit_staged(&plan, &staged, &commit("ff", 1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Missing, "{error}");
    // The handle of the old one is one of the new one.
    let facts = [("a", 8, Some(8.0), 1)];
    old.replace(&slot(8, 9), &rows(&facts), &commit("08", 1)).unwrap();
    assert_eq!(seen(&new, 9), [row("a", 7, 7.0), row("a", 8, 8.0), row("b", 7, -7.0)]);
    assert_eq!(new.verify().unwrap().faults, []);
}
