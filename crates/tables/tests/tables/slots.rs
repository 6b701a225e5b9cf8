//! What a slot promises: filled once, replaced whole, and never forgetting what was known.
//!
//! The tests take their root from `crate::root`, so that `tests/hdfs` runs them on HDFS too.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use foresite_schema::{Column, DataKind, catalog};
use foresite_tables::{Commit, ErrorKind, Read, Slot, Value};

use crate::fixture::{DAY, Fact, HOUR, commit, kpis, row, rows, seen, slot};

#[test]
fn a_rerun_with_the_same_lineage_changes_nothing() {
    let Some((_folder, root)) = crate::root() else { return };
    let table = root.table(kpis()).unwrap();
    let batch = rows(&[("a", 0, Some(1.0), 1)]);
    let first = table.replace(&slot(0, 1), &batch, &commit("aa", 1)).unwrap();
    assert!(!first.unchanged);
    let again = table.replace(&slot(0, 1), &batch, &commit("aa", 1)).unwrap();
    assert_eq!((again.unchanged, again.version), (true, first.version));
    let forced = Commit { force: true, ..commit("aa", 1) };
    let third = table.replace(&slot(0, 1), &batch, &forced).unwrap();
    assert!(!third.unchanged);
    assert_eq!(seen(&table, 9), [row("a", 0, 1.0)], "force rewrites equal rows");
}

#[test]
fn an_empty_slot_remembers_its_lineage() {
    let Some((_folder, root)) = crate::root() else { return };
    let table = root.table(kpis()).unwrap();
    table.replace(&slot(0, 1), &rows(&[]), &commit("ab", 1)).unwrap();
    assert!(table.replace(&slot(0, 1), &rows(&[]), &commit("ab", 1)).unwrap().unchanged);
    assert!(table.holds(&slot(0, 1), &commit("ac", 1)).unwrap().is_none());
}

#[test]
fn a_correction_keeps_what_was_known_before() {
    let Some((_folder, root)) = crate::root() else { return };
    let table = root.table(kpis()).unwrap();
    table
        .replace(
            &slot(0, 2),
            &rows(&[("a", 0, Some(1.0), 2), ("a", 1, Some(5.0), 2)]),
            &commit("01", 2),
        )
        .unwrap();
    let corrected = rows(&[("a", 0, Some(2.0), 4), ("a", 1, Some(5.0), 2)]);
    table.replace(&slot(0, 2), &corrected, &commit("02", 4)).unwrap();
    assert_eq!(seen(&table, 1), []);
    assert_eq!(seen(&table, 3), [row("a", 0, 1.0), row("a", 1, 5.0)]);
    assert_eq!(seen(&table, 4), [row("a", 0, 2.0), row("a", 1, 5.0)]);
}

#[test]
fn a_fix_at_the_same_knowledge_replaces_the_row() {
    let Some((_folder, root)) = crate::root() else { return };
    let table = root.table(kpis()).unwrap();
    table.replace(&slot(0, 1), &rows(&[("a", 0, Some(1.0), 2)]), &commit("01", 2)).unwrap();
    table.replace(&slot(0, 1), &rows(&[("a", 0, Some(3.0), 2)]), &commit("02", 2)).unwrap();
    assert_eq!(table.read_all(&Read::all()).unwrap().num_rows(), 1);
    assert_eq!(seen(&table, 2), [row("a", 0, 3.0)]);
}

#[test]
fn of_equals_the_row_that_was_written_last_is_seen_wherever_it_lies() {
    let Some((_folder, root)) = crate::root() else { return };
    let table = root.table(kpis()).unwrap();
    let written_at = |hour: i64, load: f64| {
        let batch = rows(&[("a", 0, Some(load), 2)]);
        let time: ArrayRef = Arc::new(
            TimestampMicrosecondArray::from_value(DAY + hour * HOUR, 1).with_timezone("UTC"),
        );
        let at = batch.schema().index_of("ingested_at").unwrap();
        let mut columns = batch.columns().to_vec();
        columns[at] = time;
        RecordBatch::try_new(batch.schema(), columns).unwrap()
    };
    let any = |plan: &str| Slot::plan("derived", plan);
    table.append(&any("later"), &written_at(9, 9.0), &commit("01", 2)).unwrap();
    table.append(&any("earlier"), &written_at(5, 5.0), &commit("02", 2)).unwrap();
    assert_eq!(seen(&table, 2), [row("a", 0, 9.0)], "though its file is the older one");
}

