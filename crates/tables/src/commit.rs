//! Commits: a slot filled once, whole, against any number of other writers.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use serde_json::Value as Json;

use crate::filter;
use crate::log::{self, Change, StagedFile};
use crate::read::Read;
use crate::slot::{Micros, Relation, Slot};
use crate::snapshot::{DataFile, Snapshot, overlapping};
use crate::succession::Since;
use crate::table::COMMIT_ATTEMPTS;
use crate::versions::{self, Stamp};
use crate::{Error, ErrorKind, Result, Table, write};

/// Who commits, and what for.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Identity of the computation, hexadecimal.
    pub lineage_id: String,
    /// The run's clock.
    pub as_of: Micros,
    /// When the rows are written.
    pub ingested_at: Micros,
    /// Recompute even when the slot carries this lineage already.
    pub force: bool,
    /// Goes into the commit as `lineage`: stage, run and whatever helps people.
    pub note: Json,
}

impl Commit {
    /// The transaction version of this lineage: its low 63 bits.
    pub(crate) fn transaction_version(&self) -> Result<i64> {
        let start = self.lineage_id.len().saturating_sub(16);
        let tail = self.lineage_id.get(start..).unwrap_or_default();
        let bits = u64::from_str_radix(tail, 16).map_err(|_| {
            let message = format!("lineage id `{}`: not hexadecimal", self.lineage_id);
            Error::new(ErrorKind::Usage, message)
        })?;
        Ok((bits & (u64::MAX >> 1)) as i64)
    }
}

/// What a commit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Version of the table that holds the result.
    pub version: u64,
    /// The slot carried this lineage already; nothing was written.
    pub unchanged: bool,
    /// Rows written.
    pub rows: u64,
}

impl Outcome {
    fn unchanged(snapshot: &Snapshot) -> Self {
        Self { version: snapshot.version(), unchanged: true, rows: 0 }
    }

    fn of(version: u64, staged: &[StagedFile]) -> Self {
        Self { version, unchanged: false, rows: staged.iter().map(StagedFile::rows).sum() }
    }
}

impl Table {
    /// Appends rows to a raw or log table under the name of a slot; the same lineage twice is once.
    ///
    /// # Errors
    /// `BadData` for rows that do not fit; `Conflict` when a vacuum took the files meanwhile, which
    /// takes a pause of a day; storage errors.
    pub fn append(&self, slot: &Slot, batch: &RecordBatch, commit: &Commit) -> Result<Outcome> {
        let snapshot = self.snapshot_to_extend()?;
        if !commit.force && self.is_filled(&snapshot, slot, commit)? {
            return Ok(Outcome::unchanged(&snapshot));
        }
        let since = Since::now();
        let staged = self.stage_as(batch, &snapshot)?;
        self.commit_onto(snapshot, slot, (&staged, since), commit)
    }

    /// Makes staged files visible under the name of a slot; with `force`, rows that the slot
    /// already has are replaced.
    ///
    /// # Errors
    /// `Missing` when one of the files is not there any more; `Conflict` after many lost races;
    /// storage errors.
    pub fn commit_staged(
        &self,
        slot: &Slot,
        staged: &[StagedFile],
        commit: &Commit,
    ) -> Result<Outcome> {
        let snapshot = self.snapshot_to_extend()?;
        if !commit.force && self.is_filled(&snapshot, slot, commit)? {
            return Ok(Outcome::unchanged(&snapshot));
        }
        let since = Since::now();
        self.require_staged(staged)?;
        self.commit_onto(snapshot, slot, (staged, since), commit)
    }

