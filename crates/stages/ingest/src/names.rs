//! Names of people: where the configuration has `pseudonyms`, facts keep a pseudonym in their
//! place.
//!
//! Done before anything else looks at the rows, so that no check and no quarantine sees a name. The
//! key is that of the epoch in which the row became known, by its own `known_at`: so a row tells its
//! epoch, also where a mapping says that it could be known long before its file came. A fact that
//! comes after its epoch was erased keeps all but the name: it says `p:<epoch>:erased`, and the run
//! counts it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, RecordBatch, StringArray};
use arrow::datatypes::TimestampMicrosecondType;
use arrow::util::display::array_value_to_string;
use foresite_pm::mapping::TableBatch;
use foresite_pseudonyms::{Epoch, Folder, Found, Key, Months, register};
use foresite_schema::catalog::raw;
use foresite_stage::{Context, ErrorKind, Result, StageError};
use foresite_tables::sha256_hex;

use crate::config::Config;
use crate::outcome::{Outcome, State};

/// The column of a mark's id, which is a hash of the name and more.
const MARK: &str = "feedback_id";
/// Hexadecimal digits of such an id.
const MARK_DIGITS: usize = 24;
/// What a mark says, besides who made it and in which words.
const SAID: [&str; 7] =
    ["fact", "at", "entity_type", "entity_id", "prediction_id", "task", "incident_id"];

/// Puts pseudonyms in the place of names.
pub(crate) struct Names<'a> {
    cx: &'a Context,
    months: Months,
    folder: Folder,
    /// Keys that were looked for; `None` of an epoch that was erased.
    keys: BTreeMap<Epoch, Option<Key>>,
}

impl<'a> Names<'a> {
    /// `None` where the configuration keeps names.
    ///
    /// # Errors
    /// `Usage` where it does not, and no folder for the keys is named.
    pub(crate) fn open(
        cx: &'a Context,
        config: &Config,
        folder: Option<&Path>,
    ) -> Result<Option<Self>> {
        let Some(asked) = config.pseudonyms else { return Ok(None) };
        let folder = folder.ok_or_else(|| {
            StageError::new(ErrorKind::Usage, "pseudonyms: no folder for their keys is named").hint(
                "pass --pseudonym-keys or set FORESITE_PSEUDONYM_KEYS: \
                     a local folder, away from the data root",
            )
        })?;
        let (months, folder) = (asked.epoch_months, Folder::new(folder));
        Ok(Some(Self { cx, months, folder, keys: BTreeMap::new() }))
    }

    /// Puts pseudonyms in the place of the names in the rows of a file.
    pub(crate) fn replace(
        &mut self,
        outcome: &mut Outcome,
        batches: &mut [TableBatch],
    ) -> Result<()> {
        if names_people(&outcome.kind).is_some() {
            forget_quotes(outcome);
        }
        for rows in batches {
            if let Some(column) = names_people(&rows.table.name) {
                rows.batch = self.replaced(&rows.batch, column, outcome)?;
            }
        }
        Ok(())
    }

    fn replaced(
        &mut self,
        batch: &RecordBatch,
        column: &str,
        outcome: &mut Outcome,
    ) -> Result<RecordBatch> {
        // The batch has the schema of the table.
        let names = batch[column].as_string::<i32>();
        let is_named = |row: usize| names.is_valid(row) && !names.value(row).trim().is_empty();
        let rows = 0..batch.num_rows();
        if !rows.clone().any(is_named) {
            return Ok(batch.clone());
        }
        let known_at = batch["known_at"].as_primitive::<TimestampMicrosecondType>();
        let marks = batch.column_by_name(MARK).map(|ids| ids.as_string::<i32>());
        let mut people: Vec<Option<String>> = Vec::with_capacity(batch.num_rows());
        let mut ids: Vec<Option<String>> = Vec::with_capacity(batch.num_rows());
        let mut seen = BTreeMap::new();
        for row in rows {
            let id = marks.map(|marks| marks.value(row));
            let epoch = Epoch::of(known_at.value(row), self.months);
            let (person, id) = if !is_named(row) {
                (None, id.map(str::to_owned))
            } else if let Some(key) = self.key(epoch)? {
                (Some(key.person(epoch, names.value(row))), id.map(|id| key.mark(id)))
            } else {
                outcome.names_erased += 1;
                let id = id.map(|_| nobodys(batch, row, &mut seen)).transpose()?;
                (Some(epoch.erased()), id)
            };
            people.push(person);
            ids.push(id);
        }
        let mut columns = batch.columns().to_vec();
        columns[batch.schema().index_of(column)?] = Arc::new(StringArray::from(people));
        if marks.is_some() {
            columns[batch.schema().index_of(MARK)?] = Arc::new(StringArray::from(ids));
        }
        Ok(RecordBatch::try_new(batch.schema(), columns)?)
    }

