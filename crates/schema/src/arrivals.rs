//! Which expected measurement files did not come, and which files came and could not be read, by the
//! rows of `ingest_ledger`: what `monitor`, `advise` and the console mean by missing and quarantined.
//!
//! Ingest writes a row for every period that an element owes when it is due. A file that comes
//! later does not take that row away: it brings the period after all. It writes a row for every path
//! at which bytes lie that it could not read: copies say nothing more than their original.

use std::collections::{BTreeMap, BTreeSet};

/// Periods that were expected and did not come, by element. Times are microseconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missing(BTreeMap<String, BTreeSet<i64>>);

impl Missing {
    /// A row with the state `missing`.
    pub fn note(&mut self, element: &str, start: i64) {
        self.0.entry(element.to_owned()).or_default().insert(start);
    }

    /// A file that was taken: every period that begins in `[start, end)` came after all, or the one
    /// at `start` where the file names no end. To be called after all of [`Missing::note`].
    pub fn came(&mut self, element: &str, start: i64, end: Option<i64>) {
        if let Some(starts) = self.0.get_mut(element) {
            let end = end.unwrap_or(start + 1);
            starts.retain(|at| !(start..end).contains(at));
        }
    }

    /// Whether every period came.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// How many did not.
    pub fn count(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    /// Elements, and when the periods begin that they owe; none for one whose files came after all.
    pub fn of_elements(&self) -> impl Iterator<Item = (&str, &BTreeSet<i64>)> {
        self.0.iter().map(|(element, starts)| (element.as_str(), starts))
    }
}

/// Files that could not be read, by the sha256 of their bytes. Times are microseconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetAside(BTreeMap<String, i64>);

impl SetAside {
    /// A row with the state `quarantined`: its `file_id` and `period_start`.
    pub fn note(&mut self, file_id: &str, start: i64) {
        let first = self.0.entry(file_id.to_owned()).or_insert(start);
        *first = start.min(*first);
    }

    /// How many there are; a file and its copies are one.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The earliest start of each, of whichever copy it is.
    pub fn starts(&self) -> impl Iterator<Item = i64> {
        self.0.values().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_its_copies_are_set_aside_once() {
        let mut files = SetAside::default();
        for (file, start) in [("a", 30), ("b", 20), ("a", 10), ("a", 40)] {
            files.note(file, start);
        }
        assert_eq!(files.count(), 2);
        assert_eq!(files.starts().collect::<Vec<_>>(), [10, 20], "where the first copy stands");
    }

    #[test]
    fn a_file_brings_every_period_that_begins_in_its_own() {
        let mut missing = Missing::default();
        for start in [0, 15, 30, 45, 60] {
            missing.note("N001", start);
        }
        missing.note("N002", 0);
        missing.note("N002", 0);
        assert_eq!(missing.count(), 6, "a period that is noted twice is one");
        // An hour of the first, a file without an end of the second, one of somebody else.
        missing.came("N001", 0, Some(60));
        missing.came("N002", 0, None);
        missing.came("N003", 0, Some(60));
        let left: Vec<_> = missing.of_elements().map(|(name, of)| (name, of.len())).collect();
        assert_eq!(left, [("N001", 1), ("N002", 0)]);
        assert!(!missing.is_empty());
        missing.came("N001", 60, None);
        assert!(missing.is_empty());
    }
}
