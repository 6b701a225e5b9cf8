//! What the ledger says: which files are settled, and which element sent what when.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use foresite_schema::catalog::raw;
use foresite_stage::Result;
use foresite_tables::{FileEntry, Micros, Read, Root};

use crate::plan::PlannedFile;

/// Whether a row is about a file that need not be looked at again; with `retry`, a quarantined one
/// has to be.
fn is_settled(state: &str, retry: bool) -> bool {
    !(matches!(state, "missing" | "waiting") || retry && state == "quarantined")
}

/// When something became known and was taken: the greatest is the last.
type Order = (Micros, Micros);

/// Listed files that are settled by path, size and time of modification, without being read. What a
/// path held last counts: earlier bytes may come back with their old time.
///
/// What is kept grows with the listing, not with the ledger, and the ledger is read only as far
/// back as the oldest listed file landed.
pub(crate) fn settled_unread<'a>(
    root: &Root,
    listed: &'a [FileEntry],
    retry: bool,
) -> Result<HashSet<&'a str>> {
    let oldest = listed.iter().map(|file| file.modified).min();
    let (Some(ledger), Some(oldest)) = (root.find(raw::ingest_ledger())?, oldest) else {
        return Ok(HashSet::new());
    };
    let files: HashMap<&str, &FileEntry> =
        listed.iter().map(|file| (file.path.as_str(), file)).collect();
    let mut last: HashMap<&str, (Order, bool)> = HashMap::new();
    let columns = ["path", "size", "landed_at", "state", "known_at", "ingested_at"];
    for batch in ledger.scan(&Read::all().columns(columns).since("landed_at", oldest))? {
        let batch = batch?;
        let text = |index: usize| batch.column(index).as_string::<i32>();
        let time = |index: usize| batch.column(index).as_primitive::<TimestampMicrosecondType>();
        let (paths, states) = (text(0), text(3));
        let sizes = batch.column(1).as_primitive::<Int64Type>();
        let (landed, known, taken) = (time(2), time(4), time(5));
        for row in (0..batch.num_rows()).filter(|row| is_settled(states.value(*row), retry)) {
            let Some(file) = files.get(paths.value(row)) else { continue };
            let order = (known.value(row), taken.value(row));
            let size = u64::try_from(sizes.value(row)).unwrap_or(0);
            let is_same = (file.size, file.modified) == (size, landed.value(row));
            let have = last.entry(file.path.as_str()).or_insert((order, is_same));
            if order > have.0 {
                *have = (order, is_same);
            }
        }
    }
    Ok(last.into_iter().filter(|(_, (_, is_same))| *is_same).map(|(path, _)| path).collect())
}

/// What the ledger says about the bytes of some files.
#[derive(Debug, Default)]
pub(crate) struct KnownBytes {
    /// The run's clock.
    as_of: Micros,
    /// Path with sha256 of files that are settled, and whether they could be read.
    settled: HashMap<(String, String), bool>,
    /// sha256 → path of files that were taken.
    taken: HashMap<String, String>,
    /// Path → sha256 of what was read there last.
    last: HashMap<String, (Order, String)>,
    /// sha256 of what was set aside at some path.
    refused: HashSet<String>,
    /// Path → clock of the last run that had to leave what lay there to the next one.
    waited: HashMap<String, Micros>,
}

impl KnownBytes {
    /// Looks files up in the whole ledger: the same bytes may have come at any time. Only rows with
    /// the bytes or the path of one of them are kept.
    pub(crate) fn find(
        root: &Root,
        files: &[PlannedFile],
        as_of: Micros,
        retry: bool,
    ) -> Result<Self> {
        let mut known = Self { as_of, ..Self::default() };
        let ledger = if files.is_empty() { None } else { root.find(raw::ingest_ledger())? };
        let Some(ledger) = ledger else {
            return Ok(known);
        };
        let own: HashSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
        let hashes: HashSet<&str> = files.iter().map(|file| file.sha256.as_str()).collect();
        let columns = ["path", "file_id", "state", "known_at", "ingested_at"];
        for batch in ledger.scan(&Read::all().columns(columns))? {
            known.add(&batch?, (&own, &hashes), retry);
        }
        Ok(known)
    }

    /// Adds rows of the ledger that are about some paths or hashes.
    fn add(
        &mut self,
        batch: &RecordBatch,
        (own, hashes): (&HashSet<&str>, &HashSet<&str>),
        retry: bool,
    ) {
        let text = |index: usize| batch.column(index).as_string::<i32>();
        let time = |index: usize| batch.column(index).as_primitive::<TimestampMicrosecondType>();
        let (paths, ids, states) = (text(0), text(1), text(2));
        let (known, taken) = (time(3), time(4));
        for row in 0..batch.num_rows() {
            let (path, id, state) = (paths.value(row), ids.value(row), states.value(row));
            if state == "waiting" && own.contains(path) {
                let last = self.waited.entry(path.to_owned()).or_insert(Micros::MIN);
                *last = known.value(row).max(*last);
            }
            // What could not be read has replaced nothing.
            let is_read = state != "quarantined";
            if !is_read && hashes.contains(id) {
                self.refused.insert(id.to_owned());
            }
            if !is_settled(state, retry) {
                continue;
            }
            if is_read && own.contains(path) {
                self.note(path, (known.value(row), taken.value(row)), id);
            }
            if hashes.contains(id) {
                self.settle((path, id), state);
            }
        }
    }

