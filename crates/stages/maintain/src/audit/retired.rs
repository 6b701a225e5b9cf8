//! What was erased, what retention took out of the tables, and the holds that keep rows from it.

use foresite_schema::catalog::{self, watch};
use foresite_stage::Result;
use foresite_tables::{HistoryEntry, Micros, RETENTION, Table};

use super::Asked;
use super::book::{Book, Entry, stamp};
use super::cells;
use crate::{DAY, tables};

/// Epochs of pseudonyms whose key was destroyed.
pub(super) fn erasures(asked: &Asked<'_>, book: &mut Book) -> Result<()> {
    let columns = ["epoch", "person", "reason", "erased_at", "key", "tables", "models", "files"];
    cells::within(asked, watch::erasures(), "erased_at", &columns, |cells, row, at| {
        let text = |column| cells.text(column, row);
        let mut parts = vec![format!("key {}", text("key")?.unwrap_or_default())];
        parts.extend(cells.texts("tables", row)?.iter().map(|of| format!("{of} rows")));
        parts.push(format!("models: {}", cells.texts("models", row)?.len()));
        parts.push(format!("landed files: {}", cells.texts("files", row)?.len()));
        book.add(Entry {
            at,
            kind: "erased",
            subject: format!("epoch {}", text("epoch")?.unwrap_or_default()),
            person: text("person")?,
            reason: text("reason")?,
            detail: Some(parts.join("; ")),
        })
    })
}

/// Commits of retention, as long as the logs of the tables hold them.
pub(super) fn rows(asked: &Asked<'_>, book: &mut Book) -> Result<()> {
    let (mut cut, mut known_since): (u64, Option<Micros>) = (0, None);
    for name in tables::existing(asked.cx)? {
        let Some(def) = catalog::find(&name) else { continue };
        let table = asked.cx.root().unread(def)?;
        commits(asked, &table, book)?;
        if let Some(begins) = table.history_begins()?.filter(|at| *at > asked.interval.start) {
            cut += 1;
            known_since = known_since.max(Some(begins));
        }
    }
    if let Some(since) = known_since {
        book.note(format!(
            "what retention took before {} is not known of all tables: {cut} logs begin later than \
             the interval",
            stamp(since)
        ));
    }
    Ok(())
}

fn commits(asked: &Asked<'_>, table: &Table, book: &mut Book) -> Result<()> {
    // The clock of a writer may run ahead of the store's.
    for entry in table.history_since(asked.interval.start.saturating_sub(DAY))? {
        asked.cx.check_stop()?;
        let HistoryEntry { version, commit_info: info } = entry?;
        if info["operationParameters"]["mode"] != RETENTION {
            continue;
        }
        let at = info["timestamp"].as_i64().unwrap_or_default().saturating_mul(1000);
        if !(asked.interval.start..asked.interval.end).contains(&at) {
            continue;
        }
        let number = |name: &str| info["lineage"][name].as_u64();
        let volume = match (number("rows"), number("files")) {
            (Some(rows), Some(files)) => format!("{rows} rows in {files} files; "),
            _ => String::new(),
        };
        book.add(Entry {
            at,
            kind: "expired",
            subject: table.def().name.clone(),
            person: None,
            reason: info["lineage"]["why"].as_str().map(str::to_owned),
            detail: Some(format!("{volume}version {version}")),
        })?;
    }
    Ok(())
}

/// The holds of the configuration, at the run's clock: since when they are there it does not say.
pub(super) fn holds(asked: &Asked<'_>, book: &mut Book) -> Result<()> {
    let at: Micros = asked.cx.as_of();
    for hold in &asked.config.holds {
        let (subject, days) = hold.scope();
        book.add(Entry {
            at,
            kind: "hold",
            subject,
            person: Some(hold.owner.clone()),
            reason: Some(hold.reason.clone()),
            detail: Some(days),
        })?;
    }
    Ok(())
}
