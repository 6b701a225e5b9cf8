//! What the ledger says: which files are settled, and which element sent what when.

use std::collections::{BTreeMap, HashMap, HashSet};

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use foresite_schema::catalog::raw;
use foresite_stage::Result;
use foresite_tables::{FileEntry, Micros, Read, Root};

/// Files that need not be looked at again.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Path with size and time of modification, to pass over files without reading them.
    unread: HashSet<(String, u64, Micros)>,
    /// Path with sha256.
    settled: HashSet<(String, String)>,
    /// sha256 → path of files that were taken.
    taken: HashMap<String, String>,
}

impl Known {
    /// Reads the ledger; with `retry`, quarantined files do not count as settled.
    pub(crate) fn load(root: &Root, retry: bool) -> Result<Self> {
        let mut known = Self::default();
        let Some(ledger) = root.find(raw::ingest_ledger())? else {
            return Ok(known);
        };
        let columns = ["path", "file_id", "size", "landed_at", "state"];
        for batch in ledger.scan(&Read::all().columns(columns))? {
            known.add(&batch?, retry);
        }
        Ok(known)
    }

    fn add(&mut self, batch: &RecordBatch, retry: bool) {
        let text = |index: usize| batch.column(index).as_string::<i32>();
        let (paths, ids, states) = (text(0), text(1), text(4));
        let sizes = batch.column(2).as_primitive::<Int64Type>();
        let landed = batch.column(3).as_primitive::<TimestampMicrosecondType>();
        for row in (0..batch.num_rows()).filter(|row| ids.is_valid(*row)) {
            let (path, id, state) = (paths.value(row), ids.value(row), states.value(row));
            if state == "quarantined" && retry {
                continue;
            }
            if state == "taken" {
                self.taken.entry(id.to_owned()).or_insert_with(|| path.to_owned());
            }
            let size = u64::try_from(sizes.value(row)).unwrap_or(0);
            self.unread.insert((path.to_owned(), size, landed.value(row)));
            self.settled.insert((path.to_owned(), id.to_owned()));
        }
    }

    /// Whether a file is settled, judged by path, size and time.
    pub(crate) fn holds_unread(&self, file: &FileEntry) -> bool {
        self.unread.contains(&(file.path.clone(), file.size, file.modified))
    }

    /// Whether a file is settled, judged by path and bytes.
    pub(crate) fn holds(&self, path: &str, sha256: &str) -> bool {
        self.settled.contains(&(path.to_owned(), sha256.to_owned()))
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
    /// Elements and starts of periods that are on record as missing.
    pub(crate) missing: HashSet<(String, Micros)>,
}

impl Sent {
    /// Reads the ledger rows of a source that other plans wrote.
    pub(crate) fn load(root: &Root, source: &str, without_plan: &str) -> Result<Self> {
        let mut sent = Self::default();
        let Some(ledger) = root.find(raw::ingest_ledger())? else {
            return Ok(sent);
        };
        let columns = ["ne_dn", "period_start", "period_end", "state", "plan"];
        for batch in ledger.scan(&Read::all().columns(columns).text("source", source))? {
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
                "missing" => drop(self.missing.insert((element, start))),
                "taken" if ends.is_valid(row) => self.note(element, (start, ends.value(row))),
                _ => {}
            }
        }
    }

    /// Notes that an element sent a period.
    pub(crate) fn note(&mut self, element: String, period: (Micros, Micros)) {
        self.periods.entry(element).or_default().push(period);
    }
}

/// Whether a source ever had a file taken.
pub(crate) fn has_taken(root: &Root, source: &str) -> Result<bool> {
    let Some(ledger) = root.find(raw::ingest_ledger())? else {
        return Ok(false);
    };
    let read = Read::all().columns(["state"]).text("source", source).text("state", "taken");
    for batch in ledger.scan(&read)? {
        if batch?.num_rows() > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}
