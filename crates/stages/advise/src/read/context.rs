//! `ingest_ledger` and `quality`: how complete the last day is.

use std::collections::BTreeMap;

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

/// Counts ledger rows by state; a period that a late file brought after all is not missing.
fn count_files(rows: &Rows<'_>, completeness: &mut Completeness) -> Result<()> {
    let [state, element] = [rows.text("state")?, rows.text("ne_dn")?];
    let (start, end) = (rows.times("period_start")?, rows.times("period_end")?);
    let mut taken = Spans::new();
    for row in (0..rows.len()).filter(|row| state.at(*row) == Some("taken")) {
        let from = start.required(row);
        taken.entry(element.owned(row)).or_default().push((from, end.at(row).unwrap_or(from + 1)));
    }
    for row in 0..rows.len() {
        let word = state.at(row).unwrap_or_default();
        let name = element.owned(row);
        if word == "missing" {
            let at = start.required(row);
            let covers = |span: &(Micros, Micros)| span.0 <= at && at < span.1;
            if taken.get(&name).is_some_and(|spans| spans.iter().any(covers)) {
                continue;
            }
            *completeness.missing_by_element.entry(name).or_default() += 1;
        }
        *completeness.ledger.entry(word.to_owned()).or_default() += 1;
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
