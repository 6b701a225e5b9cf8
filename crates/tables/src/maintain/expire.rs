//! Retention: rows that the table's definition keeps no longer leave it, file by file, in a commit
//! of their own.

use std::collections::BTreeSet;

use serde_json::json;

use crate::log::{self, Change};
use crate::slot::Micros;
use crate::snapshot::DataFile;
use crate::stats::Value;
use crate::table::COMMIT_ATTEMPTS;
use crate::time::MICROS_PER_DAY;
use crate::{Result, Table};

/// What retention took out of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expired {
    /// The version without it; `None` when nothing was committed.
    pub version: Option<u64>,
    /// Files.
    pub files: u64,
    /// Rows in them, as far as statistics tell.
    pub rows: u64,
}

impl Table {
    /// Removes the files whose rows are all of days before `date` (days since the epoch, UTC);
    /// with `dry_run` only counts them.
    ///
    /// # Errors
    /// `Conflict` after many lost races; storage errors.
    pub fn expire(&self, date: i32, dry_run: bool) -> Result<Expired> {
        let start = i64::from(date).saturating_mul(MICROS_PER_DAY);
        let is_expired = |file: &DataFile| {
            let latest = |column: &str| match file.stats.range(column).map(|range| &range.high) {
                Some(Value::Int(high)) => Some(*high),
                _ => None,
            };
            match latest("date") {
                Some(day) => day < i64::from(date),
                None => self.def().time.as_deref().and_then(latest).is_some_and(|at| at < start),
            }
        };
        self.retire(
            &format!("before {}", crate::time::date_text(date).unwrap_or_default()),
            dry_run,
            is_expired,
        )
    }

    /// Removes the files whose rows all have one text in `column` that is not among `keep`, and
    /// that were written before a time.
    ///
    /// # Errors
    /// As [`Table::expire`].
    pub fn expire_except(
        &self,
        column: &str,
        keep: &BTreeSet<String>,
        written_before: Micros,
        dry_run: bool,
    ) -> Result<Expired> {
        let is_expired = |file: &DataFile| {
            let written = file.stats.range("ingested_at").map(|range| &range.high);
            let is_old = matches!(written, Some(Value::Int(at)) if *at < written_before);
            match file.stats.constant(column) {
                Some(Value::Text(text)) => is_old && !keep.contains(text),
                _ => false,
            }
        };
        self.retire(&format!("{column} not in use"), dry_run, is_expired)
    }

    fn retire(
        &self,
        why: &str,
        dry_run: bool,
        is_expired: impl Fn(&DataFile) -> bool,
    ) -> Result<Expired> {
        for attempt in 0..COMMIT_ATTEMPTS {
            let snapshot = self.snapshot_to_extend()?;
            let gone: Vec<&DataFile> =
                self.files(&snapshot)?.iter().filter(|file| is_expired(file)).collect();
            let expired = Expired {
                version: None,
                files: gone.len() as u64,
                rows: gone.iter().filter_map(|file| file.stats.rows).sum(),
            };
            if gone.is_empty() || dry_run {
                return Ok(expired);
            }
            let mut actions = vec![log::commit_info("DELETE", "Retention", &json!({"why": why}))];
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
