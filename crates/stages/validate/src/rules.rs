//! The rules on one element and hour, as known at one moment.

use std::collections::BTreeMap;

use foresite_kpi::catalogue::CounterKind;
use foresite_kpi::{Catalogue, HOUR, Micros, object_dn};

use crate::config::Config;
use crate::elements::{ElementHour, Row};
use crate::finding::{Finding, Findings, Severity};

/// Flags of the parser: times disagree with header or footer, stamp without offset.
const CLOCK: i32 = 1 | 1 << 2;
/// The period was cut short.
const TRUNCATED: i32 = 1 << 1;
/// Length of a period where an element has not reported any.
const USUAL_GRANULARITY_S: i32 = 900;
/// Relative difference between two values that are the same.
const SAME: f64 = 1e-9;

/// An element and hour to be judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) config: &'a Config,
    pub(crate) element: &'a str,
    pub(crate) hour: Micros,
    /// Objects that were to be measured; empty when nobody has said which.
    pub(crate) expected: &'a [&'a str],
    pub(crate) measured: &'a ElementHour,
}

/// Rows and those among them that are not fit for use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Fitness {
    pub(crate) rows: u64,
    pub(crate) unfit: u64,
}

/// All rules at one moment.
pub(crate) fn judge(subject: &Subject<'_>, moment: Micros) -> (Findings, Fitness) {
    let current = subject.measured.current(moment);
    let mut findings = Findings::new();
    let mut keep = |finding: Option<Finding>| {
        if let Some(finding) = finding {
            findings.insert(finding.key(), finding);
        }
    };
    keep(Some(subject.completeness(&current)));
    keep(subject.range(&current));
    keep(subject.flagged(
        &current,
        "clock",
        CLOCK,
        Severity::Warn,
        "times disagree or lack an offset",
    ));
    keep(subject.flagged(
        &current,
        "truncated",
        TRUNCATED,
        Severity::Info,
        "periods were cut short",
    ));
    let (duplicate, correction) = subject.disagreements(moment);
    keep(duplicate);
    keep(correction);
    for row in &current {
        if row.suspect {
            keep(Some(subject.object(row, "suspect", subject.config.suspect.into())));
        }
        if ran_backwards(row) {
            keep(Some(subject.object(row, "reset", subject.config.reset.into())));
        }
    }
    let unfit = |row: &&&Row| row.suspect || ran_backwards(row) || odd_values(row).next().is_some();
    let fitness =
        Fitness { rows: current.len() as u64, unfit: current.iter().filter(unfit).count() as u64 };
    (findings, fitness)
}

