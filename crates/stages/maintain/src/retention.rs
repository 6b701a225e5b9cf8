//! Step `retention`: rows that the definition of a table keeps no longer, and sample sets that no
//! model in use was trained on; and old log-ins to the console. What a hold of the configuration
//! covers stays.

use std::collections::BTreeSet;

use foresite_registry::{Alias, Aliases, Event, RegistryError, files, model_path};
use foresite_schema::{Keep, catalog};
use foresite_stage::{Context, ErrorContext as _, ErrorKind, Report, Result, StageError};
use foresite_tables::{Expired, HeldDays, Micros, Outcome, Read, Table, Volume, date_of};
use serde::Deserialize;
use serde_json::json;

use crate::holds::{self, Hold};
use crate::{Config, DAY, logins, only_counts, tables};

pub(crate) fn run(cx: &Context, config: &Config, report: &mut Report) -> Result<()> {
    let tables = tables::open(cx, config)?;
    if config.tables.is_empty() {
        let names = tables.iter().map(|table| table.def().name.as_str());
        let names: Vec<&str> = names.chain([holds::LOGINS]).collect();
        holds::warn_of_idle(&config.holds, &names);
    }
    // A clock of the run that lies in the future must not take rows that are still young.
    let now = cx.as_of().min(cx.root().clock()?);
    let mut total = Total::default();
    for table in &tables {
        cx.check_stop()?;
        let name = &table.def().name;
        let holds: Vec<&Hold> = config.holds.iter().filter(|hold| hold.names(name)).collect();
        let expired = expire(cx, config, (table, &holds), now)?;
        note(table, &expired, report);
        note_held(name, &holds, &expired);
        total.add(name, &expired);
    }
    report.number("tables", tables.len());
    total.tell(report);
    if config.tables.is_empty() {
        logins::expire(cx, config, now, report)?;
    }
    Ok(())
}

/// Takes out of a table what may leave it.
fn expire(
    cx: &Context,
    config: &Config,
    (table, holds): (&Table, &[&Hold]),
    now: Micros,
) -> Result<Expired> {
    let days: Vec<HeldDays> = holds.iter().map(|hold| hold.days()).collect();
    match table.def().keep {
        Keep::Forever => Ok(Expired::default()),
        Keep::Days(keep) => {
            Ok(table.expire(first_day(now, keep), &days, only_counts(cx, config))?)
        }
        Keep::WithModels => sample_sets(cx, config, (table, &days), now),
    }
}

/// What left all tables and what was held back.
#[derive(Default)]
struct Total {
    gone: Volume,
    held: Volume,
    held_by_table: serde_json::Map<String, serde_json::Value>,
}

impl Total {
    fn add(&mut self, table: &str, Expired { gone, held, .. }: &Expired) {
        let sum = |total: &mut Volume, more: &Volume| {
            total.files += more.files;
            total.rows += more.rows;
        };
        sum(&mut self.gone, gone);
        sum(&mut self.held, held);
        if held.files > 0 {
            let of_table = json!({"files": held.files, "rows": held.rows});
            self.held_by_table.insert(table.to_owned(), of_table);
        }
    }

    fn tell(self, report: &mut Report) {
        report.number("expired_files", self.gone.files);
        report.number("expired_rows", self.gone.rows);
        report.number("held_files", self.held.files);
        report.number("held_rows", self.held.rows);
        if !self.held_by_table.is_empty() {
            report.number("held", self.held_by_table);
        }
    }
}

/// The first day that is kept.
pub(crate) fn first_day(now: Micros, days: u32) -> i32 {
    date_of(now.saturating_sub(Micros::from(days).saturating_mul(DAY)))
}

fn note(table: &Table, expired: &Expired, report: &mut Report) {
    if expired.gone.files > 0 {
        let deleted = expired.version.is_some();
        let Volume { files, rows } = expired.gone;
        tracing::info!(table = table.def().name, files, rows, deleted, "retention");
    }
    if let Some(version) = expired.version {
        report.wrote(&table.def().name, Outcome { version, unchanged: false, rows: 0 });
    }
}

/// One line for each hold without which rows would leave.
fn note_held(table: &str, holds: &[&Hold], expired: &Expired) {
    for (hold, held) in holds.iter().zip(&expired.held_by).filter(|(_, held)| held.files > 0) {
        let Volume { files, rows } = *held;
        let (owner, reason) = (hold.owner.as_str(), hold.reason.as_str());
        let days = hold.scope().1;
        tracing::info!(table, files, rows, days, owner, reason, "held");
    }
}

/// Removes sample sets that are old enough and behind no alias of their task. Half a set is none: one
/// cutoff of a held day keeps it whole.
fn sample_sets(
    cx: &Context,
    config: &Config,
    (table, holds): (&Table, &[HeldDays]),
    now: Micros,
) -> Result<Expired> {
    let Some(task) = table.def().name.strip_prefix("samples_") else {
        return Ok(Expired::default());
    };
    let in_use = sets_in_use(cx, task).context(|| format!("sample sets of task `{task}`"))?;
    let before = now.saturating_sub(Micros::from(config.sample_set_days).saturating_mul(DAY));
    let is_dry = only_counts(cx, config);
    Ok(table.expire_except("sample_set_id", &in_use, before, holds, is_dry)?)
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
