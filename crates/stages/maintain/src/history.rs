//! Step `history`: what was committed to each table, newest first.

use foresite_stage::{Context, Report, Result};

use crate::{Config, tables};

pub(crate) fn run(cx: &Context, config: &Config, report: &mut Report) -> Result<()> {
    let mut shown = 0_u64;
    let tables = tables::open(cx, config)?;
    for table in &tables {
        cx.check_stop()?;
        for entry in table.history(config.history_entries)? {
            let info = &entry.commit_info;
            let text = |name: &str| info[name].as_str().unwrap_or_default().to_owned();
            tracing::info!(
                table = table.def().name,
                version = entry.version,
                at_ms = info["timestamp"].as_i64().unwrap_or_default(),
                operation = text("operation"),
                by = text("engineInfo"),
                lineage = info["lineage"].to_string(),
                "commit"
            );
            shown += 1;
        }
    }
    report.number("tables", tables.len());
    report.number("commits", shown);
    Ok(())
}
