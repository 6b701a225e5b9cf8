//! What goes into a mapping and what comes out.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use bytes::Bytes;
use foresite_schema::TableDef;

use super::frame::Frame;
use super::pattern::Captures;
use super::spec::Role;
use super::value::Rejects;
use crate::{Limits, Micros};

/// Rejected rows that are described one by one; the rest is counted by reason.
const DESCRIBED: usize = 100;

/// A path that belongs to a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    pub(super) source: usize,
    /// What the captures of the path held.
    pub captures: Captures,
    /// Part that the set's authors gave the file.
    pub role: Option<Role>,
    /// Files that must be brought along, below the same folder.
    pub joined: Vec<String>,
}

/// A file with what is needed to read it.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    /// Path below the landing folder; its end tells the format.
    pub path: &'a str,
    /// The file as it lies there.
    pub bytes: Bytes,
    /// The files of [`Match::joined`], in that order.
    pub joined: &'a [Bytes],
    /// Bounds on the unpacked size.
    pub limits: Limits,
}

/// What every row carries about its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// sha256 of the file.
    pub file_id: String,
    /// Plan that took the file.
    pub plan: String,
    /// When rows of live files could be known: the as-of of the plan.
    pub known_at: Micros,
    /// When the file is loaded.
    pub ingested_at: Micros,
    /// Lineage of the rows.
    pub lineage_id: String,
    /// Buckets of the tables.
    pub buckets: u32,
}

/// Rows of one table.
#[derive(Debug, Clone)]
pub struct TableBatch {
    /// The table, with the columns that the mapping adds.
    pub table: TableDef,
    /// Rows in its exact schema.
    pub batch: RecordBatch,
}

/// Rows that were set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Line or row of the file.
    pub place: String,
    /// What was wrong.
    pub reason: String,
    /// Up to 200 characters of the row.
    pub sample: String,
    /// Rows that this entry stands for.
    pub rows: u64,
}

/// A file after mapping.
#[derive(Debug, Clone)]
pub struct Mapped {
    /// Rows per table, the target first; `inventory` and `labels` where the mapping speaks of them.
    pub batches: Vec<TableBatch>,
    /// Rows of the file that the mapping speaks of.
    pub rows_read: u64,
    /// Rows of the file that reached a table.
    pub rows_written: u64,
    /// Rows of channels that are not declared and were passed over; not in `rows_read`.
    pub rows_skipped: u64,
    /// Rows that were set aside.
    pub rejected: Vec<Rejected>,
}

impl Mapped {
    /// Counts the rows, and describes those that were set aside.
    pub(super) fn account(
        frame: &Frame,
        batches: Vec<TableBatch>,
        rows_skipped: u64,
        (rejects, unread): (&Rejects, Vec<Rejected>),
    ) -> Self {
        let mut rejected = unread;
        let unread_rows: u64 = rejected.iter().map(|entry| entry.rows).sum();
        let rows_read = frame.rows() as u64 + unread_rows - rows_skipped;
        let rows_written = frame.rows() as u64 - rows_skipped - rejects.len() as u64;
        let mut further = BTreeMap::new();
        for (index, (row, reason)) in rejects.iter().enumerate() {
            if index < DESCRIBED {
                let (place, sample) = (frame.place(row), frame.sample(row));
                rejected.push(Rejected { place, reason: reason.to_owned(), sample, rows: 1 });
            } else {
                *further.entry(reason).or_insert(0) += 1;
            }
        }
        rejected.extend(further.into_iter().map(|(reason, rows)| Rejected {
            place: "further rows".into(),
            reason: reason.to_owned(),
            sample: String::new(),
            rows,
        }));
        Self { batches, rows_read, rows_written, rows_skipped, rejected }
    }
}
