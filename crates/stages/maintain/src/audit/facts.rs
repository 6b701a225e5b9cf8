//! What is sealed: the rows of the tables of decisions, and files by their path and sha256. The
//! chain keeps neither names nor addresses of who logged in: these go with their file.

use std::collections::HashSet;

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use foresite_schema::{Keep, TableDef, catalog};
use foresite_stage::{Context, Result};
use foresite_tables::{ErrorKind, Micros, Read, date_of};
use serde_json::Value as Json;

use super::book::stamp;
use super::cells::unfit;
use super::chain::{Fact, Row};
use super::exports::MANIFEST;
use crate::holds::since_epoch;
use crate::retention::first_day;
use crate::{Config, logins};

/// Where decisions are written down.
const TABLES: [fn() -> TableDef; 3] =
    [catalog::outcome::registry_events, catalog::raw::suppressions, catalog::watch::erasures];
/// Columns that follow from others, or that the same file has anew where it is ingested again.
const LEFT_OUT: [&str; 4] = ["date", "known_at", "ingested_at", "lineage_id"];
const EXPORTS: &str = "exports/";
const PATH: &str = "path";
const SHA256: &str = "sha256";
/// Days after a day's end until which a console may write files of it: it keeps 48 hours where
/// storage takes none.
const LATE_DAYS: i32 = 3;

/// What is there and was not sealed.
///
/// # Errors
/// `BadData` for a table that is not as its definition says; storage errors.
pub(super) fn unsealed(cx: &Context, now: Micros, sealed: &[Fact]) -> Result<Vec<Fact>> {
    let mut known: HashSet<String> = sealed.iter().map(Fact::key).collect();
    let mut fresh = of_tables(cx)?;
    fresh.retain(|fact| known.insert(fact.key()));
    let paths: HashSet<&str> = sealed.iter().filter_map(file_of).collect();
    for path in files(cx, now)? {
        if !paths.contains(path.as_str()) {
            cx.check_stop()?;
            fresh.push(of_file(cx, path)?);
        }
    }
    Ok(fresh)
}

/// What was sealed and is not there any more, or not as it was; but for what retention may have
/// taken.
///
/// # Errors
/// As [`unsealed`].
pub(super) fn gone<'a>(cx: &Context, config: &Config, sealed: &'a [Fact]) -> Result<Vec<&'a Fact>> {
    let there: HashSet<String> = of_tables(cx)?.iter().map(Fact::key).collect();
    let mut gone = Vec::new();
    for fact in sealed {
        cx.check_stop()?;
        if may_have_expired(fact, config, cx.now()) {
            continue;
        }
        let is_there = match file_of(fact) {
            Some(path) => digest(cx, path)?.as_deref() == fact.text(SHA256),
            None => there.contains(&fact.key()),
        };
        if !is_there {
            gone.push(fact);
        }
    }
    Ok(gone)
}

fn may_have_expired(fact: &Fact, config: &Config, now: Micros) -> bool {
    let day_and_keep = match file_of(fact) {
        Some(path) => logins::day_of(path).map(|day| (since_epoch(day), config.login_days)),
        None => row_day_and_keep(fact),
    };
    day_and_keep.is_some_and(|(day, keep)| day < first_day(now, keep))
}

/// The day of a row, and for how many its table keeps it; `None` where that is for ever.
fn row_day_and_keep(fact: &Fact) -> Option<(i32, u32)> {
    let def = TABLES.map(|def| def()).into_iter().find(|def| def.name == fact.source)?;
    let Keep::Days(keep) = def.keep else { return None };
    let at: jiff::Timestamp = fact.text(def.time.as_deref()?)?.parse().ok()?;
    Some((date_of(at.as_microsecond()), keep))
}