    /// The key of an epoch; `None` where it was erased.
    fn key(&mut self, epoch: Epoch) -> Result<Option<&Key>> {
        let key = match self.keys.remove(&epoch) {
            Some(known) => known,
            None => self.find(epoch)?,
        };
        Ok(self.keys.entry(epoch).or_insert(key).as_ref())
    }

    fn find(&self, epoch: Epoch) -> Result<Option<Key>> {
        // In this order: a key is there before it is registered, and an erasure is written down
        // before its key is destroyed.
        let registered = register::key_id(self.cx.root(), epoch)?;
        let found = self.folder.find(epoch)?;
        if register::is_erased(self.cx.root(), epoch)? {
            tracing::warn!(%epoch, "the epoch was erased: whom late facts name stays unnamed");
            return Ok(None);
        }
        let key = match (found, registered) {
            (Found::Key(key), _) => key,
            (Found::Destroyed, _) => {
                return Err(self.lost(epoch, "destroyed, and no erasure says so"));
            }
            (Found::Nothing, Some(id)) => {
                return Err(self.lost(epoch, &format!("not there, and its key {id} is in use")));
            }
            (Found::Nothing, None) if self.cx.is_dry_run() => return Ok(Some(Key::new([0; 32]))),
            (Found::Nothing, None) => self.made(epoch)?,
        };
        if !self.cx.is_dry_run() {
            register::enter(self.cx.root(), epoch, &key)?;
        }
        Ok(Some(key))
    }

    fn made(&self, epoch: Epoch) -> Result<Key> {
        self.folder.make(epoch)?;
        let path = self.folder.file(epoch);
        tracing::info!(%epoch, path = %path.display(), "an epoch begins: made its key");
        match self.folder.find(epoch)? {
            Found::Key(key) => Ok(key),
            _ => Err(self.lost(epoch, "gone as soon as it was made")),
        }
    }

    fn lost(&self, epoch: Epoch, what: &str) -> StageError {
        let message = format!("key {}: {what}", self.folder.file(epoch).display());
        StageError::new(ErrorKind::Missing, message).hint(format!(
            "name the folder that holds it, or restore it from its back-up; \
             if it is lost for good: foresite-maintain --step erase --epoch {epoch} \
             --person WHO --reason TEXT --force"
        ))
    }
}

/// Takes out what the reasons quote of a file of people, and its lines as they were read: where
/// columns are swapped, or the line of their names is missing, a name stands in them.
fn forget_quotes(outcome: &mut Outcome) {
    let is_row = outcome.state == State::Taken;
    for entry in &mut outcome.rejected {
        entry.sample.clear();
        entry.reason = unquoted(&entry.reason, is_row);
    }
    outcome.reason = outcome.reason.take().map(|reason| unquoted(&reason, false));
}

/// A reason without the names of the file's columns, of a row also without its values. What the
/// reason of a whole file says between backticks comes from the mapping.
fn unquoted(reason: &str, is_row: bool) -> String {
    let reason = reason.split_once(", which has ").map_or(reason, |(what, _)| what);
    match (reason.split_once('`'), reason.rsplit_once('`')) {
        (Some((before, _)), Some((_, after))) if is_row => format!("{before}`…`{after}"),
        _ => reason.to_owned(),
    }
}

/// The column of a table that names people.
fn names_people(table: &str) -> Option<&'static str> {
    raw::PEOPLE.into_iter().find(|(name, _)| *name == table).map(|(_, column)| column)
}

/// An id of a mark that no name went into: what it says, and how many of its file said so before.
/// The same mark in another file gets the same one, or each full export would mark once more.
fn nobodys(batch: &RecordBatch, row: usize, seen: &mut BTreeMap<String, u32>) -> Result<String> {
    let mut said = String::new();
    for column in SAID.into_iter().filter_map(|name| batch.column_by_name(name)) {
        said.push_str(&array_value_to_string(column, row)?);
        said.push('\0');
    }
    let before = seen.entry(said.clone()).or_default();
    let mut id = sha256_hex(format!("{said}{before}").as_bytes());
    *before += 1;
    id.truncate(MARK_DIGITS);
    Ok(id)
}