impl Subject<'_> {
    fn finding(
        &self,
        rule: &'static str,
        severity: Severity,
        checked: usize,
        failed: usize,
    ) -> Finding {
        Finding {
            rule,
            scope: self.element.to_owned(),
            start: self.hour,
            end: self.hour + HOUR,
            checked: checked as u64,
            failed: failed as u64,
            tolerated: 0,
            severity,
            detail: String::new(),
        }
    }

    /// A rule that one object broke in one period.
    fn object(&self, row: &Row, rule: &'static str, severity: Severity) -> Finding {
        Finding {
            scope: object_dn(self.element, &row.object),
            start: row.start,
            end: row.end(),
            ..self.finding(rule, severity, 1, 1)
        }
    }

    /// Expected periods of expected objects against those that came.
    fn completeness(&self, rows: &[&Row]) -> Finding {
        let granularity_s = usual_granularity(rows);
        let periods = usize::try_from(3600 / granularity_s).unwrap_or(1);
        let mut came: Vec<(&str, Micros)> = rows
            .iter()
            .filter(|row| row.granularity_s == granularity_s)
            .map(|row| (row.object.as_str(), row.start))
            .collect();
        came.dedup();
        let (expected, missing) = if self.expected.is_empty() {
            let mut starts: Vec<_> = came.iter().map(|(_, start)| *start).collect();
            starts.dedup();
            (periods, periods.saturating_sub(starts.len()))
        } else {
            let expected = periods * self.expected.len();
            let known = came.iter().filter(|(object, _)| self.expected.contains(object));
            (expected, expected.saturating_sub(known.count()))
        };
        let mut finding = self.finding("completeness", Severity::Warn, expected, missing);
        if rows.is_empty() {
            finding.detail = "nothing arrived".into();
        } else if missing > 0 {
            finding.detail = format!("{missing} of {expected} periods of objects are missing");
        }
        finding
    }

    /// Values outside the catalogue's range; derive leaves these values out one by one.
    fn range(&self, rows: &[&Row]) -> Option<Finding> {
        let mut by_counter: BTreeMap<&str, usize> = BTreeMap::new();
        for name in rows.iter().flat_map(|row| odd_values(row)) {
            *by_counter.entry(name).or_default() += 1;
        }
        let failed = by_counter.values().sum();
        let checked = rows.iter().map(|row| row.values.len()).sum();
        let mut finding = self.finding("range", Severity::Warn, checked, failed);
        finding.detail = by_counter
            .iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect::<Vec<_>>()
            .join(", ");
        finding.has_failed().then_some(finding)
    }

    fn flagged(
        &self,
        rows: &[&Row],
        rule: &'static str,
        bits: i32,
        severity: Severity,
        detail: &str,
    ) -> Option<Finding> {
        let failed = rows.iter().filter(|row| row.flags & bits != 0).count();
        let mut finding = self.finding(rule, severity, rows.len(), failed);
        finding.detail = detail.to_owned();
        finding.has_failed().then_some(finding)
    }

    /// Values of one object, period and counter that differ: between files or jobs that became
    /// known together they contradict each other, later ones correct earlier ones.
    fn disagreements(&self, moment: Micros) -> (Option<Finding>, Option<Finding>) {
        let (mut together, mut later, mut compared) = (0, 0, 0);
        let rows: Vec<_> = self.measured.known(moment).collect();
        for group in rows.chunk_by(|a, b| a.is_beside(b)) {
            for (position, row) in group.iter().enumerate() {
                for other in &group[position + 1..] {
                    let (common, different) = compare(&row.values, &other.values);
                    compared += common;
                    if row.known_at == other.known_at {
                        together += different;
                    } else {
                        later += different;
                    }
                }
            }
        }
        let made = |rule, severity, failed| {
            let finding = self.finding(rule, severity, compared, failed);
            finding.has_failed().then_some(finding)
        };
        (made("duplicate", Severity::Warn, together), made("correction", Severity::Info, later))
    }
}

/// The granularity of most rows.
fn usual_granularity(rows: &[&Row]) -> i32 {
    let mut counts: BTreeMap<i32, usize> = BTreeMap::new();
    for row in rows.iter().filter(|row| (1..=3600).contains(&row.granularity_s)) {
        *counts.entry(row.granularity_s).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|(length, count)| (*count, *length));
    most.map_or(USUAL_GRANULARITY_S, |(length, _)| length)
}

/// Counters of a row whose value is out of range.
fn odd_values(row: &Row) -> impl Iterator<Item = &'static str> {
    let counters = Catalogue::built_in().counters();
    row.values.iter().filter_map(|(slot, value)| {
        let counter = counters.get(*slot)?;
        (!counter.accepts(*value)).then_some(counter.name.as_str())
    })
}

/// Whether a cumulative counter fell below zero in a file of one period: the element restarted and
/// subtracted the old reading.
fn ran_backwards(row: &Row) -> bool {
    let counters = Catalogue::built_in().counters();
    row.values.iter().any(|(slot, value)| {
        let kind = counters.get(*slot).map(|counter| counter.kind);
        *value < 0.0 && kind == Some(CounterKind::Cumulative)
    })
}

/// Counters that both have, and how many of them differ. Both ascend by slot.
fn compare(a: &[(usize, f64)], b: &[(usize, f64)]) -> (usize, usize) {
    let (mut common, mut different) = (0, 0);
    let mut rest = b.iter().peekable();
    for (slot, value) in a {
        while rest.next_if(|(other, _)| other < slot).is_some() {}
        if let Some((_, other)) = rest.next_if(|(other, _)| other == slot) {
            common += 1;
            let scale = value.abs().max(other.abs());
            different += usize::from((value - other).abs() > SAME * scale);
        }
    }
    (common, different)
}

#[cfg(test)]
mod tests;
