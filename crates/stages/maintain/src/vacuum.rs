//! Step `vacuum`: files that no version needs and no plan will commit; and step `orphans`, which
//! only names files that no version knows.

use std::time::Duration;

use foresite_stage::{Context, Report, Result};
use foresite_tables::{FileEntry, Micros, Vacuum};

use crate::plans::Plans;
use crate::{Config, HOUR, history_start, only_counts, tables};

/// Folders of a data root that stages write to.
const WRITTEN: [&str; 6] = ["tables", "plans", "_staging", "lineage", "samples", "reports"];

pub(crate) fn run(cx: &Context, config: &Config, report: &mut Report) -> Result<()> {
    let is_dry = only_counts(cx, config);
    let now = cx.root().clock()?;
    let grace = (config.grace_hours * HOUR as f64) as Micros;
    let plans = Plans::find(cx, now)?;
    let mut staged = plans.staged(cx, grace)?;
    let tables = tables::open(cx, config)?;
    let progress = cx.progress(tables.len() as u64, "tables");
    let mut dead = Vec::new();
    for table in &tables {
        cx.check_stop()?;
        let name = &table.def().name;
        let vacuum = Vacuum {
            keep_from: table.version_at(history_start(now, config))?,
            now,
            grace: Duration::from_micros(u64::try_from(grace).unwrap_or_default()),
            staged: staged.remove(name).unwrap_or_default(),
        };
        let files = table.vacuum(&vacuum, is_dry)?;
        let keep_from = vacuum.keep_from;
        tracing::info!(table = name, keep_from, files = files.len(), deleted = !is_dry, "vacuum");
        dead.extend(files);
        progress.add(1);
    }
    let leftovers = plans.leftovers(config, grace);
    if !is_dry {
        for file in &leftovers {
            cx.root().delete(&file.path)?;
        }
    }
    let partial = half_written(cx, (now, grace), is_dry)?;
    let which = if is_dry { "dead_files" } else { "deleted_files" };
    report.number("tables", tables.len());
    report.number(which, dead.len());
    report.number("dead_bytes", bytes(&dead));
    report.number("leftover_plan_files", leftovers.len());
    report.number("half_written_files", partial.len());
    Ok(())
}

/// Removes what killed writers left half written.
fn half_written(
    cx: &Context,
    (now, grace): (Micros, Micros),
    is_dry: bool,
) -> Result<Vec<FileEntry>> {
    let mut found = Vec::new();
    for folder in WRITTEN {
        found.extend(cx.root().leftovers(folder)?);
    }
    found.retain(|file| now.saturating_sub(file.modified) >= grace);
    if !is_dry {
        for file in &found {
            cx.root().delete_leftover(file)?;
        }
    }
    Ok(found)
}

/// Names files that no version of their table knows.
pub(crate) fn orphans(cx: &Context, config: &Config, report: &mut Report) -> Result<()> {
    let now = cx.root().clock()?;
    let mut all = Vec::new();
    for table in tables::open(cx, config)? {
        cx.check_stop()?;
        for file in table.orphans()? {
            let age_hours = now.saturating_sub(file.modified) / HOUR;
            tracing::info!(path = file.path, bytes = file.size, age_hours, "orphan");
            all.push(file);
        }
    }
    report.number("orphan_files", all.len());
    report.number("orphan_bytes", bytes(&all));
    Ok(())
}

fn bytes(files: &[FileEntry]) -> u64 {
    files.iter().map(|file| file.size).sum()
}
