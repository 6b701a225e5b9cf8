//! Step `verify`: is everything that the logs promise really there, and whole?

use foresite_stage::{Context, ErrorKind, Report, Result, StageError};
use foresite_tables::Unreadable;

use crate::{Config, tables};

/// Exit 65 after one line per fault, where there are any.
pub(crate) fn run(cx: &Context, config: &Config, report: &mut Report) -> Result<()> {
    let definitions = tables::definitions(cx, config)?;
    let progress = cx.progress(definitions.len() as u64, "tables");
    let (mut files, mut bytes, mut rows, mut unhashed) = (0, 0, 0, 0);
    let mut faults = 0_u64;
    let mut unreadable = Unreadable::default();
    for def in &definitions {
        let table = cx.root().unread(def.clone())?;
        let found = table.verify_while(&mut unreadable, || cx.check_stop())?;
        for fault in &found.faults {
            tracing::error!(table = def.name, "{fault}");
        }
        faults += found.faults.len() as u64;
        files += found.files;
        bytes += found.bytes;
        rows += found.rows;
        unhashed += found.unhashed;
        progress.add(1);
    }
    report.number("tables", definitions.len());
    report.number("files", files);
    report.number("bytes", bytes);
    report.number("rows", rows);
    report.number("files_without_hash", unhashed);
    if faults == 0 {
        return Ok(());
    }
    let message = format!("{faults} faults in {} tables", definitions.len());
    Err(StageError::new(ErrorKind::BadData, message)
        .hint("each is named in the log; older versions of a table may still be whole"))
}
