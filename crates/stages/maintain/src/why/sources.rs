//! The files that landed and were read: from the ledger of ingest.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use arrow::array::{AsArray as _, RecordBatch, StringArray};
use foresite_schema::catalog::raw;
use foresite_stage::{Context, ErrorKind, Lineage, Result, StageError};
use foresite_tables::{Micros, Read, Table};
use serde::Serialize;

use super::origin::Run;

/// The ledger's word for PM files, whose rows are in `pm_counters`.
const PM: &str = "pm";
/// A PM file begins at most so long before the period that is read of it.
const LONGEST_FILE: Micros = 24 * 3_600_000_000;

/// A file below the landing folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Source {
    /// What it held: `pm`, or the table that a mapping fills.
    pub(super) kind: String,
    /// Path below the landing folder.
    pub(super) path: String,
    /// Its content.
    pub(super) sha256: String,
}

/// Files that these runs read, each once, sorted. A run names a file by its sha256, or the run of
/// ingest that took it.
pub(super) fn find(cx: &Context, runs: &BTreeMap<String, Run>) -> Result<Vec<Source>> {
    let Some(ledger) = cx.root().find(raw::ingest_ledger())? else {
        return Ok(Vec::new());
    };
    let wanted = wanted(runs);
    let mut found = BTreeSet::new();
    for (kind, wanted) in &wanted {
        let mut read = files().text("kind", kind);
        // Years of PM files are hundreds of millions of rows of the ledger, the rest are few.
        if let Some((start, end)) = wanted.period
            && *kind == PM
            && wanted.runs.is_empty()
        {
            read = read.period(start - LONGEST_FILE, end);
        }
        wanted.look(&ledger, &read, &mut found)?;
    }
    // A file that holds two kinds stands in the ledger under one of them.
    let seen: HashSet<&str> = found.iter().map(|source| source.sha256.as_str()).collect();
    let mut missed = Wanted::default();
    let hashes = wanted.values().flat_map(|wanted| &wanted.hashes);
    missed.hashes = hashes.copied().filter(|hash| !seen.contains(hash)).collect();
    if !missed.hashes.is_empty() {
        missed.look(&ledger, &files(), &mut found)?;
    }
    Ok(found.into_iter().collect())
}

fn files() -> Read {
    Read::all().columns(["kind", "path", "file_id", "lineage_id"]).text("state", "taken")
}

/// What is looked for among the files of a kind.
#[derive(Debug, Default)]
struct Wanted<'a> {
    /// sha256 of files.
    hashes: HashSet<&'a str>,
    /// Runs of ingest, all of whose files count.
    runs: HashSet<&'a str>,
    /// What the readers of these files worked on.
    period: Option<(Micros, Micros)>,
}

/// By kind of the ledger.
fn wanted(runs: &BTreeMap<String, Run>) -> BTreeMap<&str, Wanted<'_>> {
    let mut wanted: BTreeMap<&str, Wanted<'_>> = BTreeMap::new();
    for run in runs.values() {
        for (table, id) in run.reads().filter(|(table, _)| Lineage::is_table(table)) {
            let kind = if table == "pm_counters" { PM } else { table };
            match runs.get(id) {
                Some(read) if read.word("stage") == "ingest" => {
                    wanted.entry(kind).or_default().runs.insert(id);
                }
                Some(_) => {}
                None => wanted.entry(kind).or_default().add(id, run.period()),
            }
        }
    }
    wanted
}

impl<'a> Wanted<'a> {
    fn add(&mut self, hash: &'a str, period: Option<(Micros, Micros)>) {
        self.hashes.insert(hash);
        if let Some((start, end)) = period {
            let (from, until) = self.period.unwrap_or((start, end));
            self.period = Some((from.min(start), until.max(end)));
        }
    }

    fn look(&self, ledger: &Table, read: &Read, found: &mut BTreeSet<Source>) -> Result<()> {
        for batch in ledger.scan(read)? {
            let batch = batch?;
            let (kinds, paths) = (column(&batch, "kind")?, column(&batch, "path")?);
            let (hashes, runs) = (column(&batch, "file_id")?, column(&batch, "lineage_id")?);
            for row in 0..batch.num_rows() {
                if self.hashes.contains(hashes.value(row)) || self.runs.contains(runs.value(row)) {
                    found.insert(Source {
                        kind: kinds.value(row).to_owned(),
                        path: paths.value(row).to_owned(),
                        sha256: hashes.value(row).to_owned(),
                    });
                }
            }
        }
        Ok(())
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray> {
    let values = batch.column_by_name(name).and_then(|values| values.as_string_opt());
    values.ok_or_else(|| {
        StageError::new(ErrorKind::BadData, format!("ingest_ledger: column `{name}` is no text"))
    })
}
