//! Retention: rows that the table's definition keeps no longer leave it, file by file, in a commit
//! of their own. What a hold covers stays, whatever its age.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::log::{self, Change};
use crate::slot::Micros;
use crate::snapshot::DataFile;
use crate::stats::{Range, Value};
use crate::table::COMMIT_ATTEMPTS;
use crate::time::MICROS_PER_DAY;
use crate::{Result, Table};

/// `operationParameters.mode` in the `commitInfo` of a commit that took expired rows out; its
/// `lineage` says `why`, and how many `files` and `rows`.
pub const RETENTION: &str = "Retention";

/// Days whose rows stay whatever their age, in days since the epoch, UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeldDays {
    /// The first day; `None` = from the first row on.
    pub from: Option<i32>,
    /// The last day, inclusive; `None` = up to the last row.
    pub until: Option<i32>,
}

impl HeldDays {
    /// Whether one of the days from `first` to `last` is held. Of a file whose days nobody knows
    /// one may be.
    fn holds(self, days: Option<(i64, i64)>) -> bool {
        let Some((first, last)) = days else { return true };
        self.from.is_none_or(|from| last >= i64::from(from))
            && self.until.is_none_or(|until| first <= i64::from(until))
    }
}

/// Files and rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Volume {
    /// Files.
    pub files: u64,
    /// Rows in them, as far as statistics tell.
    pub rows: u64,
}

impl Volume {
    fn add(&mut self, file: &DataFile) {
        self.files += 1;
        self.rows += file.stats.rows.unwrap_or_default();
    }
}

/// What retention took out of a table, and what it had to leave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expired {
    /// The version without it; `None` when nothing was committed.
    pub version: Option<u64>,
    /// What is out of the table.
    pub gone: Volume,
    /// What is old enough and stays, because a hold covers it.
    pub held: Volume,
    /// The same by hold, in the order in which they were given; what two of them cover is in both.
    pub held_by: Vec<Volume>,
}

/// A file that is old enough to leave, and the holds that keep it.
struct Due<'a> {
    file: &'a DataFile,
    holds: BTreeSet<usize>,
}

impl Table {
    /// Removes the files whose rows are all of days before `date` (days since the epoch, UTC) and
    /// none of a held day; with `dry_run` only counts them.
    ///
    /// # Errors
    /// `Conflict` after many lost races; storage errors.
    pub fn expire(&self, date: i32, holds: &[HeldDays], dry_run: bool) -> Result<Expired> {
        let is_old =
            |days: Option<(i64, i64)>| days.is_some_and(|(_, last)| last < i64::from(date));
        let why = format!("before {}", crate::time::date_text(date).unwrap_or_default());
        self.retire(&why, holds.len(), dry_run, |files| {
            let days = files.iter().map(|file| (file, self.days(file)));
            let old = days.filter(|(_, days)| is_old(*days));
            old.map(|(file, days)| Due { file, holds: covering(holds, days) }).collect()
        })
    }

    /// Removes the files whose rows all have one text in `column` that is not among `keep`, and
    /// that were written before a time. The rows of a text stay or leave together: one of them of a
    /// held day keeps all.
    ///
    /// # Errors
    /// As [`Table::expire`].
    pub fn expire_except(
        &self,
        column: &str,
        keep: &BTreeSet<String>,
        written_before: Micros,
        holds: &[HeldDays],
        dry_run: bool,
    ) -> Result<Expired> {
        let is_old = |file: &DataFile| {
            let written = file.stats.range("ingested_at").map(|range| &range.high);
            matches!(written, Some(Value::Int(at)) if *at < written_before)
        };
        self.retire(&format!("{column} not in use"), holds.len(), dry_run, |files| {
            let mut held: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
            for (file, text) in files.iter().filter_map(|file| Some((file, only(file, column)?))) {
                held.entry(text).or_default().extend(covering(holds, self.days(file)));
            }
            let due = files.iter().filter(|file| is_old(file)).filter_map(|file| {
                let text = only(file, column).filter(|text| !keep.contains(*text))?;
                Some(Due { file, holds: held.get(text).cloned().unwrap_or_default() })
            });
            due.collect()
        })
    }

    /// The first and the last day of a file's rows, in days since the epoch, as far as statistics
    /// tell.
    fn days(&self, file: &DataFile) -> Option<(i64, i64)> {
        let range = |column: &str| match file.stats.range(column) {
            Some(Range { low: Value::Int(low), high: Value::Int(high), .. }) => Some((*low, *high)),
            _ => None,
        };
        let of_time = || {
            let (first, last) = self.def().time.as_deref().and_then(range)?;
            Some((first.div_euclid(MICROS_PER_DAY), last.div_euclid(MICROS_PER_DAY)))
        };
        range("date").or_else(of_time)
    }

    fn retire(
        &self,
        why: &str,
        holds: usize,
        dry_run: bool,
        due: impl for<'a> Fn(&'a [DataFile]) -> Vec<Due<'a>>,
    ) -> Result<Expired> {
        for attempt in 0..COMMIT_ATTEMPTS {
            let snapshot = self.snapshot_to_extend()?;
            let (gone, expired) = sorted(due(self.files(&snapshot)?), holds);
            if gone.is_empty() || dry_run {
                return Ok(expired);
            }
            let Volume { files, rows } = expired.gone;
            let note = json!({"why": why, "files": files, "rows": rows});
            let mut actions = vec![log::commit_info("DELETE", RETENTION, &note)];
            actions.extend(gone.into_iter().map(|file| log::remove(file, Change::Rows)));
            let version = self.publish(snapshot, &actions)?;
            if version.is_some() {
                return Ok(Expired { version, ..expired });
            }
            self.back_off(attempt);
        }
        Err(self.conflict("too many other writers"))
    }
}

/// The one text that all rows of a file have in a column.
fn only<'a>(file: &'a DataFile, column: &str) -> Option<&'a str> {
    match file.stats.constant(column) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

/// The numbers of the holds that cover one of a file's days.
fn covering(holds: &[HeldDays], days: Option<(i64, i64)>) -> BTreeSet<usize> {
    holds.iter().enumerate().filter(|(_, hold)| hold.holds(days)).map(|(at, _)| at).collect()
}

/// The files that may leave, and how much leaves and stays.
fn sorted<'a>(due: Vec<Due<'a>>, holds: usize) -> (Vec<&'a DataFile>, Expired) {
    let mut gone = Vec::new();
    let mut expired = Expired { held_by: vec![Volume::default(); holds], ..Expired::default() };
    for Due { file, holds } in due {
        if holds.is_empty() {
            expired.gone.add(file);
            gone.push(file);
            continue;
        }
        expired.held.add(file);
        for (_, by) in expired.held_by.iter_mut().enumerate().filter(|(at, _)| holds.contains(at)) {
            by.add(file);
        }
    }
    (gone, expired)
}
