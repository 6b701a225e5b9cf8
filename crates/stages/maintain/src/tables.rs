//! The tables to look after.

use foresite_schema::{TableDef, catalog};
use foresite_stage::{Context, ErrorKind, Result, StageError};
use foresite_tables::Table;

use crate::Config;

/// The tables that exist, per-task ones included.
///
/// # Errors
/// `Missing` for one that the configuration names and that is not there.
pub(crate) fn open(cx: &Context, config: &Config) -> Result<Vec<Table>> {
    definitions(cx, config)?.into_iter().map(|def| Ok(cx.root().existing(def)?)).collect()
}

/// Definitions of the tables that exist, whether their logs can be read or not.
pub(crate) fn definitions(cx: &Context, config: &Config) -> Result<Vec<TableDef>> {
    let names = if config.tables.is_empty() { existing(cx)? } else { config.tables.clone() };
    let mut definitions = Vec::with_capacity(names.len());
    for name in names {
        match catalog::find(&name) {
            Some(def) => definitions.push(def),
            None if config.tables.is_empty() => {
                tracing::warn!(table = name, "not a table of the catalogue, left alone");
            }
            None => {
                let message = format!("table `{name}`: not in the catalogue");
                return Err(StageError::new(ErrorKind::Usage, message).hint("check `tables`"));
            }
        }
    }
    Ok(definitions)
}

/// Names of the folders below `tables/` that hold a log.
pub(crate) fn existing(cx: &Context) -> Result<Vec<String>> {
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