fn of_tables(cx: &Context) -> Result<Vec<Fact>> {
    let mut facts = Vec::new();
    for def in TABLES.map(|def| def()) {
        let source = def.name.clone();
        let Some(table) = cx.root().find(def)? else { continue };
        let version = table.version()?;
        for batch in table.scan(&Read::all().version(version))? {
            cx.check_stop()?;
            let batch = batch?;
            for at in 0..batch.num_rows() {
                facts.push(of_row(&source, version, row(&batch, at)?));
            }
        }
    }
    Ok(facts)
}

fn of_row(source: &str, version: u64, row: Row) -> Fact {
    let text = |column: &str| row.get(column).and_then(Json::as_str);
    let kind = match (text("event"), text("fact")) {
        (Some(event), _) => event.to_owned(),
        (None, Some(fact)) => format!("suppression_{fact}"),
        (None, None) => "erased".to_owned(),
    };
    let who = text("person").or_else(|| text("owner")).map(str::to_owned);
    Fact { source: source.to_owned(), version: Some(version), kind, who, row }
}

fn row(batch: &RecordBatch, at: usize) -> Result<Row> {
    let schema = batch.schema();
    let mut row = Row::new();
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        let name = field.name();
        if !LEFT_OUT.contains(&name.as_str()) && column.is_valid(at) {
            row.insert(name.clone(), value(column, at).ok_or_else(|| unfit(name))?);
        }
    }
    Ok(row)
}

/// A cell that is not null, in a form that no release changes; `None` for a type that no sealed
/// table has.
fn value(column: &ArrayRef, at: usize) -> Option<Json> {
    Some(match column.data_type() {
        DataType::Utf8 => column.as_string_opt::<i32>()?.value(at).into(),
        DataType::Int32 => column.as_primitive_opt::<Int32Type>()?.value(at).into(),
        DataType::Int64 => column.as_primitive_opt::<Int64Type>()?.value(at).into(),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            stamp(column.as_primitive_opt::<TimestampMicrosecondType>()?.value(at)).into()
        }
        DataType::List(_) => {
            let texts = column.as_list_opt::<i32>()?.value(at);
            let texts = texts.as_string_opt::<i32>()?;
            texts.iter().map(Json::from).collect::<Vec<Json>>().into()
        }
        _ => return None,
    })
}

/// Files of which no byte changes any more.
fn files(cx: &Context, now: Micros) -> Result<Vec<String>> {
    let is_settled = |path: &str| {
        logins::day_of(path).is_some_and(|day| since_epoch(day) + LATE_DAYS < date_of(now))
    };
    let exports = cx.root().list(EXPORTS)?.into_iter().map(|file| file.path);
    let logins = cx.root().list(logins::FOLDER)?.into_iter().map(|file| file.path);
    let manifests = exports.filter(|path| path.ends_with(MANIFEST));
    Ok(manifests.chain(logins.filter(|path| is_settled(path))).collect())
}

/// The path, where a fact is about a file.
fn file_of(fact: &Fact) -> Option<&str> {
    fact.text(PATH).filter(|path| path.starts_with(EXPORTS) || path.starts_with(logins::FOLDER))
}

fn of_file(cx: &Context, path: String) -> Result<Fact> {
    let (_, sha256) = cx.root().digest(&path)?;
    let is_export = path.starts_with(EXPORTS);
    let (source, kind) = if is_export { ("exports", "exported") } else { ("logins", "logged_in") };
    let row =
        Row::from([(PATH.to_owned(), Json::from(path)), (SHA256.to_owned(), Json::from(sha256))]);
    Ok(Fact { source: source.to_owned(), version: None, kind: kind.to_owned(), who: None, row })
}

/// The sha256 of a file; `None` where it is not there.
fn digest(cx: &Context, path: &str) -> Result<Option<String>> {
    match cx.root().digest(path) {
        Ok((_, sha256)) => Ok(Some(sha256)),
        Err(error) if error.kind() == ErrorKind::Missing => Ok(None),
        Err(error) => Err(error.into()),
    }
}
