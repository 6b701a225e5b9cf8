//! `ingest_ledger`, counted hour by hour.

use std::collections::{BTreeMap, BTreeSet};

use foresite_schema::arrivals::{Missing, SetAside};
use foresite_schema::catalog::raw;
use foresite_tables::{Micros, Read, Result, Root};

use crate::clock::{hour_after, hour_of, optional};
use crate::completeness::{MissingElement, Source, Window};
use crate::read::{newest, scanned};
use crate::rows::Rows;

/// The kind of measurement files: the only ones that are expected at fixed times.
const MEASURED: &str = "pm";

/// Ends of the newest periods.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Newest {
    /// Of those that arrived.
    pub(crate) taken: Option<Micros>,
    /// Of those that arrived or are missing.
    pub(crate) on_record: Option<Micros>,
}

/// Looks for the newest period of measurement files, or of any file where none is measured.
pub(crate) fn newest_periods(root: &Root, now: Micros) -> Result<Newest> {
    let Some(table) = root.find(raw::ingest_ledger())? else {
        return Ok(Newest::default());
    };
    let columns = ["kind", "state", "period_start", "period_end"];
    let find = |states: &[&str], is_measured: bool| {
        newest(&table, ("period_start", &columns), now, |rows| {
            let [kind, state] = ["kind", "state"].map(|name| rows.text(name));
            let (start, end) = (rows.times("period_start"), rows.times("period_end"));
            rows.each()
                .filter(|row| !is_measured || kind.at(*row) == MEASURED)
                .filter(|row| states.contains(&state.at(*row)))
                .filter_map(|row| end.at(row).or(start.at(row)))
                .max()
        })
    };
    let is_measured = find(&["taken", "missing"], true)?.is_some();
    let taken = find(&["taken"], is_measured)?;
    Ok(Newest { taken, on_record: taken.max(find(&["missing"], is_measured)?) })
}

/// What the ledger counts in an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) taken: u64,
    pub(crate) late: u64,
    pub(crate) missing: u64,
    pub(crate) quarantined: u64,
}

/// What came from a source.
#[derive(Debug, Default)]
struct OfSource {
    taken: u64,
    set_aside: SetAside,
    newest_landed: Option<Micros>,
}

/// The ledger of a window.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    hours: BTreeMap<Micros, Counts>,
    missing: Missing,
    has_quarantined: bool,
    /// Measurement files.
    set_aside: SetAside,
    sources: BTreeMap<(String, String), OfSource>,
}

/// What is read of every row.
const COLUMNS: [&str; 8] =
    ["source", "kind", "ne_dn", "period_start", "period_end", "state", "landed_at", "known_at"];

impl Ledger {
    /// Reads it once, and again where needed: which of the missing periods came after all, and which
    /// of the files that could not be read are copies of each other.
    pub(crate) fn read(root: &Root, window: Window, lateness: Micros) -> Result<Self> {
        let mut ledger = Self::default();
        let period = Read::all().period(window.days_from, window.end);
        let read = period.clone().columns(COLUMNS);
        scanned(root, raw::ingest_ledger(), &read, |rows| ledger.add(rows, lateness))?;
        if !ledger.missing.is_empty() {
            let columns = ["ne_dn", "period_start", "period_end", "state"];
            let read = period.clone().columns(columns);
            let read = read.text("state", "taken").text("kind", MEASURED);
            scanned(root, raw::ingest_ledger(), &read, |rows| ledger.came_after_all(rows))?;
        }
        if ledger.has_quarantined {
            let columns = ["source", "kind", "file_id", "period_start", "state"];
            let read = period.columns(columns).text("state", "quarantined");
            scanned(root, raw::ingest_ledger(), &read, |rows| ledger.could_not_be_read(rows))?;
        }
        for start in ledger.missing.of_elements().flat_map(|(_, starts)| starts) {
            ledger.hours.entry(hour_of(*start)).or_default().missing += 1;
        }
        for start in ledger.set_aside.starts() {
            ledger.hours.entry(hour_of(start)).or_default().quarantined += 1;
        }
        Ok(ledger)
    }

    fn add(&mut self, rows: Rows<'_>, lateness: Micros) {
        let [source, kind, element, state] =
            ["source", "kind", "ne_dn", "state"].map(|name| rows.text(name));
        let [start, end, landed, known] =
            ["period_start", "period_end", "landed_at", "known_at"].map(|name| rows.times(name));
        for row in rows.each() {
            let from = start.required(row);
            let to = end.at(row).unwrap_or(from);
            let counts = self.hours.entry(hour_of(from)).or_default();
            match (kind.at(row) == MEASURED, state.at(row)) {
                (true, "taken") => {
                    counts.taken += 1;
                    counts.late += u64::from(known.required(row) > hour_after(to) + lateness);
                }
                (true, "missing") => {
                    self.missing.note(element.at(row), from);
                }
                _ => {}
            }
            let (is_taken, is_quarantined) =
                (state.at(row) == "taken", state.at(row) == "quarantined");
            if is_taken || is_quarantined {
                let key = (source.owned(row), kind.owned(row));
                let of = self.sources.entry(key).or_default();
                of.taken += u64::from(is_taken);
                of.newest_landed = of.newest_landed.max(landed.at(row));
            }
            self.has_quarantined |= is_quarantined;
        }
    }

    /// Files that were set aside.
    fn could_not_be_read(&mut self, rows: Rows<'_>) {
        let [source, kind, file] = ["source", "kind", "file_id"].map(|name| rows.text(name));
        let start = rows.times("period_start");
        for row in rows.each() {
            let (file, from) = (file.at(row), start.required(row));
            let key = (source.owned(row), kind.owned(row));
            self.sources.entry(key).or_default().set_aside.note(file, from);
            if kind.at(row) == MEASURED {
                self.set_aside.note(file, from);
            }
        }
    }

    /// A period that a file brought later is not missing.
    fn came_after_all(&mut self, rows: Rows<'_>) {
        let (element, start, end) =
            (rows.text("ne_dn"), rows.times("period_start"), rows.times("period_end"));
        for row in rows.each() {
            self.missing.came(element.at(row), start.required(row), end.at(row));
        }
    }

    /// The counts of the hours in `[start, end)`.
    pub(crate) fn between(&self, start: Micros, end: Micros) -> Counts {
        self.hours.range(start..end).fold(Counts::default(), |sum, (_, hour)| Counts {
            taken: sum.taken + hour.taken,
            late: sum.late + hour.late,
            missing: sum.missing + hour.missing,
            quarantined: sum.quarantined + hour.quarantined,
        })
    }

    /// Elements with missing periods in the window's hours, the most first.
    pub(crate) fn missing_elements(&self, window: Window) -> Vec<MissingElement> {
        let in_hours = |starts: &BTreeSet<Micros>| starts.range(window.hours_from..).count() as u64;
        let mut found: Vec<MissingElement> = self
            .missing
            .of_elements()
            .map(|(element, starts)| MissingElement {
                element: element.to_owned(),
                periods: in_hours(starts),
            })
            .filter(|element| element.periods > 0)
            .collect();
        found.sort_by(|a, b| b.periods.cmp(&a.periods).then_with(|| a.element.cmp(&b.element)));
        found
    }

    /// Every source, by name.
    pub(crate) fn sources(&self) -> Vec<Source> {
        let source = |((source, kind), of): (&(String, String), &OfSource)| Source {
            source: source.clone(),
            kind: kind.clone(),
            taken: of.taken,
            quarantined: of.set_aside.count() as u64,
            newest_landed_at: optional(of.newest_landed),
        };
        self.sources.iter().map(source).collect()
    }
}
