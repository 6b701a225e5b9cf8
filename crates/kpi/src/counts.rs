//! What was met while reading counters: the numbers behind the result and the log.

use std::collections::{BTreeMap, BTreeSet};

/// Examples that are kept of objects without an entity.
pub(crate) const MOST_EXAMPLES: usize = 20;

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

impl Counts {
    /// Adds what was met elsewhere.
    pub fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.unmapped_rows += other.unmapped_rows;
        self.suspect_rows += other.suspect_rows;
        self.nulled_rows += other.nulled_rows;
        self.odd_period_rows += other.odd_period_rows;
        for object in other.unmapped_objects {
            if self.unmapped_objects.len() < MOST_EXAMPLES {
                self.unmapped_objects.insert(object);
            }
        }
        for (name, count) in other.out_of_range {
            *self.out_of_range.entry(name).or_default() += count;
        }
        for (name, count) in other.unknown_counters {
            *self.unknown_counters.entry(name).or_default() += count;
        }
    }
}
