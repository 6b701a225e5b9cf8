//! Compaction: the same rows in fewer files, and nobody who writes meanwhile loses any.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, RecordBatch, StringArray};
use foresite_schema::{Column, DataKind, TableDef, TableKind};
use foresite_tables::{Commit, Compaction, ErrorKind, Read, Root, Slot, Table};

use crate::fixture::{
    DAY, HOUR, commit, data_files, filled, kpis, root, row, rows, seen, slot, today,
};

fn closed() -> Compaction {
    Compaction {
        closed_before: today() + 1,
        small_bytes: 1 << 20,
        target_bytes: 1 << 20,
        min_files: 2,
    }
}

/// Compacts whatever there is to compact; files before and after.
pub(crate) fn compact(table: &Table) -> (u64, u64) {
    let jobs = table.compactions(&closed()).unwrap();
    let done = table.compact(&jobs).unwrap();
    (done.files_before, done.files_after)
}

fn live_files(table: &Table) -> u64 {
    table.verify().unwrap().files
}

#[test]
fn a_closed_day_becomes_one_sorted_file() {
    let (_folder, root) = root();
    let table = filled(&root, 0..24);
    let before = table.read(&Read::all()).unwrap();
    let version = table.version().unwrap();
    assert_eq!(compact(&table), (24, 1));
    assert_eq!(live_files(&table), 1);
    assert_eq!(table.read(&Read::all()).unwrap(), before, "no row changed, lineage included");
    let raw = table.read_all(&Read::all()).unwrap();
    let cells: Vec<_> =
        raw.column_by_name("entity_id").unwrap().as_string::<i32>().iter().collect();
    assert!(cells.is_sorted(), "sorted by entity over all hours");
    let old = table.read(&Read::all().version(version)).unwrap();
    assert_eq!(old, before, "the version before is untouched");
    assert_eq!(compact(&table), (0, 0), "a second time there is nothing to do");
    let info = &table.history(1).unwrap()[0].commit_info;
    assert_eq!(info["operation"], "OPTIMIZE");
}

#[test]
fn files_larger_than_a_batch_are_merged_row_by_row() {
    let (_folder, root) = root();
    let table = root.table(kpis()).unwrap();
    let names: Vec<String> = (0..35_000).map(|cell| format!("c{cell:05}")).collect();
    let names: &'static [String] = names.leak();
    for hour in 0..3 {
        let facts: Vec<_> = names
            .iter()
            .enumerate()
            .filter(|(index, _)| index % 5 != hour as usize)
            .map(|(index, name)| (name.as_str(), hour, Some(index as f64), 1))
            .collect();
        let lineage = format!("{hour:02x}");
        table.replace(&slot(hour, hour + 1), &rows(&facts), &commit(&lineage, 1)).unwrap();
    }
    let before = table.read(&Read::all()).unwrap();
    let small = Compaction { small_bytes: u64::MAX, target_bytes: u64::MAX, ..closed() };
    let jobs = table.compactions(&small).unwrap();
    assert_eq!(table.compact(&jobs).unwrap().files_after, 1);
    let raw = table.read_all(&Read::all()).unwrap();
    assert_eq!(raw.num_rows(), 84_000);
    let key = |name: &str| arrow::compute::SortColumn {
        values: Arc::clone(raw.column_by_name(name).unwrap()),
        options: None,
    };
    let keys = [key("entity_id"), key("period_start")];
    let order = arrow::compute::lexsort_to_indices(&keys, None).unwrap();
    assert!(order.values().is_sorted(), "in the table's order over all files");
    assert_eq!(table.read(&Read::all()).unwrap(), before);
}

