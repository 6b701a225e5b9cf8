//! Comparing what a computation gives with what was published, version for version, value for value.
//!
//! A version of a fact is its key and when it became known; its values are all other columns but those
//! that say when and by which run the row was written. Two versions in a row with equal values are one,
//! as they are to [`Table::replace`].

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, AsArray as _, RecordBatch, TimestampMicrosecondArray, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{Schema, TimestampMicrosecondType};
use arrow::row::Rows;
use foresite_schema::TableDef;

use crate::slot::{Micros, Slot};
use crate::versions::{self, Stamp, encode, is_value};
use crate::{Error, ErrorKind, Read, Result, Table, sha256_hex, write};

/// What was published of a slot beside what was computed of it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The published versions.
    pub published: Digest,
    /// The computed ones.
    pub computed: Digest,
    /// Versions that were published and not computed.
    pub missing: u64,
    /// Versions that were computed and not published.
    pub added: u64,
    /// Versions whose values differ.
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
    /// SHA-256 over keys, times and values in their order, as hexadecimal digits. It compares rows within
    /// one run; other releases may encode values otherwise.
    pub sha256: String,
}

impl Table {
    /// Compares `batch`, the rows of a slot that a computation gives at the clock `as_of`, with
    /// what the table says: each computed version with the one that is seen at its time, and
    /// whatever else the table has from `lineage_id` up to that clock with the computed ones. A
    /// column of the definition that is not stored, because a newer release knows more of them, is
    /// left out. Nothing is written.
    ///
    /// # Errors
    /// `BadData` for a batch that is not of this table; storage errors.
    pub fn compare(
        &self,
        slot: &Slot,
        batch: &RecordBatch,
        (lineage_id, as_of): (&str, Micros),
    ) -> Result<Comparison> {
        let keys = self.version_keys();
        let table = self.read_all(&Read::of_slot(slot).as_of(as_of))?;
        let batch = stored(batch, self.def(), &table.schema())?;
        let batch = write::conform(&batch, self.def(), &table.schema())?;
        // What replacing an empty slot would leave: repeated versions are one.
        let stamp = Stamp { as_of, ingested_at: as_of, lineage_id: lineage_id.to_owned() };
        let nothing = RecordBatch::new_empty(table.schema());
        let computed = versions::merge(&nothing, &batch, &keys, self.def(), &stamp)?;
        compare(&Versions::of(&table, &keys)?, &Versions::of(&computed, &keys)?, lineage_id, as_of)
    }
}

/// Rows without the columns that the definition has and the table lacks.
fn stored(batch: &RecordBatch, def: &TableDef, schema: &Schema) -> Result<RecordBatch> {
    let is_newer = |name: &str| def.column(name).is_some() && schema.index_of(name).is_err();
    let fields = batch.schema();
    let kept = fields.fields().iter().enumerate().filter(|(_, field)| !is_newer(field.name()));
    let kept: Vec<usize> = kept.map(|(at, _)| at).collect();
    Ok(batch.project(&kept)?)
}

/// Rows with their place in the history of their key.
struct Versions<'a> {
    rows: &'a RecordBatch,
    keys: Rows,
    values: Rows,
    known_at: &'a TimestampMicrosecondArray,
}

/// Key and time of a version.
type Version = (Vec<u8>, Micros);

impl<'a> Versions<'a> {
    fn of(rows: &'a RecordBatch, keys: &[String]) -> Result<Self> {
        let known_at = rows
            .column_by_name("known_at")
            .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>())
            .ok_or_else(|| Error::new(ErrorKind::BadData, "no column `known_at` of times"))?;
        Ok(Self {
            rows,
            keys: encode(rows, |name| keys.iter().any(|key| key == name))?,
            values: encode(rows, is_value)?,
            known_at,
        })
    }

    fn len(&self) -> usize {
        self.rows.num_rows()
    }

    fn is_dead(&self, row: usize) -> bool {
        let dead = self.rows.column_by_name("tombstone").and_then(|column| column.as_boolean_opt());
        dead.is_some_and(|dead| dead.value(row))
    }

    fn is_from(&self, row: usize, lineage_id: &str) -> bool {
        let ids = self.rows.column_by_name("lineage_id");
        let ids = ids.and_then(|column| column.as_string_opt::<i32>());
        ids.is_some_and(|ids| ids.is_valid(row) && ids.value(row) == lineage_id)
    }

    fn version(&self, row: usize) -> Version {
        (self.keys.row(row).data().to_vec(), self.known_at.value(row))
    }

    /// Rows by key and time; of two that were written for one time the later one.
    fn index(&self) -> BTreeMap<Version, usize> {
        (0..self.len()).map(|row| (self.version(row), row)).collect()
    }

    fn take(&self, rows: &[usize]) -> Result<RecordBatch> {
        let rows = UInt32Array::from_iter_values(rows.iter().map(|row| *row as u32));
        Ok(take_record_batch(self.rows, &rows)?)
    }
}

