//! What an erasure reaches: rows that carry pseudonyms of the epoch, and landed files.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::TimestampMicrosecondType;
use foresite_pseudonyms::Epoch;
use foresite_schema::catalog::{self, raw};
use foresite_stage::{Context, ErrorKind, Result, StageError};
use foresite_tables::{Read, date_of};

use super::landed::Landed;
use crate::holds::Hold;

/// Where a row that was set aside says what it said.
const SET_ASIDE: (&str, &str) = ("quarantine", "sample");

/// Rows of one table.
#[derive(Default)]
struct Rows {
    count: u64,
    /// Days of their time column, since the epoch of Unix.
    days: BTreeSet<i32>,
    /// sha256 of the files that they came from.
    files: BTreeSet<String>,
    /// sha256 of the files that any row of the table came from.
    present: BTreeSet<String>,
}

/// What an erasure reaches.
pub(super) struct Reach {
    tables: BTreeMap<&'static str, Rows>,
    pub(super) landed: Landed,
}

impl Reach {
    /// Looks through the tables that name people.
    pub(super) fn find(cx: &Context, epoch: Epoch) -> Result<Self> {
        let (mut tables, mut present) = (BTreeMap::new(), BTreeSet::new());
        for (name, column) in raw::PEOPLE.into_iter().chain([SET_ASIDE]) {
            let mut rows = rows(cx, name, column, &epoch.prefix())?;
            // A row that was set aside does not say what became of the others of its file.
            if name != SET_ASIDE.0 {
                present.append(&mut rows.present);
            }
            if rows.count > 0 {
                tables.insert(name, rows);
            }
        }
        let ids: BTreeSet<&str> =
            tables.values().flat_map(|rows| &rows.files).map(String::as_str).collect();
        let landed = Landed::find(cx, epoch, &ids, &present)?;
        Ok(Self { tables, landed })
    }

    /// Tables with their rows.
    pub(super) fn tables(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.tables.iter().map(|(name, rows)| (*name, rows.count))
    }

    /// sha256 of the files whose marks models may have learnt from.
    pub(super) fn marks(&self) -> BTreeSet<&str> {
        let feedback = self.tables.get("feedback");
        feedback.into_iter().flat_map(|rows| &rows.files).map(String::as_str).collect()
    }

    /// Whether no hold covers one of the rows.
    ///
    /// # Errors
    /// `Usage` where one does.
    pub(super) fn require_unheld(&self, holds: &[Hold]) -> Result<()> {
        for (name, rows) in &self.tables {
            let mut of_table = holds.iter().filter(|hold| hold.names(name));
            if let Some(hold) = of_table.find(|hold| rows.is_held(hold)) {
                let (owner, reason) = (hold.owner.as_str(), hold.reason.as_str());
                let days = hold.scope().1;
                let message = format!("table `{name}`: {owner} holds {days}: {reason}");
                return Err(StageError::new(ErrorKind::Usage, message)
                    .hint("nothing was erased; end the hold first, or wait until it ends"));
            }
        }
        Ok(())
    }
}

impl Rows {
    fn is_held(&self, hold: &Hold) -> bool {
        let held = hold.days();
        self.days.iter().any(|day| {
            held.from.is_none_or(|from| *day >= from)
                && held.until.is_none_or(|until| *day <= until)
        })
    }
}

/// All versions of the rows of a table whose column holds a pseudonym.
fn rows(cx: &Context, name: &str, column: &str, prefix: &str) -> Result<Rows> {
    let mut found = Rows::default();
    let Some(def) = catalog::find(name) else { return Ok(found) };
    let time = def.time.clone().unwrap_or_default();
    let Some(table) = cx.root().find(def)? else { return Ok(found) };
    for batch in table.scan(&Read::all().columns([column, &time, "file_id"]))? {
        cx.check_stop()?;
        let batch = batch?;
        let (texts, files) =
            (batch[column].as_string::<i32>(), batch["file_id"].as_string::<i32>());
        let times = batch[time.as_str()].as_primitive::<TimestampMicrosecondType>();
        for file in files.iter().flatten() {
            if !found.present.contains(file) {
                found.present.insert(file.to_owned());
            }
        }
        let is_ours = |row: &usize| texts.is_valid(*row) && texts.value(*row).contains(prefix);
        for row in (0..batch.num_rows()).filter(is_ours) {
            found.count += 1;
            found.days.insert(date_of(times.value(row)));
            found.files.insert(files.value(row).to_owned());
        }
    }
    Ok(found)
}
