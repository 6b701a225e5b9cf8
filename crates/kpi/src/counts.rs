//! What was met while reading counters: the numbers behind the result and the log.

use std::collections::{BTreeMap, BTreeSet};

/// What was met while reading.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    /// Rows read.
    pub rows: u64,
    /// Rows whose object belongs to no entity.
    pub unmapped_rows: u64,
    /// Up to 20 of these objects.
    pub unmapped_objects: BTreeSet<String>,
    /// Rows that the element marked as suspect.
    pub suspect_rows: u64,
    /// Rows that validate forbade.
    pub nulled_rows: u64,
    /// Rows of a period longer than an hour, or of no length; they are left out.
    pub odd_period_rows: u64,
    /// Values outside the catalogue's range, by counter.
    pub out_of_range: BTreeMap<String, u64>,
    /// Rows that held a counter nobody knows, by counter.
    pub unknown_counters: BTreeMap<String, u64>,
}
