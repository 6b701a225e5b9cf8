//! The files that landed and were read: from the ledger of ingest.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use foresite_schema::catalog::raw;
use foresite_stage::{Context, Result};
use foresite_tables::Read;
use serde::Serialize;

use super::origin::Run;
use super::row::cell;

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
    let mut hashes = HashSet::new();
    let mut taken = HashSet::new();
    for (table, id) in runs.values().flat_map(Run::reads) {
        if table == "task" || table == "model" {
            continue;
        }
        match runs.get(id) {
            Some(run) if run.word("stage") == "ingest" => {
                taken.insert((table, id));
            }
            Some(_) => {}
            None => {
                hashes.insert(id);
            }
        }
    }
    let Some(ledger) = cx.root().find(raw::ingest_ledger())? else {
        return Ok(Vec::new());
    };
    let read =
        Read::all().columns(["kind", "path", "file_id", "lineage_id"]).text("state", "taken");
    let mut found = BTreeSet::new();
    for batch in ledger.scan(&read)? {
        let batch = batch?;
        for row in 0..batch.num_rows() {
            let source = Source {
                kind: cell(&batch, "kind", row)?,
                path: cell(&batch, "path", row)?,
                sha256: cell(&batch, "file_id", row)?,
            };
            let lineage = cell(&batch, "lineage_id", row)?;
            if hashes.contains(source.sha256.as_str())
                || taken.contains(&(source.kind.as_str(), lineage.as_str()))
            {
                found.insert(source);
            }
        }
    }
    Ok(found.into_iter().collect())
}
