//! What a computation gives beside what was published: equal to the last bit, or where not.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use foresite_schema::{Column, DataKind};
use foresite_tables::{Comparison, ErrorKind, Root, Table};

use crate::fixture::{DAY, Fact, HOUR, commit, kpis, root, rows, slot};

/// Rows carry the lineage `feed`; a first version, and a correction of one cell.
const FIRST: [Fact; 2] = [("a", 0, Some(1.0), 2), ("b", 0, Some(5.0), 2)];
const CORRECTED: [Fact; 3] =
    [("a", 0, Some(1.0), 2), ("b", 0, Some(5.0), 2), ("a", 0, Some(2.0), 4)];

fn published(root: &Root) -> Table {
    let table = root.table(kpis()).unwrap();
    table.replace(&slot(0, 1), &rows(&FIRST), &commit("01", 2)).unwrap();
    table.replace(&slot(0, 1), &rows(&CORRECTED), &commit("02", 4)).unwrap();
    table
}

fn compared(table: &Table, facts: &[Fact], as_of_hour: i64) -> Comparison {
    table.compare(&slot(0, 1), &rows(facts), ("feed", DAY + as_of_hour * HOUR)).unwrap()
}

fn differing(found: &Comparison) -> ([u64; 3], Vec<&str>) {
    let columns = found.columns.iter().map(String::as_str).collect();
    ([found.missing, found.added, found.changed], columns)
}

#[test]
fn the_same_versions_are_equal_at_every_clock() {
    let (_folder, root) = root();
    let table = published(&root);
    let before = table.version().unwrap();
    for (facts, as_of, versions) in [(&FIRST[..], 2, 2), (&FIRST[..], 3, 2), (&CORRECTED[..], 4, 3)]
    {
        let found = compared(&table, facts, as_of);
        assert!(found.is_equal(), "as of {as_of}: {found:?}");
        assert_eq!((found.published.rows, differing(&found)), (versions, ([0; 3], vec![])));
    }
    // What a computation knows beyond the clock is not asked for.
    assert!(compared(&table, &CORRECTED, 3).is_equal());
    // A value that is said once more is one version.
    let repeated = [CORRECTED[0], CORRECTED[1], CORRECTED[2], ("b", 0, Some(5.0), 3)];
    assert!(compared(&table, &repeated, 4).is_equal());
    assert_eq!(table.version().unwrap(), before, "nothing is written");
}

#[test]
fn a_version_that_is_another_one_is_found_also_when_it_is_superseded() {
    let (_folder, root) = root();
    let table = published(&root);
    let other = [("a", 0, Some(1.5), 2), CORRECTED[1], CORRECTED[2]];
    let found = compared(&table, &other, 4);
    assert!(!found.is_equal());
    assert_eq!(differing(&found), ([0, 0, 1], vec!["load"]));
    // Known an hour too early: as if it had been there to be used.
    let early = [("a", 0, Some(1.0), 1), CORRECTED[1], CORRECTED[2]];
    assert_eq!(differing(&compared(&table, &early, 4)), ([1, 1, 0], vec![]));
}

#[test]
fn what_is_missing_and_what_is_new_are_counted() {
    let (_folder, root) = root();
    let table = published(&root);
    let found = compared(&table, &[CORRECTED[0], CORRECTED[2], ("c", 0, None, 2)], 4);
    assert!(!found.is_equal());
    assert_eq!(differing(&found), ([1, 1, 0], vec![]));
    let nothing = compared(&table, &[], 4);
    assert_eq!((nothing.computed.rows, nothing.missing, nothing.is_equal()), (0, 3, false));
}

/// Rows with one more column.
fn with_column(facts: &[Fact], name: &str) -> RecordBatch {
    let rows = rows(facts);
    let more: ArrayRef = Arc::new(Float64Array::from(vec![7.0; facts.len()]));
    let schema = rows.schema();
    let names = schema.fields().iter().map(|field| field.name().as_str()).chain([name]);
    let columns = rows.columns().iter().cloned().chain([more]);
    RecordBatch::try_from_iter(names.zip(columns)).unwrap()
}

#[test]
fn a_column_that_the_table_lacks_is_not_compared() {
    let (_folder, root) = root();
    let before = published(&root).version().unwrap();
    let newer = Column::nullable("newer", DataKind::Double, "", "of a newer release");
    let table = root.existing(kpis().with_columns([newer])).unwrap();
    let compare = |name| {
        let rows = with_column(&CORRECTED, name);
        table.compare(&slot(0, 1), &rows, ("feed", DAY + 4 * HOUR))
    };
    let found = compare("newer").unwrap();
    assert!(found.is_equal(), "{found:?}");
    assert_eq!((found.published.rows, table.version().unwrap()), (3, before));
    // A name that no definition has is no column of a newer release.
    assert_eq!(compare("stray").unwrap_err().kind(), ErrorKind::BadData);
}
