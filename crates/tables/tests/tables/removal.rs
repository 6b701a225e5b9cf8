//! What leaves a table for good: dead files by vacuum, old rows by retention.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::time::Duration;

use foresite_tables::{Compaction, HeldDays, RETENTION, Read, Root, Table, Vacuum, Volume};
use serde_json::json;

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
    assert_eq!(table.expire(today(), &[], false).unwrap().version, None, "nothing is older");
    assert_eq!(table.version().unwrap(), version, "nothing to do is no commit");
    let planned = table.expire(today() + 1, &[], true).unwrap();
    assert_eq!((planned.version, planned.gone), (None, Volume { files: 1, rows: 2 }));
    let expired = table.expire(today() + 1, &[], false).unwrap();
    assert_eq!(expired.version, Some(version + 1));
    assert_eq!(seen(&table, 99).iter().map(|row| row.1).collect::<Vec<_>>(), [24, 25]);
    let before = table.read_all(&Read::all().version(version)).unwrap();
    assert_eq!(before.num_rows(), 4, "the version before still has them");
    assert!(table.replace(&slot(0, 1), &rows(&[]), &commit("00", 1)).unwrap().unchanged);
    let info = table.history(1).unwrap().remove(0).commit_info;
    assert_eq!(
        (&info["operation"], &info["operationParameters"]["mode"]),
        (&json!("DELETE"), &json!(RETENTION))
    );
    assert_eq!((&info["lineage"]["files"], &info["lineage"]["rows"]), (&json!(1), &json!(2)));
}

/// Two rows of each of the days, counted from the fixture's.
fn days(root: &Root, days: std::ops::Range<i64>) -> Table {
    let table = root.table(kpis()).unwrap();
    for day in days {
        let hour = 24 * day;
        let facts = rows(&[("a", hour, Some(1.0), 1), ("b", hour, Some(2.0), 1)]);
        table.replace(&slot(hour, hour + 1), &facts, &commit(&format!("{day:02x}"), 1)).unwrap();
    }
    table
}

/// The days that a table has rows of.
fn days_of(table: &Table) -> Vec<i64> {
    let days: BTreeSet<i64> = seen(table, 999).iter().map(|row| row.1 / 24).collect();
    days.into_iter().collect()
}

#[test]
fn held_days_stay_and_are_counted_by_hold() {
    let (_folder, root) = root();
    let table = days(&root, 0..6);
    let day = |day: i32| Some(today() + day);
    let holds = [
        HeldDays { from: day(1), until: day(2) },
        HeldDays { from: day(2), until: day(2) },
        HeldDays { from: day(9), until: None },
    ];
    let all = today() + 99;
    let planned = table.expire(all, &holds, true).unwrap();
    assert_eq!(planned.gone, Volume { files: 4, rows: 8 });
    assert_eq!(planned.held, Volume { files: 2, rows: 4 }, "what two holds cover counts once");
    let by = planned.held_by.iter().map(|held| held.files).collect::<Vec<_>>();
    assert_eq!(by, [2, 1, 0]);
    assert_eq!(days_of(&table), [0, 1, 2, 3, 4, 5], "a dry run takes nothing");

    let expired = table.expire(all, &holds, false).unwrap();
    assert!(expired.version.is_some());
    assert_eq!(days_of(&table), [1, 2]);
    let version = table.version().unwrap();
    let again = table.expire(all, &holds, false).unwrap();
    assert_eq!((again.version, again.held.rows), (None, 4), "only held rows are no commit");
    assert_eq!(table.version().unwrap(), version);
    let dead = vacuum(&root, &table, Duration::ZERO);
    assert_eq!(table.vacuum(&dead, false).unwrap().len(), 4);
    assert_eq!(table.verify().unwrap().faults, [], "a vacuum leaves what is held");
    assert_eq!(days_of(&table), [1, 2]);
    table.expire(all, &[], false).unwrap();
    assert_eq!(days_of(&table), Vec::<i64>::new(), "when the hold ends they leave");
}

