//! Step `checkpoint`: a checkpoint of the newest version, and a log without what it stands for.

use foresite_stage::{Context, Report, Result};

use crate::{Config, history_start, only_counts, tables};

pub(crate) fn run(cx: &Context, config: &Config, report: &mut Report) -> Result<()> {
    let tables = tables::open(cx, config)?;
    let start = history_start(cx.root().clock()?, config);
    let progress = cx.progress(tables.len() as u64, "tables");
    let (mut checkpoints, mut expired) = (0_u64, 0_u64);
    for table in &tables {
        cx.check_stop()?;
        if !cx.is_dry_run() {
            table.checkpoint()?;
            checkpoints += 1;
        }
        let keep_from = table.version_at(start)?;
        let files = table.expire_log(keep_from, only_counts(cx, config))?;
        if !files.is_empty() {
            let name = &table.def().name;
            let deleted = !only_counts(cx, config);
            tracing::info!(table = name, keep_from, files = files.len(), deleted, "log clean-up");
        }
        expired += files.len() as u64;
        progress.add(1);
    }
    report.number("tables", tables.len());
    report.number("checkpoints", checkpoints);
    report.number("expired_log_files", expired);
    Ok(())
}