#[test]
fn the_commit_says_that_no_row_changed() {
    let (folder, root) = root();
    let table = filled(&root, 0..2);
    compact(&table);
    let newest = crate::fixture::log(&folder).join("00000000000000000003.json");
    let text = std::fs::read_to_string(newest).unwrap();
    assert_eq!(text.matches(r#""dataChange":false"#).count(), 3, "{text}");
    assert_eq!(text.matches(r#""dataChange":true"#).count(), 0, "{text}");
}

#[test]
fn reruns_stay_unchanged_and_slots_can_still_be_replaced() {
    let (_folder, root) = root();
    let table = filled(&root, 0..4);
    compact(&table);
    let rerun = table.replace(&slot(2, 3), &rows(&[]), &commit("02", 1)).unwrap();
    assert!(rerun.unchanged, "the slot still carries its lineage");
    let fix = rows(&[("a", 2, Some(50.0), 1), ("b", 2, Some(-2.0), 1)]);
    table.replace(&slot(2, 3), &fix, &commit("aa", 1)).unwrap();
    let mut expected: Vec<_> = (0..4)
        .flat_map(|hour| [row("a", hour, hour as f64), row("b", hour, -hour as f64)])
        .collect();
    expected[4] = row("a", 2, 50.0);
    expected.sort_by(|x, y| (&x.0, x.1).cmp(&(&y.0, y.1)));
    assert_eq!(seen(&table, 9), expected);
    assert_eq!(compact(&table), (2, 1), "the rest of the day and the new hour");
}

#[test]
fn open_days_large_files_and_other_sources_stay_apart() {
    let (_folder, root) = root();
    let table = filled(&root, 0..4);
    let other = Slot::derived("other", 0, DAY, DAY + HOUR);
    let batch = rows(&[("a", 0, Some(9.0), 1)]);
    let source: ArrayRef = Arc::new(StringArray::from(vec!["other"]));
    let mut columns = batch.columns().to_vec();
    columns[0] = source;
    let batch = RecordBatch::try_new(batch.schema(), columns).unwrap();
    table.replace(&other, &batch, &commit("bb", 1)).unwrap();
    let jobs = |wanted: Compaction| table.compactions(&wanted).unwrap();
    assert!(
        jobs(Compaction { closed_before: today(), ..closed() }).is_empty(),
        "a day in progress"
    );
    assert!(jobs(Compaction { small_bytes: 1, ..closed() }).is_empty(), "large enough already");
    assert!(jobs(Compaction { min_files: 5, ..closed() }).is_empty(), "too few files");
    let sizes: Vec<usize> =
        jobs(closed()).iter().map(foresite_tables::CompactionJob::files).collect();
    assert_eq!(sizes, [4], "the other source has one file");
    let bytes = jobs(closed())[0].bytes();
    let halves = jobs(Compaction { target_bytes: bytes / 2 + 1, ..closed() });
    assert!(halves.iter().all(|job| job.bytes() <= bytes / 2 + 1), "memory is bounded");
}

#[test]
fn a_slot_replaced_meanwhile_is_a_clean_conflict() {
    let (_folder, root) = root();
    let table = filled(&root, 0..4);
    let jobs = table.compactions(&closed()).unwrap();
    table.replace(&slot(1, 2), &rows(&[("a", 1, Some(8.0), 1)]), &commit("cc", 1)).unwrap();
    let error = table.compact(&jobs).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(seen(&table, 9).len(), 7, "b vanished from hour 1, nothing else did");
    assert_eq!(compact(&table), (4, 1), "the next try starts from what is there");
    assert_eq!(seen(&table, 9).len(), 7);
}

#[test]
fn compaction_and_writers_side_by_side_lose_nothing() {
    let (_folder, root) = root();
    filled(&root, 0..12);
    let retried = |work: &dyn Fn(&Table) -> Result<(), foresite_tables::Error>, root: &Root| {
        for _ in 0..50 {
            match work(&root.table(kpis()).unwrap()) {
                Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
                Ok(()) => return,
            }
        }
        panic!("50 conflicts in a row");
    };
    std::thread::scope(|scope| {
        for writer in 0..3_i64 {
            let root = root.clone();
            scope.spawn(move || {
                for hour in (0..12).filter(|hour| hour % 3 == writer) {
                    let batch = rows(&[("a", hour, Some(100.0), 1), ("c", hour, Some(1.0), 1)]);
                    let lineage = format!("f{hour:02x}");
                    let write = |table: &Table| {
                        table.replace(&slot(hour, hour + 1), &batch, &commit(&lineage, 1)).map(drop)
                    };
                    retried(&write, &root);
                }
            });
        }
        for _ in 0..6 {
            retried(&|table| table.compact(&table.compactions(&closed())?).map(drop), &root);
        }
    });
    let table = root.table(kpis()).unwrap();
    compact(&table);
    let live = seen(&table, 9);
    assert_eq!(live.len(), 24, "a and c in each hour, b vanished: {live:?}");
    assert!(
        live.iter().all(|(cell, _, load)| *load == Some(if cell == "a" { 100.0 } else { 1.0 }))
    );
    assert_eq!(table.verify().unwrap().faults, []);
}

/// A raw table: facts of a plan.
fn facts() -> TableDef {
    let column = |name: &str, kind| Column::required(name, kind, "", "");
    let columns = vec![
        column("date", DataKind::Date),
        column("source", DataKind::Text),
        column("bucket", DataKind::Int),
        column("entity_id", DataKind::Text),
        column("period_start", DataKind::Time),
        column("plan", DataKind::Text),
        column("known_at", DataKind::Time),
        column("ingested_at", DataKind::Time),
        column("lineage_id", DataKind::Text),
    ];
    let time = Some("period_start".into());
    let sort = vec!["entity_id".into()];
    let keys = vec!["entity_id".into(), "period_start".into(), "plan".into()];
    TableDef { columns, time, sort, keys, kind: TableKind::Raw, name: "facts".into(), ..kpis() }
}

fn of_plan(plan: &str, cells: &[(&'static str, i64)]) -> RecordBatch {
    let facts: Vec<_> = cells.iter().map(|(cell, hour)| (*cell, *hour, None, 1)).collect();
    let all = rows(&facts);
    let shown =
        ["source", "bucket", "entity_id", "period_start", "known_at", "ingested_at", "lineage_id"];
    let column = |name: &str| (name.to_owned(), Arc::clone(all.column_by_name(name).unwrap()));
    let mut columns: Vec<(String, ArrayRef)> = shown.map(column).into();
    columns.push(("plan".into(), Arc::new(StringArray::from(vec![plan; cells.len()]))));
    RecordBatch::try_from_iter(columns).unwrap()
}

fn plans(table: &Table) -> Vec<String> {
    let batch = table.read_all(&Read::all()).unwrap();
    let names = batch.column_by_name("plan").unwrap().as_string::<i32>();
    let mut plans: Vec<String> = names.iter().flatten().map(str::to_owned).collect();
    plans.sort();
    plans
}

#[test]
fn a_plan_can_be_forced_again_after_compaction() {
    let (_folder, root) = root();
    let table = root.table(facts()).unwrap();
    let append = |plan: &str, cells: &[(&'static str, i64)], force| {
        let commit = Commit { force, ..commit("ab", 1) };
        table.append(&Slot::plan("derived", plan), &of_plan(plan, cells), &commit).unwrap()
    };
    append("p1", &[("a", 0), ("b", 0)], false);
    append("p2", &[("a", 1)], false);
    append("p3", &[("c", 1)], false);
    assert_eq!(compact(&table), (3, 1));
    append("p2", &[("a", 1), ("z", 1)], true);
    assert_eq!(plans(&table), ["p1", "p1", "p2", "p2", "p3"], "only the rows of p2 were replaced");
    append("p9", &[("a", 2)], true);
    assert_eq!(plans(&table), ["p1", "p1", "p2", "p2", "p3", "p9"]);
}

#[test]
fn a_table_without_any_order_keeps_that_of_its_files() {
    let (folder, root) = root();
    let mut def = kpis();
    def.sort.clear();
    let table = root.table(def).unwrap();
    for (hour, cell) in [(0, "z"), (1, "a"), (2, "m")] {
        let lineage = format!("{hour:02x}");
        let batch = rows(&[(cell, hour, None, 1)]);
        table.replace(&slot(hour, hour + 1), &batch, &commit(&lineage, 1)).unwrap();
    }
    assert_eq!(compact(&table), (3, 1));
    let batch = table.read_all(&Read::all().columns(["entity_id"])).unwrap();
    let cells: Vec<_> = batch.column(0).as_string::<i32>().iter().flatten().collect();
    assert_eq!(cells, ["z", "a", "m"]);
    assert_eq!(data_files(&folder).len(), 4);
}