    fn note(&mut self, path: &str, order: Order, sha256: &str) {
        if self.last.get(path).is_none_or(|last| order > last.0) {
            self.last.insert(path.to_owned(), (order, sha256.to_owned()));
        }
    }

    fn settle(&mut self, (path, sha256): (&str, &str), state: &str) {
        if state == "taken" {
            self.taken.entry(sha256.to_owned()).or_insert_with(|| path.to_owned());
        }
        let is_read = self.settled.entry((path.to_owned(), sha256.to_owned())).or_default();
        *is_read |= state != "quarantined";
    }

    /// Whether a file is settled, judged by path and bytes.
    pub(crate) fn holds(&self, path: &str, sha256: &str) -> bool {
        self.settled_as_read(path, sha256).is_some() && !self.is_back(path, sha256)
    }

    /// Whether these bytes were set aside, at whatever path.
    pub(crate) fn was_refused(&self, sha256: &str) -> bool {
        self.refused.contains(sha256)
    }

    /// Whether what lies at a path cannot have been known at that time: by then it held something
    /// else, or a run had to leave it.
    pub(crate) fn is_too_early(&self, path: &str, known_at: Micros) -> bool {
        let held = self.last_at(path).map(|(last, _)| last);
        held.max(self.waited.get(path).copied()).is_some_and(|last| known_at <= last)
    }

    /// Whether bytes are back at a path that has held others since.
    pub(crate) fn is_back(&self, path: &str, sha256: &str) -> bool {
        let is_other = self.last_at(path).is_some_and(|(_, last)| last != sha256);
        is_other && self.settled_as_read(path, sha256) == Some(true)
    }

    /// What a path held last: when that became known, and its sha256. What became known after the
    /// run's clock has replaced nothing.
    fn last_at(&self, path: &str) -> Option<(Micros, &str)> {
        let ((known_at, _), sha256) = self.last.get(path)?;
        (*known_at <= self.as_of).then_some((*known_at, sha256.as_str()))
    }

    /// Of settled bytes of a path, whether they could be read.
    fn settled_as_read(&self, path: &str, sha256: &str) -> Option<bool> {
        self.settled.get(&(path.to_owned(), sha256.to_owned())).copied()
    }

    /// The path under which these bytes were taken.
    pub(crate) fn path_of(&self, sha256: &str) -> Option<&str> {
        self.taken.get(sha256).map(String::as_str)
    }
}

/// What the elements of one source have sent, by the ledger without one plan.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// Periods by element.
    pub(crate) periods: BTreeMap<String, Vec<(Micros, Micros)>>,
    /// By element, starts of periods that are on record as missing.
    pub(crate) missing: BTreeMap<String, BTreeSet<Micros>>,
}

impl Sent {
    /// Reads the ledger rows of a source that other plans wrote, of periods that end at `since` or
    /// later.
    pub(crate) fn load(
        root: &Root,
        source: &str,
        without_plan: &str,
        since: Micros,
    ) -> Result<Self> {
        let mut sent = Self::default();
        let Some(ledger) = root.find(raw::ingest_ledger())? else {
            return Ok(sent);
        };
        let columns = ["ne_dn", "period_start", "period_end", "state", "plan"];
        let read = Read::all().columns(columns).text("source", source).since("period_end", since);
        for batch in ledger.scan(&read)? {
            sent.add(&batch?, without_plan);
        }
        Ok(sent)
    }

    fn add(&mut self, batch: &RecordBatch, without_plan: &str) {
        let text = |index: usize| batch.column(index).as_string::<i32>();
        let time = |index: usize| batch.column(index).as_primitive::<TimestampMicrosecondType>();
        let (elements, states, plans) = (text(0), text(3), text(4));
        let (starts, ends) = (time(1), time(2));
        for row in 0..batch.num_rows() {
            if elements.is_null(row) || plans.value(row) == without_plan {
                continue;
            }
            let (element, start) = (elements.value(row).to_owned(), starts.value(row));
            match states.value(row) {
                "missing" => drop(self.missing.entry(element).or_default().insert(start)),
                "taken" => self.note(element, (start, ends.value(row))),
                _ => {}
            }
        }
    }

    /// Notes that an element sent a period.
    pub(crate) fn note(&mut self, element: String, period: (Micros, Micros)) {
        self.periods.entry(element).or_default().push(period);
    }
}

/// Whether a source had a file of a period before `moment` taken.
pub(crate) fn has_taken_before(root: &Root, source: &str, moment: Micros) -> Result<bool> {
    let of = Read::all().text("source", source).text("state", "taken");
    has_any(root, &of.period(Micros::MIN, moment))
}

/// Whether a source ever had a file taken.
pub(crate) fn has_taken(root: &Root, source: &str) -> Result<bool> {
    has_any(root, &Read::all().text("source", source).text("state", "taken"))
}

/// Whether the ledger has such a row; reading stops at the first.
fn has_any(root: &Root, read: &Read) -> Result<bool> {
    let Some(ledger) = root.find(raw::ingest_ledger())? else {
        return Ok(false);
    };
    for batch in ledger.scan(&read.clone().columns(["state"]))? {
        if batch?.num_rows() > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}