/// Pairs the computed versions up to the clock with the published ones.
fn compare(
    table: &Versions<'_>,
    computed: &Versions<'_>,
    lineage_id: &str,
    as_of: Micros,
) -> Result<Comparison> {
    let index = table.index();
    let (mut pairs, mut added) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for row in (0..computed.len()).filter(|row| computed.known_at.value(*row) <= as_of) {
        let version = computed.version(row);
        let visible = index.range((version.0.clone(), Micros::MIN)..=version.clone()).next_back();
        match visible.map(|(_, there)| *there).filter(|there| !table.is_dead(*there)) {
            Some(there) => {
                seen.insert(there);
                pairs.push((version, there, row));
            }
            None => added.push((version, row)),
        }
    }
    let is_missing = |row: &usize| {
        !seen.contains(row) && !table.is_dead(*row) && table.is_from(*row, lineage_id)
    };
    let missing: Vec<usize> = (0..table.len()).filter(is_missing).collect();

    let there = pairs.iter().map(|(version, there, _)| (version, table.values.row(*there).data()));
    let missed: Vec<(Version, usize)> =
        missing.iter().map(|row| (table.version(*row), *row)).collect();
    let missed = missed.iter().map(|(version, row)| (version, table.values.row(*row).data()));
    let here = pairs.iter().map(|(version, _, row)| (version, computed.values.row(*row).data()));
    let more = added.iter().map(|(version, row)| (version, computed.values.row(*row).data()));
    let (changed, columns) = differing(table, computed, &pairs)?;
    Ok(Comparison {
        published: digest(there.chain(missed)),
        computed: digest(here.chain(more)),
        missing: missing.len() as u64,
        added: added.len() as u64,
        changed,
        columns,
    })
}

/// How many pairs differ, and in which columns.
fn differing(
    table: &Versions<'_>,
    computed: &Versions<'_>,
    pairs: &[(Version, usize, usize)],
) -> Result<(u64, BTreeSet<String>)> {
    let differ = |(_, there, row): &&(Version, usize, usize)| {
        table.values.row(*there).data() != computed.values.row(*row).data()
    };
    let changed: Vec<&(Version, usize, usize)> = pairs.iter().filter(differ).collect();
    let there = table.take(&changed.iter().map(|pair| pair.1).collect::<Vec<_>>())?;
    let here = computed.take(&changed.iter().map(|pair| pair.2).collect::<Vec<_>>())?;
    let mut columns = BTreeSet::new();
    for field in there.schema().fields().iter().filter(|field| is_value(field.name())) {
        let is_this = |name: &str| name == field.name();
        let (then, now) = (encode(&there, is_this)?, encode(&here, is_this)?);
        if then.iter().zip(now.iter()).any(|(then, now)| then.data() != now.data()) {
            columns.insert(field.name().clone());
        }
    }
    Ok((changed.len() as u64, columns))
}

fn digest<'a>(rows: impl Iterator<Item = (&'a Version, &'a [u8])>) -> Digest {
    let line = |((key, at), values): (&'a Version, &'a [u8])| {
        [key.as_slice(), &at.to_be_bytes(), values].concat()
    };
    let mut sorted: Vec<Vec<u8>> = rows.map(line).collect();
    sorted.sort_unstable();
    Digest { rows: sorted.len() as u64, sha256: sha256_hex(&sorted.concat()) }
}
