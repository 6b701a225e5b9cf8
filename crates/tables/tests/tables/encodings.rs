//! Float columns are encoded as their values ask for, and read back to the bit.

use std::collections::BTreeMap;
use std::fs::File;

use arrow::array::AsArray as _;
use arrow::compute::concat_batches;
use arrow::datatypes::Float64Type;
use foresite_tables::{Read, Root, Table};
use parquet::basic::Encoding;
use parquet::file::reader::{FileReader as _, SerializedFileReader};

use crate::fixture::{Fact, commit, kpis, root, rows, slot};

const COUNT: usize = 20_000;

/// One row a cell, in the order of the table or against it.
fn table_of(root: &Root, load: impl Fn(usize) -> Option<f64>, is_sorted: bool) -> Table {
    let names: Vec<String> = (0..COUNT).map(|cell| format!("c{cell:06}")).collect();
    let names: &'static [String] = names.leak();
    let mut facts: Vec<Fact> =
        (0..COUNT).map(|cell| (names[cell].as_str(), 0, load(cell), 0)).collect();
    if !is_sorted {
        facts.reverse();
    }
    let table = root.table(kpis()).unwrap();
    table.replace(&slot(0, 1), &rows(&facts), &commit("aa", 9)).unwrap();
    table
}

/// The encodings of the columns of the only data file.
fn encodings(root: &Root) -> BTreeMap<String, Vec<Encoding>> {
    let files = root.list("tables/kpis/").unwrap();
    let data: Vec<_> = files
        .iter()
        .filter(|file| file.path.ends_with(".parquet") && !file.path.contains("_delta_log"))
        .collect();
    assert_eq!(data.len(), 1);
    let file = File::open(root.local_path(&data[0].path).unwrap()).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let columns = reader.metadata().row_group(0).columns().to_vec();
    let of = |column: &parquet::file::metadata::ColumnChunkMetaData| {
        (column.column_path().string(), column.encodings().collect())
    };
    columns.iter().map(of).collect()
}

/// Bits of `load` by cell.
fn bits(table: &Table) -> Vec<Option<u64>> {
    let batches: Vec<_> =
        table.scan(&Read::all().columns(["load"])).unwrap().map(Result::unwrap).collect();
    let all = concat_batches(&batches[0].schema(), &batches).unwrap();
    let load = all.column(0).as_primitive::<Float64Type>();
    load.iter().map(|value| value.map(f64::to_bits)).collect()
}

/// Values that Parquet's writers and readers like to mix up.
fn odd(cell: usize) -> Option<f64> {
    match cell % 5 {
        0 => None,
        1 => Some(-0.0),
        2 => Some(0.0),
        3 => Some(f64::NAN),
        _ => Some(-f64::NAN),
    }
}

#[test]
fn few_values_get_a_dictionary() {
    let (_folder, root) = root();
    let load = |cell: usize| odd(cell).filter(|_| cell < 100).or(Some((cell % 40) as f64 / 7.0));
    let table = table_of(&root, load, true);
    let encodings = encodings(&root);
    assert!(encodings["load"].contains(&Encoding::RLE_DICTIONARY), "{encodings:?}");
    assert!(!encodings["load"].contains(&Encoding::BYTE_STREAM_SPLIT), "{encodings:?}");
    let expected: Vec<_> = (0..COUNT).map(|cell| load(cell).map(f64::to_bits)).collect();
    assert!(bits(&table) == expected);
}

#[test]
fn many_values_are_split_into_bytes() {
    let (_folder, root) = root();
    let load = |cell: usize| match cell {
        0..100 => odd(cell),
        _ => Some((cell as f64).sin()),
    };
    let table = table_of(&root, load, false);
    let encodings = encodings(&root);
    assert!(encodings["load"].contains(&Encoding::BYTE_STREAM_SPLIT), "{encodings:?}");
    assert!(!encodings["load"].contains(&Encoding::RLE_DICTIONARY), "{encodings:?}");
    assert!(encodings["lineage_id"].contains(&Encoding::RLE_DICTIONARY), "{encodings:?}");
    let expected: Vec<_> = (0..COUNT).map(|cell| load(cell).map(f64::to_bits)).collect();
    assert!(bits(&table) == expected, "sorted while it was written");
}
