//! The maintain stage: checkpoints, so that readers replay few commits, and vacuum, so that files
//! nobody can reach any more leave the disk.
//!
//! Vacuum spares every version that is younger than the grace, whatever the log says, because a
//! fan-out may still hold files that no commit names yet.

use std::time::Duration;

use foresite_schema::catalog;
use foresite_stage::{Context, NoArgs, Report, Result, Stage};
use foresite_tables::Table;
use serde::{Deserialize, Serialize};

/// The stage.
pub struct Maintain;

/// Configuration of the stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Tables to look after; empty means all that are there.
    pub tables: Vec<String>,
    /// Older versions that stay readable, counted from the newest.
    pub keep_versions: u64,
    /// Hours for which no file is deleted; longer than the longest fan-out.
    pub grace_hours: f64,
    /// Whether vacuum deletes; otherwise it counts.
    pub delete: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { tables: Vec::new(), keep_versions: 20, grace_hours: 48.0, delete: false }
    }
}

impl Stage for Maintain {
    const NAME: &'static str = "maintain";
    const ABOUT: &'static str = "Writes checkpoints and removes data files that no version needs";
    const REVISION: &'static str = env!("FORESITE_REVISION");
    const STEPS: &'static [&'static str] = &["all", "checkpoint", "vacuum"];
    type Config = Config;
    type Args = NoArgs;

    fn run(cx: &Context, config: Config, _: NoArgs) -> Result<Report> {
        let mut report = cx.report();
        let tables = tables(cx, &config)?;
        let progress = cx.progress(tables.len() as u64, "tables");
        let (mut checkpoints, mut dead) = (0_u64, 0_u64);
        for table in &tables {
            cx.check_stop()?;
            if cx.step() != "vacuum" && !cx.is_dry_run() {
                table.checkpoint()?;
                checkpoints += 1;
            }
            if cx.step() != "checkpoint" {
                dead += vacuum(cx, table, &config)?;
            }
            progress.add(1);
        }
        report.number("tables", tables.len());
        report.number("checkpoints", checkpoints);
        report.number(
            if config.delete && !cx.is_dry_run() { "deleted_files" } else { "dead_files" },
            dead,
        );
        Ok(report)
    }
}

/// The tables that exist, per-task ones included.
fn tables(cx: &Context, config: &Config) -> Result<Vec<Table>> {
    let names = if config.tables.is_empty() { existing(cx)? } else { config.tables.clone() };
    let mut tables = Vec::with_capacity(names.len());
    for name in names {
        let Some(def) = catalog::find(&name) else {
            tracing::warn!(table = name, "not a table of the catalogue, left alone");
            continue;
        };
        tables.extend(cx.root().find(def)?);
    }
    Ok(tables)
}

/// Names of the folders below `tables/` that hold a log.
fn existing(cx: &Context) -> Result<Vec<String>> {
    let mut names: Vec<String> = cx
        .root()
        .list("tables/")?
        .iter()
        .filter_map(|file| {
            file.path
                .strip_prefix("tables/")?
                .split_once("/_delta_log/")
                .map(|(name, _)| name.to_owned())
        })
        .collect();
    names.dedup();
    Ok(names)
}

fn vacuum(cx: &Context, table: &Table, config: &Config) -> Result<u64> {
    let grace = Duration::from_secs_f64(config.grace_hours.max(0.0) * 3600.0);
    let keep_from = table.version()?.saturating_sub(config.keep_versions);
    let is_dry = cx.is_dry_run() || !config.delete;
    let dead = table.vacuum(keep_from, grace, is_dry)?;
    tracing::info!(table = table.def().name, keep_from, files = dead.len(), is_dry, "vacuum");
    Ok(dead.len() as u64)
}
