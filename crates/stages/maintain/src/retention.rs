//! Step `retention`: rows that the definition of a table keeps no longer, and sample sets that no
//! model in use was trained on.

use std::collections::BTreeSet;

use foresite_registry::{Alias, Aliases, Event, RegistryError, files, model_path};
use foresite_schema::{Keep, catalog};
use foresite_stage::{Context, ErrorContext as _, ErrorKind, Report, Result, StageError};
use foresite_tables::{Expired, Micros, Outcome, Read, Table, date_of};
use serde::Deserialize;

use crate::{Config, DAY, only_counts, tables};

pub(crate) fn run(cx: &Context, config: &Config, report: &mut Report) -> Result<()> {
    let tables = tables::open(cx, config)?;
    let is_dry = only_counts(cx, config);
    // A clock of the run that lies in the future must not take rows that are still young.
    let now = cx.as_of().min(cx.root().clock()?);
    let (mut files, mut rows) = (0, 0);
    for table in &tables {
        cx.check_stop()?;
        let expired = match table.def().keep {
            Keep::Forever => continue,
            Keep::Days(days) => table.expire(first_day(now, days), is_dry)?,
            Keep::WithModels => sample_sets(cx, config, table, now)?,
        };
        note(table, &expired, report);
        files += expired.files;
        rows += expired.rows;
    }
    report.number("tables", tables.len());
    report.number("expired_files", files);
    report.number("expired_rows", rows);
    Ok(())
}

/// The first day that is kept.
fn first_day(now: Micros, days: u32) -> i32 {
    date_of(now.saturating_sub(Micros::from(days).saturating_mul(DAY)))
}

fn note(table: &Table, expired: &Expired, report: &mut Report) {
    if expired.files > 0 {
        let deleted = expired.version.is_some();
        let (files, rows) = (expired.files, expired.rows);
        tracing::info!(table = table.def().name, files, rows, deleted, "retention");
    }
    if let Some(version) = expired.version {
        report.wrote(&table.def().name, Outcome { version, unchanged: false, rows: 0 });
    }
}

/// Removes sample sets that are old enough and behind no alias of their task.
fn sample_sets(cx: &Context, config: &Config, table: &Table, now: Micros) -> Result<Expired> {
    let Some(task) = table.def().name.strip_prefix("samples_") else {
        return Ok(Expired::default());
    };
    let in_use = sets_in_use(cx, task).context(|| format!("sample sets of task `{task}`"))?;
    let before = now.saturating_sub(Micros::from(config.sample_set_days).saturating_mul(DAY));
    let is_dry = only_counts(cx, config);
    Ok(table.expire_except("sample_set_id", &in_use, before, is_dry)?)
}

/// The part of `model.json` that retention reads.
#[derive(Deserialize)]
struct Origin {
    sample_set_id: String,
}

/// The sample sets of the models that have an alias.
///
/// # Errors
/// `Missing` or `BadData` where such a model does not say its set: nothing is removed then.
fn sets_in_use(cx: &Context, task: &str) -> Result<BTreeSet<String>> {
    let Some(table) = cx.root().find(catalog::outcome::registry_events())? else {
        return Ok(BTreeSet::new());
    };
    let rows = table.read_all(&Read::all().text("task", task))?;
    let aliases = Aliases::of(&Event::read(&rows).map_err(wrong)?);
    [Alias::Champion, Alias::Challenger, Alias::Provisional]
        .into_iter()
        .filter_map(|alias| aliases.get(alias))
        .map(|id| {
            let path = format!("{}/bundle/{}", model_path(task, id), files::MODEL);
            let origin: Origin = serde_json::from_slice(&cx.root().read(&path)?)
                .map_err(|error| StageError::new(ErrorKind::BadData, format!("{path}: {error}")))?;
            Ok(origin.sample_set_id)
        })
        .collect()
}

fn wrong(error: RegistryError) -> StageError {
    StageError::new(ErrorKind::BadData, error.to_string()).because(error)
}
