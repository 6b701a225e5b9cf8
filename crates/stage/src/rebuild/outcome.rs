//! What came of rebuilding, and what the log and the result say of it.

mod rows;

use std::collections::{BTreeMap, BTreeSet};

use foresite_tables::Comparison;
use serde_json::Value as Json;

pub(super) use rows::rows;

use super::Published;
use crate::interval::stamp;
use crate::{Lineage, Report};

/// What is said of a table that is not compared.
pub(super) const NEWER: &str =
    "not there when this was published, by another release: not compared";

/// One table of a computation, all its slots together.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Compared {
    pub(super) table: String,
    /// It came after the computation: there is nothing to compare with.
    pub(super) is_left_out: bool,
    published: Side,
    computed: Side,
    /// Keys that are missing, added or changed.
    differing: u64,
    columns: BTreeSet<String>,
}

/// Rows, and the hashes of their slots one after the other.
#[derive(Debug, Clone, Default, PartialEq)]
struct Side {
    rows: u64,
    digests: String,
}

impl Compared {
    pub(super) fn new(table: &str, first: &Comparison) -> Self {
        let mut one = Self { table: table.to_owned(), ..Self::default() };
        one.add(first);
        one
    }

    pub(super) fn left_out(table: &str) -> Self {
        Self { table: table.to_owned(), is_left_out: true, ..Self::default() }
    }

    pub(super) fn add(&mut self, slot: &Comparison) {
        for (side, digest) in
            [(&mut self.published, &slot.published), (&mut self.computed, &slot.computed)]
        {
            side.rows += digest.rows;
            side.digests.push_str(&digest.sha256);
        }
        self.differing += slot.missing + slot.added + slot.changed;
        self.columns.extend(slot.columns.iter().cloned());
    }

    fn is_equal(&self) -> bool {
        self.published == self.computed
    }

    /// What is different, or why nothing is, as a sentence.
    fn detail(&self) -> Option<String> {
        if self.is_left_out {
            return Some(format!("{}: {NEWER}", self.table));
        }
        let columns: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        let place = match columns.is_empty() {
            true => String::new(),
            false => format!(" in {}", columns.join(", ")),
        };
        let (differing, rows) = (self.differing, self.published.rows);
        let sentence = || format!("{}: {differing} of {rows} rows differ{place}", self.table);
        (!self.is_equal()).then(sentence)
    }
}

/// What came of one computation.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) published: Published,
    compared: Vec<Compared>,
    /// Parts of its identity that are others now: `revision`, `as_of`, `reads.<table>`.
    other: Vec<String>,
    failure: Option<String>,
}

impl Outcome {
    pub(super) fn new(published: Published, now: Option<Lineage>, compared: Vec<Compared>) -> Self {
        let other = now.map(|now| differences(published.document(), &now.document));
        // A computation that wrote nothing this time has not repeated what it wrote.
        let is_silent = compared.iter().all(|one| one.is_left_out);
        let failure = is_silent.then(|| "it gives nothing any more".to_owned());
        Self { published, compared, other: other.unwrap_or_default(), failure }
    }

    pub(super) fn failed(published: Published, why: String) -> Self {
        Self { published, compared: Vec::new(), other: Vec::new(), failure: Some(why) }
    }

    fn is_equal(&self) -> bool {
        self.failure.is_none() && self.compared.iter().all(Compared::is_equal)
    }

    /// What is different, as a sentence.
    fn detail(&self) -> Option<String> {
        let compared = self.compared.iter().filter_map(Compared::detail);
        let parts: Vec<String> = self.failure.iter().cloned().chain(compared).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    fn warn(&self) {
        tracing::warn!(
            lineage_id = self.published.lineage_id,
            interval = %self.published.interval,
            other = self.other.join(","),
            "not as published: {}",
            self.detail().unwrap_or_default()
        );
    }
}

/// Parts in which two lineage documents differ.
fn differences(then: &Json, now: &Json) -> Vec<String> {
    let mut found = Vec::new();
    for part in ["revision", "configuration", "as_of"] {
        if then[part] != now[part] {
            found.push(part.to_owned());
        }
    }
    let kinds = [then, now].into_iter().filter_map(|document| document["reads"].as_object());
    let kinds: BTreeSet<&String> = kinds.flat_map(|reads| reads.keys()).collect();
    let differ = |kind: &&&String| then["reads"][kind.as_str()] != now["reads"][kind.as_str()];
    found.extend(kinds.iter().filter(differ).map(|kind| format!("reads.{kind}")));
    found
}

/// Counts for the result; a line of the log for each that is not as it was.
pub(super) fn tell(outcomes: &[Outcome], report: &mut Report) {
    let different: Vec<&Outcome> = outcomes.iter().filter(|one| !one.is_equal()).collect();
    different.iter().for_each(|one| one.warn());
    report.verdict = Some(
        match (outcomes.is_empty(), different.is_empty()) {
            (true, _) => "nothing_published",
            (false, true) => "equal",
            (false, false) => "different",
        }
        .into(),
    );
    report.number("computations", outcomes.len());
    report.number("different", different.len());
    report.number(
        "other_code",
        outcomes.iter().filter(|one| one.other.iter().any(|part| part == "revision")).count(),
    );
    count_rows(outcomes, report);
    if let Some(first) = different.first() {
        let start = stamp(first.published.interval.start);
        report
            .number("first_different", format!("{start}: {}", first.detail().unwrap_or_default()));
    }
}

/// Rows that were compared, by table, and tables that were not.
fn count_rows(outcomes: &[Outcome], report: &mut Report) {
    let (left_out, compared): (Vec<&Compared>, Vec<&Compared>) =
        outcomes.iter().flat_map(|one| &one.compared).partition(|one| one.is_left_out);
    if !left_out.is_empty() {
        report.number("not_compared", left_out.len());
    }
    let mut rows: BTreeMap<&str, u64> = BTreeMap::new();
    for compared in compared {
        *rows.entry(&compared.table).or_default() += compared.published.rows;
    }
    for (table, rows) in rows {
        report.number(&format!("{table}_rows"), rows);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_parts_that_are_others_are_named() {
        let then = json!({"revision": "a", "configuration": {"x": 1}, "as_of": 5,
            "reads": {"kpis": ["1", "2"], "model": ["m"]}});
        let now = json!({"revision": "b", "configuration": {"x": 1}, "as_of": 5,
            "reads": {"kpis": ["1", "3"], "model": ["m"], "alarms": ["f"]}});
        assert_eq!(differences(&then, &now), ["revision", "reads.alarms", "reads.kpis"]);
        assert_eq!(differences(&then, &then), Vec::<String>::new());
    }
}
