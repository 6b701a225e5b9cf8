//! Data files that are not what the log says: a clear error with the path, and nothing changed.

use std::fs;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use foresite_tables::ErrorKind;

use crate::bad_input::{edit, refused, version};
use crate::fixture::{commit, data_files, filled, root, rows, slot};

#[test]
fn a_data_file_that_is_gone() {
    let (folder, root) = root();
    filled(&root, 0..1);
    fs::remove_file(&data_files(&folder)[0]).unwrap();
    refused(&folder, &root, ErrorKind::Missing);
}

#[test]
fn a_truncated_data_file() {
    let (folder, root) = root();
    filled(&root, 0..1);
    let file = data_files(&folder).remove(0);
    let bytes = fs::read(&file).unwrap();
    for length in [0, 3, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&file, &bytes[..length]).unwrap();
        let error = refused(&folder, &root, ErrorKind::BadData);
        let expected = format!("expected {} bytes as in the log, got {length}", bytes.len());
        assert!(error.to_string().ends_with(&expected), "{error}");
    }
}

#[test]
fn a_data_file_swapped_for_another() {
    let (folder, root) = root();
    let table = filled(&root, 0..1);
    let foreign = rows(&[("x", 0, Some(1.0), 1), ("y", 0, None, 1), ("z", 0, None, 1)]);
    table.replace(&slot(5, 6), &foreign, &commit("aa", 1)).unwrap();
    let files = data_files(&folder);
    let size = fs::metadata(&files[0]).unwrap().len();
    fs::copy(&files[1], &files[0]).unwrap();
    // Even where the log is made to agree about the size.
    let size_of = |size: u64| format!("\"size\":{size},");
    edit(&version(&folder, 1), &size_of(size), &size_of(fs::metadata(&files[1]).unwrap().len()));
    let error = refused(&folder, &root, ErrorKind::BadData);
    assert!(error.to_string().ends_with("expected 2 rows as in the log, got 3"), "{error}");
}

#[test]
fn a_data_file_of_another_table() {
    let (folder, root) = root();
    filled(&root, 0..1);
    let file = data_files(&folder).remove(0);
    let other = write_parquet();
    let size = fs::metadata(&file).unwrap().len();
    fs::write(&file, &other).unwrap();
    edit(&version(&folder, 1), &format!("\"size\":{size},"), &format!("\"size\":{},", other.len()));
    let error = refused(&folder, &root, ErrorKind::BadData);
    assert!(error.to_string().contains("expected a required column, got nothing"), "{error}");
}

#[test]
fn a_data_file_with_a_column_of_another_type() {
    let (folder, root) = root();
    filled(&root, 0..1);
    let file = data_files(&folder).remove(0);
    let batch = rows(&[("a", 0, None, 1), ("b", 0, None, 1)]);
    let column = |field: &arrow::datatypes::FieldRef| -> (String, ArrayRef) {
        let array = batch.column_by_name(field.name()).unwrap();
        match field.name().as_str() {
            "load" => ("load".into(), Arc::new(StringArray::from(vec!["1.0", "much"]))),
            name => (name.into(), Arc::clone(array)),
        }
    };
    let other = RecordBatch::try_from_iter(batch.schema().fields().iter().map(column)).unwrap();
    let (size, other) = (fs::metadata(&file).unwrap().len(), parquet_of(&other));
    fs::write(&file, &other).unwrap();
    edit(&version(&folder, 1), &format!("\"size\":{size},"), &format!("\"size\":{},", other.len()));
    let error = refused(&folder, &root, ErrorKind::BadData);
    assert!(error.to_string().ends_with("column `load`: expected Float64, got Utf8"), "{error}");
}

/// Two rows of something else.
fn write_parquet() -> Vec<u8> {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    parquet_of(&RecordBatch::try_from_iter([("other_id", column)]).unwrap())
}

fn parquet_of(batch: &RecordBatch) -> Vec<u8> {
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}
