//! A landing folder made by hand, ingest over it, and what the tables hold afterwards.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use flate2::Compression;
use flate2::write::GzEncoder;
use foresite_schema::catalog;
use foresite_tables::{Read, Root};
use foresite_testkit::{Binary, Run};
use tempfile::TempDir;

pub(crate) const HOUR: i64 = 3_600_000_000;
/// 2024-05-01T00:00:00Z in hours since the epoch (`date -u -d 2024-05-01 +%s` / 3600).
pub(crate) const MAY: i64 = 1_714_521_600 / 3600;

pub(crate) fn stamp(hour: i64) -> String {
    format!("2024-05-01T{hour:02}:00:00Z")
}

pub(crate) fn root() -> TempDir {
    let root = TempDir::new().unwrap();
    std::fs::create_dir_all(root.path().join("landing/pm")).unwrap();
    root
}

/// Writes a file that landed a minute after the end of `hour`.
pub(crate) fn land(root: &Path, name: &str, bytes: &[u8], hour: i64) {
    let path = root.join("landing").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    let landed = Duration::from_secs(((MAY + hour + 1) * 3600 + 60) as u64);
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(UNIX_EPOCH + landed).unwrap();
}

/// One element and hour with two cells of two counters.
pub(crate) fn pm(element: &str, hour: i64, values: [&str; 4]) -> Vec<u8> {
    let end = stamp(hour + 1);
    let cell = |number: usize, values: &[&str]| {
        format!(
            "<measValue measObjLdn=\"ManagedElement={element},GNBDUFunction=1,NRCellDU={number}\">\
             <r p=\"1\">{}</r><r p=\"2\">{}</r></measValue>",
            values[0], values[1]
        )
    };
    let text = format!(
        "<measCollecFile><fileHeader vendorName=\"V\" dnPrefix=\"SubNetwork=S\">\
         <measCollec beginTime=\"{}\"/></fileHeader><measData>\
         <managedElement localDn=\"ManagedElement={element}\"/><measInfo measInfoId=\"du\">\
         <granPeriod duration=\"PT3600S\" endTime=\"{end}\"/>\
         <measType p=\"1\">a</measType><measType p=\"2\">b</measType>{}{}</measInfo></measData>\
         <fileFooter><measCollec endTime=\"{end}\"/></fileFooter></measCollecFile>",
        stamp(hour),
        cell(1, &values[..2]),
        cell(2, &values[2..]),
    );
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn ingest(root: &Path, hours: [i64; 2]) -> Binary {
    Binary::stage("ingest")
        .root(root)
        .interval(&stamp(hours[0]), &stamp(hours[1]))
        .args(&format!("--as-of 2024-05-01T{:02}:30:00Z", hours[1]))
}

pub(crate) fn rows(root: &Path, table: &str) -> RecordBatch {
    let root = Root::open(root.to_str().unwrap()).unwrap();
    let def = catalog::find(table).unwrap();
    root.existing(def).unwrap().read_all(&Read::all()).unwrap()
}

pub(crate) fn texts(batch: &RecordBatch, column: &str) -> Vec<String> {
    let values = batch.column_by_name(column).unwrap().as_string::<i32>();
    (0..batch.num_rows())
        .map(|row| if values.is_null(row) { "-".into() } else { values.value(row).to_owned() })
        .collect()
}

pub(crate) fn hours(batch: &RecordBatch, column: &str) -> Vec<f64> {
    let times = batch.column_by_name(column).unwrap().as_primitive::<TimestampMicrosecondType>();
    times.values().iter().map(|time| (time - MAY * HOUR) as f64 / HOUR as f64).collect()
}

pub(crate) fn numbers(batch: &RecordBatch, column: &str) -> Vec<i64> {
    batch.column_by_name(column).unwrap().as_primitive::<Int64Type>().values().to_vec()
}

/// State → number of rows of the ledger.
pub(crate) fn states(root: &Path) -> BTreeMap<String, usize> {
    let mut states = BTreeMap::new();
    for state in texts(&rows(root, "ingest_ledger"), "state") {
        *states.entry(state).or_default() += 1;
    }
    states
}

pub(crate) fn counted(run: &Run, name: &str) -> i64 {
    run.result["numbers"][name].as_i64().unwrap_or(-1)
}