    fn commit_onto(
        &self,
        mut snapshot: Arc<Snapshot>,
        slot: &Slot,
        (staged, since): (&[StagedFile], Since),
        commit: &Commit,
    ) -> Result<Outcome> {
        let mut replaced = Replaced::default();
        for attempt in 0..COMMIT_ATTEMPTS {
            if !commit.force && self.is_filled(&snapshot, slot, commit)? {
                return Ok(Outcome::unchanged(&snapshot));
            }
            if commit.force {
                let touched = self.touched_by_plan(&snapshot, slot)?;
                if !replaced.is_of(&touched) {
                    replaced = self.replaced(&snapshot, slot, touched)?;
                }
            }
            let gone: Vec<&DataFile> = replaced.gone.iter().collect();
            let files: Vec<StagedFile> = staged.iter().chain(&replaced.kept).cloned().collect();
            let actions = self.slot_actions(slot, &files, &gone, commit)?;
            if let Some(version) = self.publish_staged(snapshot, &actions, &files, since)? {
                return Ok(Outcome::of(version, staged));
            }
            self.back_off(attempt);
            snapshot = self.snapshot_to_extend()?;
        }
        Err(self.conflict("too many other writers"))
    }

    /// The files with rows of a slot whose columns the table has; without them nothing tells which
    /// rows are the slot's, and none are replaced.
    fn touched_by_plan(
        &self,
        snapshot: &Snapshot,
        slot: &Slot,
    ) -> Result<Vec<(DataFile, Relation)>> {
        let has_columns = slot.equals.keys().all(|name| snapshot.schema.index_of(name).is_ok());
        if has_columns { self.touched(snapshot, slot) } else { Ok(Vec::new()) }
    }

    /// Takes the rows of the slot out of the files that have any: compacted files hold those of
    /// several plans.
    fn replaced(
        &self,
        snapshot: &Snapshot,
        slot: &Slot,
        touched: Vec<(DataFile, Relation)>,
    ) -> Result<Replaced> {
        let mut replaced = Replaced::default();
        for (file, relation) in touched {
            replaced.touched.insert(file.path.clone());
            if relation == Relation::Overlaps {
                let files = std::slice::from_ref(&file);
                let rows = self.read_files(files, &snapshot.schema, &Read::all())?;
                let outside = self.outside(slot, &rows)?;
                if outside.num_rows() == rows.num_rows() {
                    continue;
                }
                replaced.kept.extend(self.stage_as(&outside, snapshot)?);
            }
            replaced.gone.push(file);
        }
        Ok(replaced)
    }

    /// Replaces a slot of a derived table; superseded rows stay with their `known_at`.
    ///
    /// Files wholly inside the slot are replaced, files that reach over its edge are rewritten
    /// without those rows, all in one commit.
    ///
    /// # Errors
    /// `Conflict` when another writer changed a file of the slot meanwhile, or a vacuum took the new
    /// ones as in [`Table::append`]; `BadData`; storage errors.
    pub fn replace(&self, slot: &Slot, batch: &RecordBatch, commit: &Commit) -> Result<Outcome> {
        let mut snapshot = self.snapshot_to_extend()?;
        if !commit.force && self.is_filled(&snapshot, slot, commit)? {
            return Ok(Outcome::unchanged(&snapshot));
        }
        let since = Since::now();
        let touched = self.touched(&snapshot, slot)?;
        let staged = self.stage_replacement(&snapshot, slot, &touched, batch, commit)?;
        for attempt in 0..COMMIT_ATTEMPTS {
            let replaced: Vec<&DataFile> = touched.iter().map(|(file, _)| file).collect();
            let actions = self.slot_actions(slot, &staged, &replaced, commit)?;
            if let Some(version) = self.publish_staged(snapshot, &actions, &staged, since)? {
                return Ok(Outcome::of(version, &staged));
            }
            self.back_off(attempt);
            snapshot = self.snapshot_to_extend()?;
            if !commit.force && self.is_filled(&snapshot, slot, commit)? {
                return Ok(Outcome::unchanged(&snapshot));
            }
            if paths(&self.touched(&snapshot, slot)?) != paths(&touched) {
                return Err(self.conflict(&format!("slot {slot} was changed by another writer")));
            }
        }
        Err(self.conflict("too many other writers"))
    }