#[test]
fn a_vanished_key_leaves_a_tombstone() {
    let Some((_folder, root)) = crate::root() else { return };
    let table = root.table(kpis()).unwrap();
    table
        .replace(
            &slot(0, 1),
            &rows(&[("a", 0, Some(1.0), 2), ("b", 0, Some(7.0), 2)]),
            &commit("01", 2),
        )
        .unwrap();
    table.replace(&slot(0, 1), &rows(&[("a", 0, Some(1.0), 2)]), &commit("02", 5)).unwrap();
    assert_eq!(seen(&table, 4), [row("a", 0, 1.0), row("b", 0, 7.0)]);
    assert_eq!(seen(&table, 5), [row("a", 0, 1.0)]);
    table.replace(&slot(0, 1), &rows(&[("a", 0, Some(1.0), 2)]), &commit("03", 7)).unwrap();
    assert_eq!(table.read_all(&Read::all()).unwrap().num_rows(), 3, "one tombstone is enough");
}

#[test]
fn files_over_the_edge_keep_the_rows_outside() {
    let Some((_folder, root)) = crate::root() else { return };
    let table = root.table(kpis()).unwrap();
    let wide: Vec<Fact> = (0..4).map(|hour| ("a", hour, Some(hour as f64), 4)).collect();
    table.replace(&slot(0, 4), &rows(&wide), &commit("01", 4)).unwrap();
    table.replace(&slot(1, 2), &rows(&[("a", 1, Some(9.0), 6)]), &commit("02", 6)).unwrap();
    assert_eq!(seen(&table, 4), (0..4).map(|hour| row("a", hour, hour as f64)).collect::<Vec<_>>());
    let now = [row("a", 0, 0.0), row("a", 1, 9.0), row("a", 2, 2.0), row("a", 3, 3.0)];
    assert_eq!(seen(&table, 6), now);
}

#[test]
fn other_sources_and_periods_are_left_alone() {
    let Some((_folder, root)) = crate::root() else { return };
    let table = root.table(kpis()).unwrap();
    table.replace(&slot(0, 1), &rows(&[("a", 0, Some(1.0), 1)]), &commit("01", 1)).unwrap();
    let before = table.version().unwrap();
    table.replace(&slot(1, 2), &rows(&[("a", 1, Some(2.0), 2)]), &commit("02", 2)).unwrap();
    let history = table.history(1).unwrap();
    assert_eq!(history[0].version, before + 1);
    assert_eq!(
        history[0].commit_info["operationParameters"]["mode"], "Append",
        "nothing was replaced"
    );
    assert_eq!(seen(&table, 9).len(), 2);
}

#[test]
fn neighbouring_slots_do_not_fight() {
    let Some((_folder, root)) = crate::root() else { return };
    root.table(kpis()).unwrap();
    std::thread::scope(|scope| {
        for hour in 0..8_i64 {
            let root = root.clone();
            scope.spawn(move || {
                let table = root.table(kpis()).unwrap();
                let lineage = format!("{hour:02}");
                table
                    .replace(
                        &slot(hour, hour + 1),
                        &rows(&[("a", hour, Some(hour as f64), 9)]),
                        &commit(&lineage, 9),
                    )
                    .unwrap();
            });
        }
    });
    let table = root.table(kpis()).unwrap();
    assert_eq!(seen(&table, 9), (0..8).map(|hour| row("a", hour, hour as f64)).collect::<Vec<_>>());
}

#[test]
fn two_live_copies_leave_one_result() {
    let Some((_folder, root)) = crate::root() else { return };
    root.table(kpis()).unwrap();
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..6)
            .map(|_| {
                let root = root.clone();
                scope.spawn(move || {
                    let table = root.table(kpis()).unwrap();
                    table.replace(&slot(0, 1), &rows(&[("a", 0, Some(1.0), 1)]), &commit("77", 1))
                })
            })
            .collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    });
    let written =
        outcomes.iter().filter(|outcome| matches!(outcome, Ok(done) if !done.unchanged)).count();
    assert_eq!(written, 1, "{outcomes:?}");
    for outcome in outcomes {
        match outcome {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
        }
    }
    let table = root.table(kpis()).unwrap();
    assert_eq!(table.read_all(&Read::all()).unwrap().num_rows(), 1);
}

#[test]
fn columns_are_added_and_old_rows_read_as_null() {
    let Some((_folder, root)) = crate::root() else { return };
    let table = root.table(catalog::derived::kpis()).unwrap();
    let old = rows(&[("a", 0, None, 1)]);
    let old = old.project(&(0..11).filter(|&index| index != 6).collect::<Vec<_>>()).unwrap();
    table.replace(&slot(0, 1), &old, &commit("01", 1)).unwrap();
    let table = root.table(kpis()).unwrap();
    table.replace(&slot(1, 2), &rows(&[("a", 1, Some(2.0), 2)]), &commit("02", 2)).unwrap();
    assert_eq!(seen(&table, 2), [("a".to_owned(), 0, None), row("a", 1, 2.0)]);
    let narrow = root.table(catalog::derived::kpis()).unwrap();
    assert!(
        narrow.def().column("load").is_some(),
        "a reader without the catalogue still sees the column"
    );
}

