//! Columns that an earlier release required and this one lets be null.

use foresite_schema::{Column, DataKind, Nullability, TableDef};
use foresite_tables::{Read, Root, Table};
use serde_json::Value as Json;

use crate::compaction::compact;
use crate::fixture::{commit, kpis, root, row, rows, seen, slot};

/// What an earlier release declared: every row has a load.
fn earlier() -> TableDef {
    let mut def = kpis();
    for column in def.columns.iter_mut().filter(|column| column.name == "load") {
        column.nullability = Nullability::Required;
    }
    def
}

/// A table of that release with one row.
fn made_earlier(root: &Root) -> Table {
    let table = root.table(earlier()).unwrap();
    table.replace(&slot(0, 1), &rows(&[("a", 0, Some(1.0), 1)]), &commit("01", 1)).unwrap();
    table
}

fn operations(table: &Table) -> Vec<Json> {
    let commits = table.history(9).unwrap().into_iter();
    commits.map(|entry| entry.commit_info["operation"].clone()).collect()
}

#[test]
fn a_table_of_an_earlier_release_takes_nulls_and_keeps_its_rows() {
    let (_folder, root) = root();
    let old = made_earlier(&root);
    let unknown = rows(&[("a", 1, None, 2), ("b", 1, Some(3.0), 2)]);
    let error = old.replace(&slot(1, 2), &unknown, &commit("02", 2)).unwrap_err();
    assert_eq!(error.to_string(), "column `load` of table `kpis`: expected none, got 1 nulls");

    let table = root.table(kpis()).unwrap();
    table.replace(&slot(1, 2), &unknown, &commit("02", 2)).unwrap();
    let all = [row("a", 0, 1.0), ("a".to_owned(), 1, None), row("b", 1, 3.0)];
    assert_eq!(seen(&table, 2), all);
    assert_eq!(seen(&old, 2), all, "who had it open sees the same");
    assert_eq!(table.verify().unwrap().faults, []);

    // Over a row whose file says that there are no nulls.
    table.replace(&slot(0, 1), &rows(&[("a", 0, None, 3)]), &commit("03", 3)).unwrap();
    assert_eq!(seen(&table, 2)[0], row("a", 0, 1.0));
    assert_eq!(seen(&table, 3)[0], ("a".to_owned(), 0, None));
    assert_eq!(operations(&table), ["WRITE", "WRITE", "CHANGE COLUMN", "WRITE", "CREATE TABLE"]);
}

#[test]
fn files_of_both_releases_become_one() {
    let (_folder, root) = root();
    made_earlier(&root);
    let table = root.table(kpis()).unwrap();
    table.replace(&slot(1, 2), &rows(&[("a", 1, None, 2)]), &commit("02", 2)).unwrap();
    assert_eq!(compact(&table), (2, 1));
    assert_eq!(seen(&table, 2), [row("a", 0, 1.0), ("a".to_owned(), 1, None)]);
    assert_eq!(table.verify().unwrap().faults, []);
}

#[test]
fn an_earlier_release_takes_nothing_back() {
    let (_folder, root) = root();
    made_earlier(&root);
    let table = root.table(kpis()).unwrap();
    table.replace(&slot(1, 2), &rows(&[("a", 1, None, 2)]), &commit("02", 2)).unwrap();
    let before = table.version().unwrap();
    let back = root.table(earlier()).unwrap();
    assert_eq!(back.version().unwrap(), before, "nothing was committed");
    assert_eq!(seen(&back, 2), [row("a", 0, 1.0), ("a".to_owned(), 1, None)]);
}

#[test]
fn a_column_that_only_another_release_knows_stays_required() {
    let (_folder, root) = root();
    let newer = Column::required("newer", DataKind::Double, "", "of another release");
    let made = root.table(kpis().with_columns([newer])).unwrap().version().unwrap();
    let table = root.table(kpis()).unwrap();
    assert_eq!(table.version().unwrap(), made, "nothing was committed");
    let facts = rows(&[("a", 0, Some(1.0), 1)]);
    let error = table.replace(&slot(0, 1), &facts, &commit("01", 1)).unwrap_err();
    let wrong = "column `newer` of table `kpis`: expected a required column, got nothing";
    assert_eq!(error.to_string(), wrong);
}

#[test]
fn many_that_open_it_at_once_change_it_once() {
    let (_folder, root) = root();
    made_earlier(&root);
    let newer = || {
        let channel = Column::nullable("newer", DataKind::Double, "", "of this release");
        kpis().with_columns([channel])
    };
    std::thread::scope(|scope| {
        for _ in 0..6 {
            let root = root.clone();
            scope.spawn(move || drop(root.table(newer()).unwrap()));
        }
    });
    let table = root.table(newer()).unwrap();
    assert_eq!(operations(&table), ["ADD COLUMNS", "WRITE", "CREATE TABLE"], "both in one commit");
    let batch = table.read_all(&Read::all()).unwrap();
    let schema = batch.schema();
    let may_be_null = |name: &str| schema.field_with_name(name).unwrap().is_nullable();
    assert!(may_be_null("load") && may_be_null("newer"));
    assert!(!may_be_null("entity_id"), "what is required stays so");
}
