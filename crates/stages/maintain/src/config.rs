//! Configuration of the stage.

use foresite_stage::{ErrorKind, Result, StageError};
use serde::{Deserialize, Serialize};

use crate::holds::{self, Hold};

/// Ingest commits staged files up to an age of 24 hours; a file is spared for twice as long.
const SHORTEST_GRACE_HOURS: f64 = 48.0;

/// Configuration of the stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Tables to look after; empty means all that are there.
    pub tables: Vec<String>,
    /// Whether files and rows are deleted; otherwise the run only says which.
    pub delete: bool,
    /// Days back for which every version of a table stays readable.
    pub history_days: u32,
    /// Hours for which no file is deleted; longer than the longest fan-out.
    pub grace_hours: f64,
    /// Days for which plans and the manifests of their shards stay: a rerun needs them.
    pub plan_days: u32,
    /// Days for which a sample set stays although no model with an alias was trained on it.
    pub sample_set_days: u32,
    /// Days for which it stays on record who asked the console.
    pub login_days: u32,
    /// Commits that `history` shows of each table.
    pub history_entries: usize,
    /// Which files are merged.
    pub compaction: CompactionConfig,
    /// Rows that stay whatever their age.
    pub holds: Vec<Hold>,
}

/// Which files are merged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CompactionConfig {
    /// Days after which a day counts as closed: late data is rare from then on.
    pub closed_after_days: u32,
    /// Larger files are left alone.
    pub small_mib: u64,
    /// About the size of the files to make; the memory of the step is a small multiple of it.
    pub target_mib: u64,
    /// Fewer files are left alone.
    pub min_files: usize,
    /// Files of so many days and sources are published together.
    pub merges_per_commit: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            tables: Vec::new(),
            delete: false,
            history_days: 7,
            grace_hours: SHORTEST_GRACE_HOURS,
            plan_days: 90,
            sample_set_days: 30,
            login_days: 400,
            history_entries: 20,
            compaction: CompactionConfig::default(),
            holds: Vec::new(),
        }
    }
}

impl Default for CompactionConfig {
    fn default() -> Self {
        Self {
            closed_after_days: 2,
            small_mib: 64,
            target_mib: 128,
            min_files: 2,
            merges_per_commit: 16,
        }
    }
}

impl Config {
    /// Refuses a hold that nobody answers for or that holds nothing, and what would take files from
    /// under a stage that still reads or wants to commit them.
    pub(crate) fn check(&self, is_forced: bool) -> Result<()> {
        if let Some(fault) = holds::fault(&self.holds) {
            return Err(StageError::new(ErrorKind::Usage, format!("configuration at {fault}"))
                .hint("a hold names its tables, its days, who answers for it and why"));
        }
        let refuse = |message: String| {
            Err(StageError::new(ErrorKind::Usage, message)
                .hint("readers and a fan-out may take that long; --force where none is running"))
        };
        if !self.grace_hours.is_finite() || self.grace_hours < 0.0 {
            return refuse(format!("grace_hours: expected hours, got {}", self.grace_hours));
        }
        if is_forced {
            return Ok(());
        }
        if self.grace_hours < SHORTEST_GRACE_HOURS {
            let (least, got) = (SHORTEST_GRACE_HOURS, self.grace_hours);
            return refuse(format!("grace_hours: expected at least {least}, got {got}"));
        }
        if self.history_days == 0 {
            return refuse("history_days: expected at least 1, got 0".into());
        }
        Ok(())
    }
}