#[test]
fn a_column_of_another_type_is_refused() {
    let Some((_folder, root)) = crate::root() else { return };
    root.table(kpis()).unwrap();
    let other =
        catalog::derived::kpis().with_columns([Column::nullable("load", DataKind::Text, "", "")]);
    let error = root.table(other).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadData);
    assert_eq!(error.to_string(), "column `load` of table `kpis`: expected Utf8, got Float64");
}

#[test]
fn raw_rows_of_a_plan_are_appended_once() {
    let Some((_folder, root)) = crate::root() else { return };
    let table = root.table(catalog::raw::stale()).unwrap();
    let batch = stale_row();
    let slot =
        Slot { equals: [("source".to_owned(), Value::Text("pm".into()))].into(), period: None };
    let first = table.append(&slot, &batch, &commit("0a", 1)).unwrap();
    assert!(table.append(&slot, &batch, &commit("0a", 1)).unwrap().unchanged);
    assert_eq!(first.rows, 1);
    let other = table.append(&slot, &batch, &commit("0b", 2)).unwrap();
    assert_eq!(other.rows, 1);
    assert_eq!(
        table.scan(&Read::all()).unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>(),
        2
    );
}

fn stale_row() -> RecordBatch {
    let text = |value: &str| Arc::new(StringArray::from(vec![value])) as ArrayRef;
    let time =
        || Arc::new(TimestampMicrosecondArray::from_value(DAY, 1).with_timezone("UTC")) as ArrayRef;
    RecordBatch::try_from_iter([
        ("source", text("pm")),
        ("bucket", Arc::new(Int32Array::from(vec![0])) as ArrayRef),
        ("stale_table", text("kpis")),
        ("start_at", time()),
        ("end_at", time()),
        ("cause", text("plan")),
        ("state", text("open")),
        ("at", time()),
        ("known_at", time()),
        ("ingested_at", time()),
        ("lineage_id", text("0a")),
    ])
    .unwrap()
}

#[test]
fn rows_that_do_not_fit_are_refused_with_the_column() {
    let Some((_folder, root)) = crate::root() else { return };
    let table = root.table(kpis()).unwrap();
    let batch = rows(&[("a", 0, Some(1.0), 1)]).project(&[0, 1, 2]).unwrap();
    let error = table.replace(&slot(0, 1), &batch, &commit("01", 1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "column `period_start` of table `kpis`: expected a time, got nothing"
    );
    assert_eq!(table.history(9).unwrap().len(), 1, "nothing was committed");
}

#[test]
fn listed_names_can_be_read_whatever_they_hold() {
    let Some((_folder, root)) = crate::root() else { return };
    let names = ["a b.csv", "50%.csv", "#1.csv", "x?y=1,z.csv", "grüße+.csv"];
    for name in names {
        root.write_as_of(&format!("landing/{name}"), name, DAY).unwrap();
    }
    let listed = root.list("landing/").unwrap();
    assert_eq!(listed.len(), names.len());
    for file in listed {
        assert_eq!(file.modified, DAY);
        let text = root.read(&file.path).unwrap();
        assert_eq!(file.path, format!("landing/{}", std::str::from_utf8(&text).unwrap()));
    }
}

#[test]
fn reading_since_a_moment_leaves_out_rows_and_whole_files() {
    let Some((_folder, root)) = crate::root() else { return };
    let table = root.table(kpis()).unwrap();
    for (hour, lineage) in [(1, "aa"), (5, "ab")] {
        let facts = [("a", hour, Some(1.0), hour + 3), ("a", hour + 1, Some(2.0), hour + 4)];
        table.replace(&slot(hour, hour + 2), &rows(&facts), &commit(lineage, 12)).unwrap();
    }
    let since = |hour: i64| {
        let read = Read::all().columns(["load"]).since("known_at", DAY + hour * HOUR);
        let batches: Vec<_> = table.scan(&read).unwrap().map(Result::unwrap).collect();
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        (batches.len(), rows)
    };
    assert_eq!([since(0), since(5), since(6), since(10)], [(2, 4), (2, 3), (1, 2), (0, 0)]);
    assert_eq!(
        table.read_all(&Read::all().since("nothing", 0)).unwrap_err().kind(),
        ErrorKind::Usage
    );
}
