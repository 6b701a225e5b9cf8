//! How complete the data is: what arrived, what did not, and what is wrong with it.

use foresite_tables::{Micros, Result, Root};
use serde::Serialize;

use crate::backlog::{quarantine, stale};
use crate::clock::{self, DAY, HOUR, hour_after, optional, stamp};
use crate::ledger::{Ledger, newest_periods};
use crate::quality::{self, Quality};

/// Hours that are shown one by one.
const HOURS: i64 = 48;

/// Days that are shown one by one.
const DAYS: i64 = 14;

/// Entries of a list before the rest is counted.
pub(crate) const SHOWN: usize = 20;

/// What arrived and what did not, up to the newest period on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Completeness {
    /// When the tables were read.
    pub read_at: String,
    /// End of the newest period that arrived; `null` before the first file.
    pub newest_period_end: Option<String>,
    /// A file that came this long after the end of its hour is late.
    pub lateness_minutes: i64,
    /// The last 48 hours, the newest first.
    pub hours: Vec<Span>,
    /// The last 14 UTC days, the newest first.
    pub days: Vec<Span>,
    /// Elements with missing periods in these hours, the most first.
    pub missing_elements: Vec<MissingElement>,
    /// Further ones.
    pub more_missing_elements: usize,
    /// Quality rules that failed in these hours, the gravest and most frequent first.
    pub failed_rules: Vec<FailedRule>,
    /// Further ones.
    pub more_failed_rules: usize,
    /// Files and rows set aside in these days, the newest first.
    pub quarantine: Vec<Quarantined>,
    /// Further ones.
    pub more_quarantined: usize,
    /// Hours that are to be computed again, the oldest first; one entry for all buckets of an hour.
    pub stale: Vec<StaleHour>,
    /// Further ones.
    pub more_stale: usize,
    /// Open slots behind them, bucket by bucket.
    pub open_slots: usize,
    /// Every source of these days.
    pub sources: Vec<Source>,
}

/// An hour or a day. Counted are periods of elements, as the ledger of measurement files holds them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Span {
    /// Its start.
    pub start: String,
    /// Taken and missing ones; one that was sent twice with other bytes counts twice here, and once
    /// in the completeness that `monitor` judges.
    pub expected: u64,
    /// Those that arrived.
    pub taken: u64,
    /// Those of them that arrived late.
    pub late: u64,
    /// Those that are expected and did not arrive.
    pub missing: u64,
    /// Files that could not be read, by the time of landing where they do not tell their period; one
    /// and its copies are one, where the first of them stands.
    pub quarantined: u64,
    /// Failed quality rules by severity.
    pub quality: Severities,
}

/// Failed quality rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Severities {
    /// To know.
    pub info: u64,
    /// To look at.
    pub warn: u64,
    /// Rows that derive leaves empty.
    pub null_rows: u64,
    /// Regions that are not fit for use.
    pub halt: u64,
}

/// An element that did not send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissingElement {
    /// The managed element.
    pub element: String,
    /// Its missing periods.
    pub periods: u64,
}

/// A quality rule that failed at one place.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct FailedRule {
    /// Name of the rule.
    pub rule: String,
    /// Element, object or region that the rule judged.
    pub scope: String,
    /// info, warn, null_rows or halt.
    pub severity: String,
    /// Slots in which it failed.
    pub slots: u64,
    /// Values or rows that failed.
    pub failed: u64,
    /// What was seen and expected, in the newest of these slots.
    pub detail: String,
}

/// A rejected file or row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Quarantined {
    /// When it was set aside.
    pub at: String,
    /// Path below the landing folder.
    pub path: String,
    /// Line, element or column.
    pub place: Option<String>,
    /// What was wrong.
    pub reason: String,
    /// Rows that this entry stands for.
    pub rows: i64,
}

/// An hour whose data changed and that waits to be computed again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct StaleHour {
    /// Start of the hour.
    pub start: String,
    /// Source of the data.
    pub source: String,
    /// Table whose slots changed.
    pub table: String,
    /// Open slots of the hour.
    pub slots: usize,
    /// Since when it waits.
    pub open_since: String,
}

/// A source of files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Name of the feed or mapping.
    pub source: String,
    /// pm, or the kind that the mapping names.
    pub kind: String,
    /// Files taken, per element in them.
    pub taken: u64,
    /// Files that could not be read; one and its copies are one.
    pub quarantined: u64,
    /// When the newest file landed.
    pub newest_landed_at: Option<String>,
}

/// Reads the summary.
pub(crate) fn read(root: &Root, lateness: Micros) -> Result<Completeness> {
    let now = clock::now();
    let mut found = Completeness {
        read_at: stamp(now),
        newest_period_end: None,
        lateness_minutes: lateness / 60_000_000,
        hours: Vec::new(),
        days: Vec::new(),
        missing_elements: Vec::new(),
        more_missing_elements: 0,
        failed_rules: Vec::new(),
        more_failed_rules: 0,
        quarantine: Vec::new(),
        more_quarantined: 0,
        stale: Vec::new(),
        more_stale: 0,
        open_slots: 0,
        sources: Vec::new(),
    };
    let newest = newest_periods(root, now)?;
    let Some(end) = newest.on_record.map(hour_after) else {
        return Ok(found);
    };
    found.newest_period_end = optional(newest.taken);
    let window = Window::before(end);
    let ledger = Ledger::read(root, window, lateness)?;
    let quality = quality::read(root, window)?;
    found.spans(window, &ledger, &quality);
    found.sources = ledger.sources();
    (found.missing_elements, found.more_missing_elements) = first(ledger.missing_elements(window));
    (found.failed_rules, found.more_failed_rules) = first(quality.rules());
    (found.quarantine, found.more_quarantined) = first(quarantine(root, window)?);
    let stale = stale(root, end)?;
    found.open_slots = stale.iter().map(|hour| hour.slots).sum();
    (found.stale, found.more_stale) = first(stale);
    Ok(found)
}

/// The days that are looked at, and the hours at their end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// Start of the first day.
    pub(crate) days_from: Micros,
    /// Start of the first hour.
    pub(crate) hours_from: Micros,
    /// End of the last hour.
    pub(crate) end: Micros,
}

impl Window {
    fn before(end: Micros) -> Self {
        let last_day = clock::day_of(end - 1);
        Self { days_from: last_day - (DAYS - 1) * DAY, hours_from: end - HOURS * HOUR, end }
    }
}

impl Completeness {
    fn spans(&mut self, window: Window, ledger: &Ledger, quality: &Quality) {
        let span = |start: Micros, end: Micros| {
            let counts = ledger.between(start, end);
            Span {
                start: stamp(start),
                expected: counts.taken + counts.missing,
                taken: counts.taken,
                late: counts.late,
                missing: counts.missing,
                quarantined: counts.quarantined,
                quality: quality.between(start, end),
            }
        };
        let steps = |from: Micros, step: Micros| {
            let last = (window.end - 1 - from).div_euclid(step);
            (0..=last).rev().map(move |n| (from + n * step, from + (n + 1) * step))
        };
        self.hours = steps(window.hours_from, HOUR).map(|(from, to)| span(from, to)).collect();
        self.days = steps(window.days_from, DAY).map(|(from, to)| span(from, to)).collect();
    }
}

/// The first entries of a list, and how many more there are.
fn first<T>(mut list: Vec<T>) -> (Vec<T>, usize) {
    let more = list.len().saturating_sub(SHOWN);
    list.truncate(SHOWN);
    (list, more)
}
