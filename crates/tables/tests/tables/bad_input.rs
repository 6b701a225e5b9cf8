//! Tables that are not what they should be: a clear error with the path, and nothing changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use arrow::array::RecordBatch;
use foresite_schema::catalog;
use foresite_tables::{Error, ErrorKind, Read, Root, Table};
use tempfile::TempDir;

use crate::fixture::{commit, filled, kpis, log, root, rows, slot};

/// Size and time of every file below a folder.
pub(crate) fn listing(folder: &Path) -> BTreeMap<String, (u64, SystemTime)> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let meta = fs::metadata(&path).unwrap();
        if meta.is_dir() {
            files.extend(listing(&path));
        } else {
            files.insert(path.display().to_string(), (meta.len(), meta.modified().unwrap()));
        }
    }
    files
}

/// The error of opening, reading or writing a broken table; it names the table's place and the
/// kind that is expected, and leaves every file as it was.
#[track_caller]
pub(crate) fn refused(folder: &TempDir, root: &Root, kind: ErrorKind) -> Error {
    let before = listing(folder.path());
    let write = |table: Table| {
        table.read_all(&Read::all())?;
        table.replace(&slot(0, 1), &rows(&[("a", 0, None, 1)]), &commit("ffff", 1))
    };
    let error = root.table(kpis()).and_then(write).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains("/tables/kpis/"), "no path: {error}");
    assert_eq!(listing(folder.path()), before, "{error}");
    error
}

pub(crate) fn version(folder: &TempDir, version: u64) -> std::path::PathBuf {
    log(folder).join(format!("{version:020}.json"))
}

pub(crate) fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replace(from, to)).unwrap();
}

const PROTOCOL: &str = r#"{"minReaderVersion":1,"minWriterVersion":2}"#;

#[test]
fn a_folder_that_is_no_table() {
    let (folder, root) = root();
    fs::create_dir_all(folder.path().join("tables/kpis/date=2026-01-01")).unwrap();
    fs::write(folder.path().join("tables/kpis/date=2026-01-01/x.parquet"), "PAR1").unwrap();
    let error = root.existing(kpis()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Missing);
    assert!(error.to_string().starts_with("table `kpis` below file:///"), "{error}");
    fs::create_dir_all(log(&folder)).unwrap();
    fs::write(log(&folder).join("readme.txt"), "no commit").unwrap();
    refused(&folder, &root, ErrorKind::Missing);
}

#[test]
fn a_first_commit_that_is_no_json() {
    let (folder, root) = root();
    fs::create_dir_all(log(&folder)).unwrap();
    fs::write(version(&folder, 0), "<html>").unwrap();
    refused(&folder, &root, ErrorKind::BadData);
}

#[test]
fn a_newer_reader() {
    let (folder, root) = root();
    filled(&root, 0..1);
    let newer = r#"{"minReaderVersion":99,"minWriterVersion":99}"#;
    edit(&version(&folder, 0), PROTOCOL, newer);
    refused(&folder, &root, ErrorKind::BadData);
}

#[test]
fn reader_features_that_change_the_files() {
    let (folder, root) = root();
    filled(&root, 0..1);
    let newer = r#"{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["columnMapping"],"writerFeatures":["columnMapping"]}"#;
    edit(&version(&folder, 0), PROTOCOL, newer);
    let error = refused(&folder, &root, ErrorKind::BadData);
    assert!(error.to_string().contains("columnMapping"), "{error}");
}

#[test]
fn a_newer_writer_can_be_read_but_not_written() {
    for (features, name) in [
        (r#"{"minReaderVersion":1,"minWriterVersion":3}"#, "writer version 3"),
        (
            r#"{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["changeDataFeed"]}"#,
            "writer version 7 with changeDataFeed",
        ),
    ] {
        let (folder, root) = root();
        filled(&root, 0..1);
        edit(&version(&folder, 0), PROTOCOL, features);
        let table = root.existing(kpis()).unwrap();
        assert_eq!(table.read_all(&Read::all()).unwrap().num_rows(), 2);
        let error = refused(&folder, &root, ErrorKind::BadData);
        assert!(error.to_string().contains(name), "{error}");
        let stage = table.stage(&rows(&[("a", 0, None, 1)])).unwrap_err();
        assert!(stage.to_string().contains(name), "{stage}");
    }
}

#[test]
fn features_without_a_duty_are_accepted() {
    let (folder, root) = root();
    filled(&root, 0..1);
    let features = r#"{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":[],"writerFeatures":["appendOnly","invariants"]}"#;
    edit(&version(&folder, 0), PROTOCOL, features);
    filled(&root, 1..2);
    edit(&version(&folder, 0), "delta.checkpointInterval\":\"10\"", "delta.appendOnly\":\"true\"");
    let error = refused(&folder, &root, ErrorKind::BadData);
    assert!(error.to_string().contains("delta.appendOnly=true"), "{error}");
}

#[test]
fn a_log_with_a_hole() {
    let (folder, root) = root();
    filled(&root, 0..5);
    fs::remove_file(version(&folder, 3)).unwrap();
    refused(&folder, &root, ErrorKind::BadData);
}

#[test]
fn a_torn_commit() {
    let (folder, root) = root();
    filled(&root, 0..3);
    let text = fs::read_to_string(version(&folder, 2)).unwrap();
    fs::write(version(&folder, 2), &text[..text.len() / 2]).unwrap();
    refused(&folder, &root, ErrorKind::BadData);
}

#[test]
fn a_foreign_schema() {
    let (folder, root) = root();
    filled(&root, 0..1);
    let double = r#"\"name\":\"load\",\"type\":\"double\""#;
    edit(&version(&folder, 0), double, r#"\"name\":\"load\",\"type\":\"string\""#);
    let error = root.table(kpis()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadData);
    assert_eq!(error.to_string(), "column `load` of table `kpis`: expected Float64, got Utf8");
}

#[test]
fn an_unknown_column() {
    let (_folder, root) = root();
    let table = filled(&root, 0..1);
    let error = table.read_all(&Read::all().columns(["lode"])).unwrap_err();
    assert_eq!(error.to_string(), "column `lode` of table `kpis`: no such column");
    let narrow = root.table(catalog::derived::kpis()).unwrap();
    let batch = rows(&[("a", 0, None, 1)]);
    let schema = batch.schema();
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| match field.name().as_str() {
            "load" => field.as_ref().clone().with_name("lode"),
            _ => field.as_ref().clone(),
        })
        .collect();
    let schema = Arc::new(arrow::datatypes::Schema::new(fields));
    let batch = RecordBatch::try_new(schema, batch.columns().to_vec()).unwrap();
    let error = narrow.replace(&slot(0, 1), &batch, &commit("aa", 1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadData);
    assert!(error.to_string().contains("column `lode` of table `kpis`"), "{error}");
}

#[test]
fn credentials_in_a_uri() {
    for uri in ["hdfs://user:secret@name/x", "file://user:secret@/x", "file://:secret@host/x"] {
        let error = Root::open(uri).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn a_time_that_no_date_can_be_made_of() {
    let (folder, root) = root();
    let table = root.table(kpis()).unwrap();
    let centuries = 24 * 366 * 9000;
    let batch = rows(&[("a", centuries, None, 1)]);
    let before = listing(folder.path());
    let error = table.replace(&slot(0, centuries + 1), &batch, &commit("aa", 1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "column `period_start` of table `kpis`: expected years 1 to 9999, got a time outside them"
    );
    assert_eq!(listing(folder.path()), before);
}
