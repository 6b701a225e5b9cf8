//! What leaves a table for good: dead files by vacuum, old rows by retention.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::time::Duration;

use foresite_tables::{Read, Root, Table, Vacuum};

use crate::fixture::{
    DAY, HOUR, commit, data_files, filled, kpis, log, root, rows, seen, slot, today,
};

fn vacuum(root: &Root, table: &Table, grace: Duration) -> Vacuum {
    let keep_from = table.version().unwrap();
    Vacuum { keep_from, now: root.clock().unwrap(), grace, staged: HashSet::new() }
}

fn paths(files: &[foresite_tables::FileEntry]) -> Vec<&str> {
    files.iter().map(|file| file.path.as_str()).collect()
}

#[test]
fn vacuum_takes_dead_files_that_are_old_enough() {
    let (folder, root) = root();
    let table = root.table(kpis()).unwrap();
    for round in 0..4 {
        let facts = rows(&[("a", 0, Some(f64::from(round)), 1)]);
        table.replace(&slot(0, 1), &facts, &commit(&format!("{round:02x}"), 1)).unwrap();
    }
    let young = vacuum(&root, &table, Duration::from_secs(3600));
    assert_eq!(paths(&table.vacuum(&young, false).unwrap()), Vec::<&str>::new());
    let all = vacuum(&root, &table, Duration::ZERO);
    assert_eq!(table.vacuum(&all, true).unwrap().len(), 3);
    assert_eq!(data_files(&folder).len(), 4, "a dry run deletes nothing");
    let kept = Vacuum { keep_from: all.keep_from - 1, ..all.clone() };
    assert_eq!(table.vacuum(&kept, false).unwrap().len(), 2);
    let older = table.read_all(&Read::all().version(kept.keep_from)).unwrap();
    assert_eq!(older.num_rows(), 1, "the version before can still be read");
    assert_eq!(table.vacuum(&all, false).unwrap().len(), 1);
    assert_eq!(data_files(&folder).len(), 1);
    assert_eq!(seen(&table, 9).len(), 1);
}

#[test]
fn vacuum_spares_staged_files_and_takes_leftovers() {
    let (folder, root) = root();
    let table = filled(&root, 0..1);
    let staged = table.stage(&rows(&[("a", 5, Some(1.0), 1)])).unwrap();
    fs::write(log(&folder).join(".tmp-1"), "half a commit").unwrap();
    fs::write(folder.path().join("tables/kpis/notes.txt"), "nobody's").unwrap();
    let mut wanted = vacuum(&root, &table, Duration::ZERO);
    wanted.staged = staged.iter().map(|file| file.path().to_owned()).collect();
    let dead = table.vacuum(&wanted, false).unwrap();
    assert_eq!(paths(&dead), ["tables/kpis/_delta_log/.tmp-1", "tables/kpis/notes.txt"]);
    let plan = foresite_tables::Slot::plan("a", "p");
    table.commit_staged(&plan, &staged, &commit("ff", 1)).unwrap();
    assert_eq!(seen(&table, 9).len(), 3);
}

#[test]
fn orphans_are_files_that_no_version_knows() {
    let (_folder, root) = root();
    let table = filled(&root, 0..2);
    table.replace(&slot(0, 1), &rows(&[("a", 0, Some(7.0), 1)]), &commit("aa", 1)).unwrap();
    assert_eq!(paths(&table.orphans().unwrap()), Vec::<&str>::new(), "removed is not unknown");
    let staged = table.stage(&rows(&[("a", 5, Some(1.0), 1)])).unwrap();
    let expected = format!("tables/kpis/{}", staged[0].path());
    assert_eq!(paths(&table.orphans().unwrap()), [expected]);
}

#[test]
fn old_days_leave_in_a_commit_of_their_own() {
    let (_folder, root) = root();
    let table = filled(&root, 0..1);
    let tomorrow = rows(&[("a", 24, Some(1.0), 25), ("a", 25, Some(2.0), 26)]);
    table.replace(&slot(24, 26), &tomorrow, &commit("aa", 26)).unwrap();
    let version = table.version().unwrap();
    assert_eq!(table.expire(today(), false).unwrap().version, None, "nothing is older");
    assert_eq!(table.version().unwrap(), version, "nothing to do is no commit");
    let planned = table.expire(today() + 1, true).unwrap();
    assert_eq!((planned.version, planned.files, planned.rows), (None, 1, 2));
    let expired = table.expire(today() + 1, false).unwrap();
    assert_eq!(expired.version, Some(version + 1));
    assert_eq!(seen(&table, 99).iter().map(|row| row.1).collect::<Vec<_>>(), [24, 25]);
    let before = table.read_all(&Read::all().version(version)).unwrap();
    assert_eq!(before.num_rows(), 4, "the version before still has them");
    assert!(table.replace(&slot(0, 1), &rows(&[]), &commit("00", 1)).unwrap().unchanged);
    assert_eq!(table.history(1).unwrap()[0].commit_info["operation"], "DELETE");
}

#[test]
fn values_out_of_use_leave_once_they_are_old() {
    let (_folder, root) = root();
    let table = filled(&root, 0..2);
    let (in_use, nothing) = (BTreeSet::from(["derived".to_owned()]), BTreeSet::new());
    let late = DAY + 2 * HOUR;
    assert_eq!(table.expire_except("source", &in_use, late, false).unwrap().files, 0);
    assert_eq!(table.expire_except("source", &nothing, DAY, false).unwrap().files, 0);
    assert_eq!(table.expire_except("entity_id", &nothing, late, false).unwrap().files, 0);
    assert_eq!(table.expire_except("source", &nothing, late, false).unwrap().rows, 4);
    assert_eq!(seen(&table, 99), []);
}
