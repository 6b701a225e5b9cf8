//! Step `erase`: destroys the key of an epoch, so that its pseudonyms name nobody any more.
//!
//! The row of `erasures` comes first and the key goes after it: a run that was cut short between
//! the two is completed by the next one, and ingest gives the epoch no second key. What a hold
//! covers is not erased. Nothing in `landing/` is deleted: the row names the files that a person
//! has to delete, and those that a person has to look into.

mod landed;
mod models;
mod reach;

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, ListBuilder, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use foresite_pseudonyms::{Epoch, Folder, Found, register};
use foresite_schema::catalog::watch;
use foresite_stage::{Context, ErrorKind, Inputs, Report, Result, StageError, Status};
use foresite_tables::{Slot, Value};
use serde_json::json;

use crate::{Args, Config};
use models::Models;
use reach::Reach;

/// Files that are named in the log; the row names all.
const TOLD: usize = 20;

/// Who asks for what.
struct Asked {
    epoch: Epoch,
    person: String,
    reason: String,
    folder: Folder,
}

/// What there is of the key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Remains {
    /// It is to be destroyed.
    Key,
    /// It was destroyed.
    Nothing,
    /// Nobody has it, and whoever asks knows.
    Lost,
}

pub(crate) fn run(cx: &Context, config: &Config, args: &Args, report: &mut Report) -> Result<()> {
    let asked = Asked::of(args)?;
    let is_written = register::is_erased(cx.root(), asked.epoch)?;
    let remains = remains(cx, &asked, is_written)?;
    report.number("epoch", asked.epoch.to_string());
    if !is_written {
        require_holds_known(cx)?;
        let reach = Reach::find(cx, asked.epoch)?;
        reach.require_unheld(&config.holds)?;
        let models = Models::find(cx, &reach.marks())?;
        tell(&reach, &models, report);
        write(cx, &asked, (&reach, &models, remains), report)?;
    }
    if remains == Remains::Key && !cx.is_dry_run() {
        asked.folder.destroy(asked.epoch)?;
        report.status = Status::Done;
        tracing::info!(epoch = %asked.epoch, "the key is destroyed");
    }
    Ok(())
}

/// Legal holds stand in the configuration, and nothing brings a destroyed key back.
fn require_holds_known(cx: &Context) -> Result<()> {
    if cx.args().config.is_some() {
        return Ok(());
    }
    let message = "--config: expected that of the nightly run, for its legal holds, got nothing";
    if cx.is_dry_run() {
        tracing::warn!("{message}");
        return Ok(());
    }
    Err(StageError::new(ErrorKind::Usage, message)
        .hint("nothing was erased; docs/samples/maintain/default.json has no hold"))
}

impl Asked {
    fn of(args: &Args) -> Result<Self> {
        let missing = |name: &str, what: &str| {
            StageError::new(ErrorKind::Usage, format!("--{name}: expected {what}, got nothing"))
                .hint("foresite-maintain --step erase --epoch DAY --person WHO --reason TEXT")
        };
        let said = |text: &Option<String>| {
            let text = text.as_deref().unwrap_or_default().trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let folder = args.pseudonym_keys.clone();
        Ok(Self {
            epoch: args.epoch.ok_or_else(|| missing("epoch", "the first day of an epoch"))?,
            person: said(&args.person).ok_or_else(|| missing("person", "who asks for it"))?,
            reason: said(&args.reason).ok_or_else(|| missing("reason", "why"))?,
            folder: Folder::new(folder.ok_or_else(|| missing("pseudonym-keys", "a folder"))?),
        })
    }

    fn file(&self) -> PathBuf {
        self.folder.file(self.epoch)
    }
}

/// What there is of the key.
///
/// # Errors
/// `Missing` for an epoch without pseudonyms, and where the folder has no key of it; `BadData` for
/// another key than the epoch's.
fn remains(cx: &Context, asked: &Asked, is_written: bool) -> Result<Remains> {
    let epoch = asked.epoch;
    match asked.folder.find(epoch)? {
        Found::Key(key) => {
            register::require(cx.root(), epoch, &key)?;
            Ok(Remains::Key)
        }
        Found::Destroyed => Ok(Remains::Nothing),
        Found::Nothing if !is_written && register::key_id(cx.root(), epoch)?.is_none() => {
            let message = format!("epoch {epoch}: nobody got a pseudonym in it");
            Err(StageError::new(ErrorKind::Missing, message)
                .hint("epochs with pseudonyms are the names of the files below `pseudonyms/`"))
        }
        Found::Nothing if cx.is_forced() => Ok(Remains::Lost),
        Found::Nothing => {
            let message = format!("key {}: not there", asked.file().display());
            Err(StageError::new(ErrorKind::Missing, message)
                .hint("name the folder that holds it; --force where it is lost for good"))
        }
    }
}

fn tell(reach: &Reach, models: &Models, report: &mut Report) {
    for (table, rows) in reach.tables() {
        tracing::info!(table, rows, "reached");
    }
    for model in &models.reached {
        tracing::info!(model, "learnt from marks of the epoch");
    }
    for model in &models.unread {
        tracing::warn!(model, "does not say any more what it learnt from");
    }
    for path in reach.landed.files.iter().take(TOLD) {
        tracing::warn!(path, "a landed file still names people: delete it");
    }
    for path in reach.landed.doubtful.iter().take(TOLD) {
        tracing::warn!(path, "no row tells whom a landed file names: look for the name in it");
    }
    report.number("reached_rows", reach.tables().map(|(_, rows)| rows).sum::<u64>());
    report.number("reached_models", models.reached.len());
    report.number("unread_models", models.unread.len());
    report.number("landed_files", reach.landed.files.len());
    report.number("doubtful_files", reach.landed.doubtful.len());
}

fn write(
    cx: &Context,
    asked: &Asked,
    (reach, models, remains): (&Reach, &Models, Remains),
    report: &mut Report,
) -> Result<()> {
    let epoch = asked.epoch.to_string();
    let lineage = cx.lineage(json!({"epoch": epoch, "at": cx.now()}), &Inputs::new())?;
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
    let time = || -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from_value(cx.now(), 1).with_timezone("UTC"))
    };
    let tables: Vec<String> =
        reach.tables().map(|(table, rows)| format!("{table}: {rows}")).collect();
    let row = RecordBatch::try_from_iter_with_nullable([
        ("epoch", text(&epoch), false),
        ("person", text(&asked.person), false),
        ("reason", text(&asked.reason), false),
        ("erased_at", time(), false),
        ("key", text(if remains == Remains::Lost { "lost" } else { "destroyed" }), false),
        ("tables", list(&tables), false),
        ("models", list(&models.reached), false),
        ("unread_models", list(&models.unread), false),
        ("files", list(&reach.landed.files), false),
        ("doubtful_files", list(&reach.landed.doubtful), true),
        ("known_at", time(), false),
        ("ingested_at", time(), false),
        ("lineage_id", text(&lineage.id), false),
    ])?;
    if cx.is_dry_run() {
        return Ok(());
    }
    let slot = Slot { equals: [("epoch".to_owned(), Value::Text(epoch))].into(), period: None };
    let table = cx.root().table(watch::erasures())?;
    cx.append(&table, &slot, &row, &lineage, report)
}

/// One list of texts.
fn list<'a>(values: impl IntoIterator<Item = &'a String>) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value(values.into_iter().map(Some));
    Arc::new(lists.finish())
}
