//! Comparing what a computation gives with what was published of the same slot, value for value.
//!
//! Values are all columns but those that say when and by which run a row was written; two versions of
//! a fact that agree in them are one version to [`Table::replace`] as well.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use arrow::row::Rows;

use crate::slot::{Micros, Slot};
use crate::versions::{self, encode, is_value};
use crate::{Read, Result, Table, sha256_hex, write};

/// What was published of a slot beside what was computed of it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The published rows.
    pub published: Digest,
    /// The computed ones.
    pub computed: Digest,
    /// Keys that only the published rows have.
    pub missing: u64,
    /// Keys that only the computed rows have.
    pub added: u64,
    /// Keys whose values differ.
    pub changed: u64,
    /// Columns in which they do.
    pub columns: BTreeSet<String>,
}

impl Comparison {
    /// Whether both say the same, to the last bit.
    pub fn is_equal(&self) -> bool {
        self.published == self.computed
    }
}

/// What rows say, whatever their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Number of rows.
    pub rows: u64,
    /// SHA-256 over their values in the order of their keys, as hexadecimal digits. It compares rows
    /// within one run; other releases may encode values otherwise.
    pub sha256: String,
}

impl Table {
    /// Compares `batch` with the rows of the slot as they were known at `as_of`. Nothing is written.
    ///
    /// # Errors
    /// `BadData` for a batch that is not of this table; storage errors.
    pub fn compare(&self, slot: &Slot, batch: &RecordBatch, as_of: Micros) -> Result<Comparison> {
        let keys = self.version_keys();
        let published = self.read(&Read::of_slot(slot).as_of(as_of))?;
        let computed = write::conform(batch, self.def(), &published.schema())?;
        compare(&published, &versions::resolve(&computed, &keys)?, &keys)
    }
}

/// Both batches hold one row a key, sorted by key.
fn compare(published: &RecordBatch, computed: &RecordBatch, keys: &[String]) -> Result<Comparison> {
    let is_key = |name: &str| keys.iter().any(|key| key == name);
    let mut comparison = Comparison {
        published: digest(&encode(published, is_value)?),
        computed: digest(&encode(computed, is_value)?),
        missing: 0,
        added: 0,
        changed: 0,
        columns: BTreeSet::new(),
    };
    if comparison.is_equal() {
        return Ok(comparison);
    }
    let (then, now) = (encode(published, is_key)?, encode(computed, is_key)?);
    let now: BTreeMap<&[u8], usize> =
        now.iter().enumerate().map(|(row, key)| (key.data(), row)).collect();
    let pairs: Vec<(usize, usize)> = then
        .iter()
        .enumerate()
        .filter_map(|(row, key)| Some((row, *now.get(key.data())?)))
        .collect();
    comparison.missing = (published.num_rows() - pairs.len()) as u64;
    comparison.added = (computed.num_rows() - pairs.len()) as u64;
    let mut changed = BTreeSet::new();
    for field in published.schema().fields().iter().filter(|field| is_value(field.name())) {
        let is_this = |name: &str| name == field.name();
        let (then, now) = (encode(published, is_this)?, encode(computed, is_this)?);
        let differ = |pair: &&(usize, usize)| then.row(pair.0) != now.row(pair.1);
        let rows: Vec<usize> = pairs.iter().filter(differ).map(|pair| pair.0).collect();
        if !rows.is_empty() {
            comparison.columns.insert(field.name().clone());
            changed.extend(rows);
        }
    }
    comparison.changed = changed.len() as u64;
    Ok(comparison)
}

fn digest(rows: &Rows) -> Digest {
    let mut sorted: Vec<&[u8]> = rows.iter().map(|row| row.data()).collect();
    sorted.sort_unstable();
    Digest { rows: sorted.len() as u64, sha256: sha256_hex(&sorted.concat()) }
}
