//! A reader of its own: the JSON files of the log and the Parquet files they name, replayed from
//! the first commit without the code that the stages use.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::AsArray as _;
use arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value as Json;

/// What the log of a table says.
#[derive(Debug, Default)]
pub(super) struct RawLog {
    /// Number of versions: they are 0, 1, 2 … without a gap.
    pub(super) versions: u64,
    /// Version and token of every replacement, in the order of the commits.
    pub(super) tokens: Vec<(u64, i64)>,
    /// Files live after each version.
    pub(super) live: Vec<BTreeSet<PathBuf>>,
}

impl RawLog {
    /// Replays a log that was never cleaned.
    pub(super) fn read(table: &Path) -> Self {
        let mut log = Self::default();
        let mut live = BTreeSet::new();
        loop {
            let path = table.join(format!("_delta_log/{:020}.json", log.versions));
            let Ok(text) = fs::read_to_string(&path) else { break };
            assert!(text.ends_with('\n'), "{}: torn", path.display());
            for line in text.lines() {
                let action: Json = serde_json::from_str(line).expect("one action a line");
                if let Some(path) = action["remove"]["path"].as_str() {
                    assert!(live.remove(&table.join(path)), "{path}: removed but not live");
                }
                if let Some(path) = action["add"]["path"].as_str() {
                    assert!(live.insert(table.join(path)), "{path}: added twice");
                }
                if let Some(token) = action["commitInfo"]["lineage"]["note"]["token"].as_i64() {
                    log.tokens.push((log.versions, token));
                }
            }
            log.live.push(live.clone());
            log.versions += 1;
        }
        let commits = fs::read_dir(table.join("_delta_log")).unwrap().filter(|entry| {
            let name = entry.as_ref().unwrap().file_name().into_string().unwrap();
            name.ends_with(".json")
        });
        assert_eq!(commits.count() as u64, log.versions, "a commit behind a gap");
        log
    }

    /// Per hour the tokens of the rows and how many carry each, as of a version.
    pub(super) fn hours(&self, version: u64) -> BTreeMap<i64, BTreeMap<i64, usize>> {
        let mut hours: BTreeMap<i64, BTreeMap<i64, usize>> = BTreeMap::new();
        for path in &self.live[version as usize] {
            let file = fs::File::open(path).unwrap_or_else(|_| panic!("{}", path.display()));
            for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
                let batch = batch.unwrap();
                let column = |name: &str| batch.column_by_name(name).unwrap();
                let times = column("period_start").as_primitive::<TimestampMicrosecondType>();
                let sums = column("sum").as_primitive::<Float64Type>();
                for row in 0..batch.num_rows() {
                    let hour = times.value(row) / foresite_tests::HOUR;
                    *hours.entry(hour).or_default().entry(sums.value(row) as i64).or_default() += 1;
                }
            }
        }
        hours
    }
}