#[test]
fn a_hold_without_bounds_holds_every_day() {
    let (_folder, root) = root();
    let table = days(&root, 0..3);
    let (all, day) = (today() + 99, |day: i32| Some(today() + day));
    for (from, until, left) in [
        (None, None, vec![0, 1, 2]),
        (None, day(1), vec![0, 1]),
        (day(1), None, vec![1]),
        (day(2), day(2), vec![]),
    ] {
        table.expire(all, &[HeldDays { from, until }], false).unwrap();
        assert_eq!(days_of(&table), left, "{from:?} to {until:?}");
    }
}

#[test]
fn compaction_does_not_take_rows_out_of_a_hold() {
    let (_folder, root) = root();
    let table = filled(&root, 0..3);
    let tomorrow = rows(&[("a", 24, Some(1.0), 25)]);
    table.replace(&slot(24, 25), &tomorrow, &commit("aa", 26)).unwrap();
    let wanted = Compaction {
        closed_before: today() + 9,
        small_bytes: u64::MAX,
        target_bytes: u64::MAX,
        min_files: 2,
    };
    let jobs = table.compactions(&wanted).unwrap();
    assert_eq!(table.compact(&jobs).unwrap().files_before, 3, "days are never mixed in a file");
    let hold = HeldDays { from: Some(today()), until: Some(today()) };
    let expired = table.expire(today() + 9, &[hold], false).unwrap();
    assert_eq!(
        (expired.gone, expired.held),
        (Volume { files: 1, rows: 1 }, Volume { files: 1, rows: 6 })
    );
    assert_eq!(days_of(&table), [0]);
}

#[test]
fn values_out_of_use_leave_once_they_are_old() {
    let (_folder, root) = root();
    let table = filled(&root, 0..2);
    let (in_use, nothing) = (BTreeSet::from(["derived".to_owned()]), BTreeSet::new());
    let late = DAY + 2 * HOUR;
    let gone = |column, keep, before, holds: &[HeldDays]| {
        table.expire_except(column, keep, before, holds, false).unwrap().gone
    };
    assert_eq!(gone("source", &in_use, late, &[]).files, 0);
    assert_eq!(gone("source", &nothing, DAY, &[]).files, 0);
    assert_eq!(gone("entity_id", &nothing, late, &[]).files, 0);
    let later = HeldDays { from: Some(today() + 1), until: None };
    assert_eq!(gone("source", &nothing, late, &[later]).rows, 4);
    assert_eq!(seen(&table, 99), []);
}

#[test]
fn a_day_that_is_held_keeps_all_rows_of_its_value() {
    let (_folder, root) = root();
    let table = days(&root, 0..3);
    let hold = HeldDays { from: Some(today() + 1), until: Some(today() + 1) };
    let (nothing, late) = (BTreeSet::new(), DAY + 2 * HOUR);
    let expired = table.expire_except("source", &nothing, late, &[hold], false).unwrap();
    assert_eq!((expired.version, expired.gone), (None, Volume::default()));
    assert_eq!((expired.held, expired.held_by.len()), (Volume { files: 3, rows: 6 }, 1));
    assert_eq!(days_of(&table), [0, 1, 2]);
}

#[test]
fn the_history_since_a_time_is_in_order() {
    let (_folder, root) = root();
    let table = filled(&root, 0..3);
    let versions = |since| {
        let entries = table.history_since(since).unwrap();
        entries.map(|entry| entry.unwrap().version).collect::<Vec<_>>()
    };
    assert_eq!(versions(0), [0, 1, 2, 3]);
    assert_eq!(versions(root.clock().unwrap() + HOUR), Vec::<u64>::new());
    assert_eq!(table.history_begins().unwrap(), None, "since the table was made");
    table.checkpoint().unwrap();
    assert_ne!(table.expire_log(table.version().unwrap(), false).unwrap(), []);
    let begins = table.history_begins().unwrap().expect("the first commits are gone");
    assert_eq!(versions(begins), [3]);
}
