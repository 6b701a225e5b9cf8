//! Step `compact`: small files of closed days become one, day by day.

use foresite_stage::{Context, Report, Result};
use foresite_tables::{Compaction, Outcome, Table, date_of};

use crate::{Config, tables};

pub(crate) fn run(cx: &Context, config: &Config, report: &mut Report) -> Result<()> {
    let wanted = wanted(cx, config);
    let tables = tables::open(cx, config)?;
    let progress = cx.progress(tables.len() as u64, "tables");
    let (mut before, mut after) = (0_u64, 0_u64);
    for table in &tables {
        let (taken, made) = compact(cx, config, (table, &wanted), report)?;
        before += taken;
        after += made;
        progress.add(1);
    }
    report.number("tables", tables.len());
    report.number("compacted_files", before);
    report.number("made_files", after);
    Ok(())
}

fn wanted(cx: &Context, config: &Config) -> Compaction {
    let days = i32::try_from(config.compaction.closed_after_days).unwrap_or(i32::MAX);
    Compaction {
        closed_before: date_of(cx.as_of()).saturating_sub(days),
        small_bytes: config.compaction.small_mib << 20,
        target_bytes: config.compaction.target_mib.max(1) << 20,
        min_files: config.compaction.min_files,
    }
}

/// Files taken and made. A writer that replaces one of them meanwhile ends the step as a conflict;
/// what was published by then stays, and the next try goes on.
fn compact(
    cx: &Context,
    config: &Config,
    (table, wanted): (&Table, &Compaction),
    report: &mut Report,
) -> Result<(u64, u64)> {
    let (mut before, mut after) = (0, 0);
    let jobs = table.compactions(wanted)?;
    for jobs in jobs.chunks(config.compaction.merges_per_commit.max(1)) {
        cx.check_stop()?;
        if cx.is_dry_run() {
            before += jobs.iter().map(|job| job.files() as u64).sum::<u64>();
            after += jobs.len() as u64;
            continue;
        }
        let done = table.compact(jobs)?;
        before += done.files_before;
        after += done.files_after;
        if let Some(version) = done.version {
            let outcome = Outcome { version, unchanged: false, rows: done.rows };
            report.wrote(&table.def().name, outcome);
        }
    }
    if before > 0 {
        tracing::info!(table = table.def().name, before, after, "compaction");
    }
    Ok((before, after))
}
