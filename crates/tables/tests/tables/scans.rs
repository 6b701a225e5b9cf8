//! Reading no more than is asked for, told by counters.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, RecordBatch, StringArray};
use foresite_schema::{Column, DataKind, TableDef, TableKind};
use foresite_tables::{Read, ReadCounters, Root, Slot, Table};

use crate::fixture::{DAY, Fact, HOUR, commit, filled, kpis, root, rows, slot};

/// Counters after everything was read.
fn counters(table: &Table, read: &Read) -> ReadCounters {
    let mut scan = table.scan(read).unwrap();
    for batch in scan.by_ref() {
        batch.unwrap();
    }
    scan.counters()
}

/// A table with one file of several row groups, sorted by cell.
fn large(root: &Root) -> Table {
    let names: Vec<String> = (0..300_000).map(|cell| format!("c{cell:06}")).collect();
    let names: &'static [String] = names.leak();
    let load = |index: usize| (index as f64 * 0.37).sin();
    let facts: Vec<Fact> = (0..names.len())
        .map(|index| (names[index].as_str(), 0, Some(load(index)), (index % 5) as i64))
        .collect();
    let table = root.table(kpis()).unwrap();
    table.replace(&slot(0, 1), &rows(&facts), &commit("aa", 9)).unwrap();
    table
}

#[test]
fn files_of_other_hours_are_not_opened() {
    let (_folder, root) = root();
    let table = filled(&root, 0..24);
    let read = Read::all().period(DAY + 3 * HOUR, DAY + 4 * HOUR);
    let counters = counters(&table, &read);
    assert_eq!((counters.files, counters.files_skipped, counters.rows), (1, 23, 2));
    assert_eq!((counters.row_groups, counters.row_groups_skipped), (1, 0));
}

#[test]
fn files_that_were_not_known_yet_are_not_opened() {
    let (_folder, root) = root();
    let table = filled(&root, 0..2);
    let late = rows(&[("z", 5, Some(1.0), 8)]);
    table.replace(&slot(5, 6), &late, &commit("ee", 8)).unwrap();
    let counters = counters(&table, &Read::all().as_of(DAY + 7 * HOUR));
    assert_eq!((counters.files, counters.files_skipped, counters.rows), (2, 1, 4));
}

#[test]
fn row_groups_that_cannot_match_are_not_fetched() {
    let (_folder, root) = root();
    let table = large(&root);
    let all = counters(&table, &Read::all());
    assert_eq!((all.row_groups, all.row_groups_skipped, all.rows), (3, 0, 300_000));
    let one = counters(&table, &Read::all().text("entity_id", "c200000"));
    assert_eq!((one.row_groups, one.row_groups_skipped, one.rows), (1, 2, 1));
    assert!(2 * one.bytes < all.bytes, "{one:?} of {all:?}");
    let none = counters(&table, &Read::all().text("entity_id", "nobody"));
    assert_eq!((none.files_skipped, none.bytes), (1, 0));
}

#[test]
fn only_the_wanted_columns_are_fetched() {
    let (_folder, root) = root();
    let table = large(&root);
    let all = counters(&table, &Read::all());
    let one = counters(&table, &Read::all().columns(["bucket"]));
    assert_eq!(one.rows, all.rows);
    assert!(2 * one.bytes < all.bytes, "{one:?} of {all:?}");
}

#[test]
fn rows_are_filtered_where_statistics_do_not_settle_it() {
    let (_folder, root) = root();
    let table = large(&root);
    let read = Read::all().as_of(DAY + 2 * HOUR).columns(["entity_id", "known_at"]);
    let found = counters(&table, &read);
    assert_eq!((found.row_groups, found.rows), (3, 180_000), "three of five were known by then");
    let read = Read::all().text("entity_id", "c000007").columns(["load"]);
    let batch = table.read_all(&read).unwrap();
    assert_eq!(batch.num_columns(), 1, "the filter's column is not shown");
    let loads = batch.column(0).as_primitive::<arrow::datatypes::Float64Type>();
    assert_eq!(loads.value(0), (7.0_f64 * 0.37).sin());
}

#[test]
fn a_few_row_groups_are_held_at_a_time() {
    let (_folder, root) = root();
    let table = filled(&root, 0..24);
    let mut scan = table.scan(&Read::all()).unwrap();
    scan.next().unwrap().unwrap();
    let begun = scan.counters();
    assert!(begun.row_groups <= 8, "{begun:?}");
    assert_eq!(scan.by_ref().count(), 23);
    assert_eq!(scan.counters().row_groups, 24);
}

#[test]
fn a_row_without_a_value_equals_nothing() {
    let (_folder, root) = root();
    let table = root.table(notes()).unwrap();
    let all = Slot { equals: [].into(), period: None };
    table.append(&all, &note_rows(), &commit("bb", 1)).unwrap();
    let found = table.read_all(&Read::all().text("note", "x")).unwrap();
    assert_eq!(found.num_rows(), 1, "the file's statistics say x to x, and one row has none");
}

/// A table with a nullable text.
fn notes() -> TableDef {
    let columns = vec![
        Column::nullable("note", DataKind::Text, "", ""),
        Column::required("known_at", DataKind::Time, "", ""),
        Column::required("ingested_at", DataKind::Time, "", ""),
        Column::required("lineage_id", DataKind::Text, "", ""),
    ];
    let (name, keys, sort) = ("notes".to_owned(), vec!["note".to_owned()], Vec::new());
    TableDef { name, columns, keys, sort, time: None, kind: TableKind::Log, ..kpis() }
}

fn note_rows() -> RecordBatch {
    let base = rows(&[("a", 0, None, 1), ("b", 0, None, 1)]);
    let column = |name: &str| Arc::clone(base.column_by_name(name).unwrap());
    let notes: ArrayRef = Arc::new(StringArray::from(vec![Some("x"), None]));
    RecordBatch::try_from_iter_with_nullable([
        ("note", notes, true),
        ("known_at", column("known_at"), false),
        ("ingested_at", column("ingested_at"), false),
        ("lineage_id", column("lineage_id"), false),
    ])
    .unwrap()
}