    fn touched(&self, snapshot: &Snapshot, slot: &Slot) -> Result<Vec<(DataFile, Relation)>> {
        Ok(overlapping(self.files(snapshot)?, slot, self.def().time.as_deref()))
    }

    /// Stages the slot's new rows merged with its old ones, and the rows of edge files outside it.
    fn stage_replacement(
        &self,
        snapshot: &Snapshot,
        slot: &Slot,
        touched: &[(DataFile, Relation)],
        batch: &RecordBatch,
        commit: &Commit,
    ) -> Result<Vec<StagedFile>> {
        let files: Vec<DataFile> = touched.iter().map(|(file, _)| file.clone()).collect();
        let old = self.read_files(&files, &snapshot.schema, &Read::of_slot(slot))?;
        let new = write::conform(batch, self.def(), &snapshot.schema)?;
        let stamp = Stamp {
            as_of: commit.as_of,
            ingested_at: commit.ingested_at,
            lineage_id: commit.lineage_id.clone(),
        };
        let merged = versions::merge(&old, &new, &self.version_keys(), self.def(), &stamp)?;
        let mut staged = self.stage_as(&merged, snapshot)?;
        let edge: Vec<DataFile> = touched
            .iter()
            .filter(|(_, relation)| *relation == Relation::Overlaps)
            .map(|(file, _)| file.clone())
            .collect();
        if !edge.is_empty() {
            let all = self.read_files(&edge, &snapshot.schema, &Read::all())?;
            staged.extend(self.stage_as(&self.outside(slot, &all)?, snapshot)?);
        }
        Ok(staged)
    }

    /// The rows of `batch` that do not belong to the slot.
    fn outside(&self, slot: &Slot, batch: &RecordBatch) -> Result<RecordBatch> {
        let inside = filter::slot_mask(slot, self.def().time.as_deref(), batch)?;
        Ok(arrow::compute::filter_record_batch(batch, &arrow::compute::not(&inside)?)?)
    }

    fn slot_actions(
        &self,
        slot: &Slot,
        staged: &[StagedFile],
        replaced: &[&DataFile],
        commit: &Commit,
    ) -> Result<Vec<Json>> {
        let mode = if replaced.is_empty() { "Append" } else { "Overwrite" };
        let note =
            serde_json::json!({"lineage_id": commit.lineage_id, "slot": slot, "note": commit.note});
        let mut actions = vec![log::commit_info("WRITE", mode, &note)];
        actions.push(log::transaction(&slot.app_id(), commit.transaction_version()?));
        actions.extend(replaced.iter().map(|file| log::remove(file, Change::Rows)));
        actions.extend(staged.iter().map(|file| file.add(Change::Rows)));
        Ok(actions)
    }

    pub(crate) fn back_off(&self, attempt: u32) {
        let jitter = uuid::Uuid::new_v4().as_u128() as u64 % (5 + 5 * u64::from(attempt.min(20)));
        std::thread::sleep(Duration::from_millis(jitter));
    }

    pub(crate) fn conflict(&self, why: &str) -> Error {
        Error::new(ErrorKind::Conflict, format!("table `{}`: {why}", self.def().name))
    }
}

/// What a forced commit takes away of the rows that its slot had.
#[derive(Default)]
struct Replaced {
    /// All files that were looked at.
    touched: BTreeSet<String>,
    /// Files to remove.
    gone: Vec<DataFile>,
    /// Their rows of other slots, staged anew.
    kept: Vec<StagedFile>,
}

impl Replaced {
    fn is_of(&self, touched: &[(DataFile, Relation)]) -> bool {
        self.touched == paths(touched)
    }
}

fn paths(files: &[(DataFile, Relation)]) -> BTreeSet<String> {
    files.iter().map(|(file, _)| file.path.clone()).collect()
}
