//! What the tables hold of the performance files.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::Float64Type;
use foresite_schema::{TableDef, catalog::raw};
use foresite_tables::{Read, Root};

/// Values of one file.
#[derive(Debug, Default)]
struct Counts {
    objects: u64,
    values: u64,
    nulls: u64,
    suspects: u64,
    lists: u64,
    blank_lists: u64,
}

/// A line per file of the ledger.
pub(crate) fn of(root: &Path) -> Result<Vec<String>> {
    let root = Root::open(&root.display().to_string())?;
    let mut files: BTreeMap<String, Counts> = BTreeMap::new();
    let columns = ["file_id", "values", "suspect", "counter_set", "ldn", "period_start"];
    for batch in scan(&root, raw::pm_counters(), &columns)? {
        add_values(&batch, &mut files)?;
    }
    for batch in scan(&root, raw::pm_histograms(), &["file_id", "bins"])? {
        let (ids, bins) = (column(&batch, "file_id")?.as_string::<i32>(), column(&batch, "bins")?);
        for row in 0..batch.num_rows() {
            let counts = files.entry(ids.value(row).to_owned()).or_default();
            counts.lists += 1;
            counts.blank_lists += u64::from(bins.is_null(row));
        }
    }
    let mut lines = Vec::new();
    for batch in scan(&root, raw::ingest_ledger(), &["path", "file_id", "state"])? {
        let text = |name| column(&batch, name).map(|column| column.as_string::<i32>());
        let (paths, ids, states) = (text("path")?, text("file_id")?, text("state")?);
        for row in 0..batch.num_rows() {
            let counts = files.remove(ids.value(row)).unwrap_or_default();
            lines.push(line(paths.value(row), states.value(row), &counts));
        }
    }
    lines.sort();
    Ok(lines)
}

fn line(path: &str, state: &str, counts: &Counts) -> String {
    let Counts { objects, values, nulls, suspects, lists, blank_lists } = counts;
    format!(
        "{path}: {state}, {objects} object rows ({suspects} suspect), {values} single values \
         ({nulls} missing), {lists} lists ({blank_lists} blank)"
    )
}

fn add_values(batch: &RecordBatch, files: &mut BTreeMap<String, Counts>) -> Result<()> {
    let ids = column(batch, "file_id")?.as_string::<i32>();
    let suspects = column(batch, "suspect")?.as_boolean();
    let lists = column(batch, "values")?.as_list::<i32>();
    for row in 0..batch.num_rows() {
        let counts = files.entry(ids.value(row).to_owned()).or_default();
        let values = lists.value(row);
        let values = values.as_primitive::<Float64Type>();
        counts.objects += 1;
        counts.suspects += u64::from(suspects.value(row));
        counts.values += values.len() as u64;
        counts.nulls += values.null_count() as u64;
    }
    Ok(())
}

fn scan(root: &Root, table: TableDef, columns: &[&str]) -> Result<Vec<RecordBatch>> {
    let name = table.name.clone();
    let found = root.find(table)?.with_context(|| format!("no table `{name}`"))?;
    Ok(found.scan(&Read::all().columns(columns))?.collect::<Result<_, _>>()?)
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a arrow::array::ArrayRef> {
    batch.column_by_name(name).with_context(|| format!("no column `{name}`"))
}
