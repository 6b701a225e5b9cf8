//! Landed files that name people: those that rows of the epoch came from, and those of which no row
//! tells what they hold.

use std::collections::BTreeSet;

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use foresite_pseudonyms::Epoch;
use foresite_schema::catalog::raw;
use foresite_stage::{Context, Result};
use foresite_tables::{ErrorKind, Read, Table};

/// Where files land, unless the configuration of ingest names another place.
const LANDING: &str = "landing/";
/// What this looks for in the ledger.
const COLUMNS: [&str; 5] = ["path", "file_id", "kind", "rows_quarantined", "known_at"];

/// Landed files, by their paths below the landing folder.
#[derive(Default)]
pub(super) struct Landed {
    /// Those that rows of the epoch came from, duplicates of them included; `sha256:…` of one that
    /// the ledger does not know any more.
    pub(super) files: BTreeSet<String>,
    /// Files of people that may hold names of the epoch while no row of it came from them: set aside
    /// in whole or in part, without rows any more, or not ingested.
    pub(super) doubtful: BTreeSet<String>,
    /// Folders in which files of people landed.
    folders: BTreeSet<String>,
}

impl Landed {
    /// Looks through ledger and landing folder. `ids` are the sha256 of the files that rows of the
    /// epoch came from, `present` those that any row of people came from.
    pub(super) fn find(
        cx: &Context,
        epoch: Epoch,
        ids: &BTreeSet<&str>,
        present: &BTreeSet<String>,
    ) -> Result<Self> {
        let mut landed = Self::default();
        landed.folders.extend(raw::PEOPLE.map(|(table, _)| table.to_owned()));
        let ledger = cx.root().find(raw::ingest_ledger())?;
        let mut unknown = ids.clone();
        if let Some(ledger) = &ledger {
            landed.look_up(cx, ledger, epoch, (ids, present, &mut unknown))?;
        }
        landed.files.extend(unknown.into_iter().map(|id| format!("sha256:{id}")));
        let waiting = waiting(cx, ledger.as_ref(), &landed.folders)?;
        landed.doubtful.extend(waiting);
        Ok(landed)
    }

    fn look_up(
        &mut self,
        cx: &Context,
        ledger: &Table,
        epoch: Epoch,
        (ids, present, unknown): (&BTreeSet<&str>, &BTreeSet<String>, &mut BTreeSet<&str>),
    ) -> Result<()> {
        let since = epoch.start();
        for batch in ledger.scan(&Read::all().columns(COLUMNS))? {
            cx.check_stop()?;
            let batch = batch?;
            let [paths, files, kinds] =
                ["path", "file_id", "kind"].map(|name| batch[name].as_string::<i32>());
            let set_aside = batch["rows_quarantined"].as_primitive::<Int64Type>();
            let known_at = batch["known_at"].as_primitive::<TimestampMicrosecondType>();
            for row in (0..batch.num_rows()).filter(|row| files.is_valid(*row)) {
                let (path, id) = (paths.value(row), files.value(row));
                let is_of_people = names_people(kinds.value(row));
                if is_of_people && let Some((folder, _)) = path.split_once('/') {
                    self.folders.insert(folder.to_owned());
                }
                // No row of a file becomes known after the file.
                let may_be_ours = is_of_people && known_at.value(row) >= since;
                let is_told = || set_aside.value(row) == 0 && present.contains(id);
                if ids.contains(id) {
                    unknown.remove(id);
                    self.files.insert(path.to_owned());
                } else if may_be_ours && !is_told() {
                    self.doubtful.insert(path.to_owned());
                }
            }
        }
        Ok(())
    }
}

/// Files in folders of people that the ledger does not know: not ingested yet, or too long ago.
fn waiting(
    cx: &Context,
    ledger: Option<&Table>,
    folders: &BTreeSet<String>,
) -> Result<BTreeSet<String>> {
    let mut waiting = BTreeSet::new();
    for folder in folders {
        let found = match cx.root().list(&format!("{LANDING}{folder}")) {
            // A name that storage has no word for, say: no reason to erase nobody.
            Err(error) if error.kind() != ErrorKind::Transient => {
                tracing::warn!(%error, folder, "a landing folder cannot be listed: look into it");
                continue;
            }
            listed => listed?,
        };
        let below = |path: &str| path.strip_prefix(LANDING).map(str::to_owned);
        waiting.extend(found.iter().filter_map(|file| below(&file.path)));
    }
    let Some(ledger) = ledger.filter(|_| !waiting.is_empty()) else { return Ok(waiting) };
    for batch in ledger.scan(&Read::all().columns(["path"]))? {
        cx.check_stop()?;
        let batch = batch?;
        for path in batch["path"].as_string::<i32>().iter().flatten() {
            waiting.remove(path);
        }
    }
    Ok(waiting)
}

/// Whether files of that kind name people.
fn names_people(kind: &str) -> bool {
    raw::PEOPLE.iter().any(|(table, _)| *table == kind)
}
