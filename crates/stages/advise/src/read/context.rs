//! `ingest_ledger` and `quality`: how complete the last day is.

use std::collections::BTreeMap;

use foresite_schema::arrivals::SetAside;
use foresite_schema::catalog::{derived, raw};
use foresite_stage::Result;
use foresite_tables::Read;

use super::{Reader, Rows};
use crate::clock::{DAY, Micros};
use crate::inputs::{Completeness, FailedRule};

/// Taken files of an element, as `[start, end)` of their periods.
type Spans = BTreeMap<String, Vec<(Micros, Micros)>>;

impl Reader<'_> {
    /// The ledger and the failed rules of the day before the cutoff.
    pub(super) fn completeness(&mut self) -> Result<Completeness> {
        let mut completeness = Completeness::default();
        let day = Read::all().period(self.cutoff - DAY, self.cutoff);
        if let Some(batch) = self.resolved(raw::ingest_ledger(), day.clone())? {
            count_files(&Rows::of(&batch), &mut completeness)?;
        }
        if let Some(batch) = self.resolved(derived::quality(), day)? {
            completeness.failed_rules = failed_rules(&Rows::of(&batch))?;
        }
        Ok(completeness)
    }
}

/// Counts ledger rows by state; a period that a late file brought after all is not missing, the copies
/// of a file that could not be read are not further files, and what a run left to the next one is none
/// yet: its line stays when that has read it.
fn count_files(rows: &Rows<'_>, completeness: &mut Completeness) -> Result<()> {
    let [state, element, file] = [rows.text("state")?, rows.text("ne_dn")?, rows.text("file_id")?];
    let (start, end) = (rows.times("period_start")?, rows.times("period_end")?);
    let mut taken = Spans::new();
    for row in (0..rows.len()).filter(|row| state.at(*row) == Some("taken")) {
        let from = start.required(row);
        taken.entry(element.owned(row)).or_default().push((from, end.at(row).unwrap_or(from + 1)));
    }
    let mut set_aside = SetAside::default();
    for row in 0..rows.len() {
        let word = state.at(row).unwrap_or_default();
        let name = element.owned(row);
        let at = start.required(row);
        if word == "waiting" {
            continue;
        }
        if word == "quarantined" {
            set_aside.note(file.at(row).unwrap_or_default(), at);
            continue;
        }
        if word == "missing" {
            let covers = |span: &(Micros, Micros)| span.0 <= at && at < span.1;
            if taken.get(&name).is_some_and(|spans| spans.iter().any(covers)) {
                continue;
            }
            *completeness.missing_by_element.entry(name).or_default() += 1;
        }
        *completeness.ledger.entry(word.to_owned()).or_default() += 1;
    }
    if set_aside.count() > 0 {
        completeness.ledger.insert("quarantined".to_owned(), set_aside.count() as u64);
    }
    Ok(())
}

/// Failed rules by rule and scope, the gravest and most frequent first.
fn failed_rules(rows: &Rows<'_>) -> Result<Vec<FailedRule>> {
    let [rule, scope, severity, verdict, detail] = [
        rows.text("rule")?,
        rows.text("scope")?,
        rows.text("severity")?,
        rows.text("verdict")?,
        rows.text("detail")?,
    ];
    let failed = rows.longs("failed")?;
    let mut by_rule: BTreeMap<(String, String), FailedRule> = BTreeMap::new();
    for row in (0..rows.len()).filter(|row| verdict.at(*row) == Some("fail")) {
        let entry = by_rule.entry((rule.owned(row), scope.owned(row))).or_default();
        entry.rule = rule.owned(row);
        entry.scope = scope.owned(row);
        entry.severity = severity.owned(row);
        entry.failed += failed.at(row).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        entry.detail = detail.owned(row);
    }
    let mut rules: Vec<FailedRule> = by_rule.into_values().collect();
    let gravity = |rule: &FailedRule| match rule.severity.as_str() {
        "halt" => 0,
        "null_rows" => 1,
        "warn" => 2,
        _ => 3,
    };
    rules.sort_by(|a, b| (gravity(a), b.failed).cmp(&(gravity(b), a.failed)));
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};

    use super::*;

    /// Rows of the ledger: state, sha256 of the file, start.
    fn ledger(files: &[(&str, Option<&str>, Micros)]) -> RecordBatch {
        let text = |values: Vec<Option<&str>>| Arc::new(StringArray::from(values)) as ArrayRef;
        let times = |values: Vec<Option<Micros>>| {
            let times = TimestampMicrosecondArray::from(values).with_timezone("UTC");
            Arc::new(times) as ArrayRef
        };
        RecordBatch::try_from_iter([
            ("state", text(files.iter().map(|file| Some(file.0)).collect())),
            ("ne_dn", text(vec![None; files.len()])),
            ("file_id", text(files.iter().map(|file| file.1).collect())),
            ("period_start", times(files.iter().map(|file| Some(file.2)).collect())),
            ("period_end", times(vec![None; files.len()])),
        ])
        .unwrap()
    }

    #[test]
    fn copies_of_a_file_that_could_not_be_read_are_not_further_files() {
        let files = [
            ("taken", Some("a"), 0),
            ("duplicate", Some("a"), 5),
            ("quarantined", Some("b"), 10),
            ("quarantined", Some("b"), 20),
            ("quarantined", Some("c"), 20),
            ("missing", None, 30),
            ("waiting", Some("a"), 0),
        ];
        let mut found = Completeness::default();
        count_files(&Rows::of(&ledger(&files)), &mut found).unwrap();
        let expected = [("duplicate", 1), ("missing", 1), ("quarantined", 2), ("taken", 1)];
        let expected = BTreeMap::from(expected.map(|(state, n)| (state.to_owned(), n)));
        assert_eq!(found.ledger, expected);
        assert_eq!(found.taken_share(), Some(0.25), "one of four");
    }
}
