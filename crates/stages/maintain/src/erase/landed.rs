//! Landed files that name people: those that rows of the epoch came from, and those of which no row
//! tells what they hold.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use foresite_pseudonyms::Epoch;
use foresite_schema::catalog::raw;
use foresite_stage::{Context, Result};
use foresite_tables::{ErrorKind, FileEntry, Micros, Read, Table};

/// Where files land, unless the configuration of ingest names another place.
const LANDING: &str = "landing/";
/// What this looks for in the ledger.
const COLUMNS: [&str; 9] = [
    "path",
    "file_id",
    "kind",
    "size",
    "state",
    "rows_quarantined",
    "landed_at",
    "known_at",
    "ingested_at",
];

/// Landed files, by their paths below the landing folder.
#[derive(Default)]
pub(super) struct Landed {
    /// Those that rows of the epoch came from, duplicates of them included; `sha256:…` of one that
    /// the ledger does not know any more.
    pub(super) files: BTreeSet<String>,
    /// Files of people that may hold names of the epoch while no row of it came from them: set aside
    /// in whole or in part, without rows any more, replaced at their path, or not ingested.
    pub(super) doubtful: BTreeSet<String>,
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
        let ledger = cx.root().find(raw::ingest_ledger())?;
        let lying = lying(cx, &folders(cx, ledger.as_ref())?)?;
        let sought = Sought { since: epoch.start(), ids, present, lying: &lying };
        let mut told = Told::default();
        if let Some(ledger) = &ledger {
            for batch in ledger.scan(&Read::all().columns(COLUMNS))? {
                cx.check_stop()?;
                told.note(&batch?, &sought);
            }
        }
        Ok(told.landed(cx, &sought))
    }
}

/// What is looked for.
struct Sought<'a> {
    /// Start of the epoch.
    since: Micros,
    ids: &'a BTreeSet<&'a str>,
    present: &'a BTreeSet<String>,
    /// What lies in the folders of people, by path below the landing folder.
    lying: &'a BTreeMap<String, FileEntry>,
}

/// What lay at a path when the ledger's line was written.
struct Held {
    size: u64,
    landed_at: Micros,
    id: String,
}

impl Held {
    /// Whether a file is that still: the same bytes may have got another time. One that cannot be
    /// read is not, so that a person looks into it.
    fn is_still(&self, cx: &Context, file: &FileEntry) -> bool {
        let is_same = || cx.root().digest(&file.path).is_ok_and(|(_, sha256)| sha256 == self.id);
        file.size == self.size && (file.modified == self.landed_at || is_same())
    }
}

/// When something became known and was taken: the greatest is the last.
type Order = (Micros, Micros);

/// What the ledger told.
#[derive(Default)]
struct Told {
    /// Paths of what rows of the epoch came from.
    ours: Vec<(String, Held)>,
    doubtful: BTreeSet<String>,
    /// sha256 of what is doubtful.
    partly: BTreeSet<String>,
    /// sha256 and path of files that have rows, and had none set aside; or copies, which have none.
    whole: Vec<(String, String)>,
    /// What each path of a file that lies there held last.
    last: BTreeMap<String, (Order, Held)>,
}

impl Told {
    fn note(&mut self, batch: &RecordBatch, sought: &Sought<'_>) {
        let [paths, ids, kinds, states] =
            ["path", "file_id", "kind", "state"].map(|name| batch[name].as_string::<i32>());
        // A file that waited was not ingested.
        let is_file = |row: &usize| ids.is_valid(*row) && states.value(*row) != "waiting";
        let [sizes, set_aside] =
            ["size", "rows_quarantined"].map(|name| batch[name].as_primitive::<Int64Type>());
        let [landed, known, taken] = ["landed_at", "known_at", "ingested_at"]
            .map(|name| batch[name].as_primitive::<TimestampMicrosecondType>());
        for row in (0..batch.num_rows()).filter(is_file) {
            let (path, id) = (paths.value(row), ids.value(row));
            let held = || Held {
                size: u64::try_from(sizes.value(row)).unwrap_or(0),
                landed_at: landed.value(row),
                id: id.to_owned(),
            };
            let order = (known.value(row), taken.value(row));
            if sought.lying.contains_key(path)
                && self.last.get(path).is_none_or(|(last, _)| order > *last)
            {
                self.last.insert(path.to_owned(), (order, held()));
            }
            // No row of a file becomes known after the file.
            let may_be_ours = names_people(kinds.value(row)) && known.value(row) >= sought.since;
            if sought.ids.contains(id) {
                self.ours.push((path.to_owned(), held()));
            } else if may_be_ours && set_aside.value(row) == 0 && sought.present.contains(id) {
                self.whole.push((id.to_owned(), path.to_owned()));
            } else if may_be_ours {
                self.partly.insert(id.to_owned());
                self.doubtful.insert(path.to_owned());
            }
        }
    }

    fn landed(self, cx: &Context, sought: &Sought<'_>) -> Landed {
        let Self { ours, doubtful, partly, whole, last } = self;
        let mut landed = Landed { doubtful, ..Landed::default() };
        let mut unknown = sought.ids.clone();
        for (path, held) in ours {
            unknown.remove(held.id.as_str());
            // What was replaced may be a live file of another epoch. What does not lie here is
            // named as the ledger knows it.
            let is_there = sought.lying.get(&path).is_none_or(|file| held.is_still(cx, file));
            let named = if is_there { &mut landed.files } else { &mut landed.doubtful };
            named.insert(path);
        }
        // A copy of a file that was set aside in part has a line that says nothing of it.
        let copies = whole.into_iter().filter(|(id, _)| partly.contains(id));
        landed.doubtful.extend(copies.map(|(_, path)| path));
        // Not ingested yet, at a new path or a known one; or too long ago for the ledger.
        let waiting = sought.lying.iter().filter(|(path, file)| {
            last.get(*path).is_none_or(|(_, held)| !held.is_still(cx, file))
        });
        landed.doubtful.extend(waiting.map(|(path, _)| path.clone()));
        landed.doubtful.retain(|path| !landed.files.contains(path));
        landed.files.extend(unknown.into_iter().map(|id| format!("sha256:{id}")));
        landed
    }
}

/// Folders of the landing folder in which files of people landed.
fn folders(cx: &Context, ledger: Option<&Table>) -> Result<BTreeSet<String>> {
    let mut folders = BTreeSet::from(raw::PEOPLE.map(|(table, _)| table.to_owned()));
    let Some(ledger) = ledger else { return Ok(folders) };
    for batch in ledger.scan(&Read::all().columns(["path", "kind"]))? {
        cx.check_stop()?;
        let batch = batch?;
        let [paths, kinds] = ["path", "kind"].map(|name| batch[name].as_string::<i32>());
        for row in (0..batch.num_rows()).filter(|row| names_people(kinds.value(*row))) {
            if let Some((folder, _)) = paths.value(row).split_once('/') {
                folders.insert(folder.to_owned());
            }
        }
    }
    Ok(folders)
}

/// What lies in some folders, by path below the landing folder.
fn lying(cx: &Context, folders: &BTreeSet<String>) -> Result<BTreeMap<String, FileEntry>> {
    let mut lying = BTreeMap::new();
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
        lying.extend(found.into_iter().filter_map(|file| Some((below(&file.path)?, file))));
    }
    Ok(lying)
}

/// Whether files of that kind name people.
fn names_people(kind: &str) -> bool {
    raw::PEOPLE.iter().any(|(table, _)| *table == kind)
}
