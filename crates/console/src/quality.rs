//! `quality`: rules that failed, counted hour by hour.

use std::collections::BTreeMap;

use foresite_schema::catalog::derived;
use foresite_tables::{Micros, Read, Result, Root};

use crate::clock::{DAY, hour_of};
use crate::completeness::{FailedRule, Severities, Window};
use crate::read::resolved;
use crate::rows::Rows;

/// Failed rules of a window.
#[derive(Debug, Default)]
pub(crate) struct Quality {
    hours: BTreeMap<Micros, Severities>,
    rules: BTreeMap<(String, String), (Micros, FailedRule)>,
}

/// Reads the window day by day: a day of a large network is what memory should hold.
pub(crate) fn read(root: &Root, window: Window) -> Result<Quality> {
    let mut quality = Quality::default();
    let columns = ["rule", "scope", "period_start", "failed", "severity", "verdict", "detail"];
    let mut day = window.days_from;
    while day < window.end {
        let read = Read::all().columns(columns).period(day, window.end.min(day + DAY));
        if let Some(batch) = resolved(root, derived::quality(), &read)? {
            quality.add(Rows::of(&batch), window);
        }
        day += DAY;
    }
    Ok(quality)
}

impl Quality {
    fn add(&mut self, rows: Rows<'_>, window: Window) {
        let [rule, scope, severity, verdict, detail] =
            ["rule", "scope", "severity", "verdict", "detail"].map(|name| rows.text(name));
        let (start, failed) = (rows.times("period_start"), rows.longs("failed"));
        for row in rows.each().filter(|row| verdict.at(*row) == "fail") {
            let at = start.required(row);
            let counts = self.hours.entry(hour_of(at)).or_default();
            *counts.of(severity.at(row)) += 1;
            if at < window.hours_from {
                continue;
            }
            let key = (rule.owned(row), scope.owned(row));
            let (newest, found) =
                self.rules.entry(key.clone()).or_insert((at, FailedRule::default()));
            (found.rule, found.scope) = key;
            found.slots += 1;
            found.failed += failed.at(row).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
            // One rule may fail differently from hour to hour: the gravest counts, the last is told.
            if found.severity.is_empty() || gravity(severity.at(row)) < gravity(&found.severity) {
                found.severity = severity.owned(row);
            }
            if at >= *newest {
                (*newest, found.detail) = (at, detail.owned(row));
            }
        }
    }

    /// The failed rules of the hours in `[start, end)`.
    pub(crate) fn between(&self, start: Micros, end: Micros) -> Severities {
        self.hours.range(start..end).fold(Severities::default(), |sum, (_, hour)| Severities {
            info: sum.info + hour.info,
            warn: sum.warn + hour.warn,
            null_rows: sum.null_rows + hour.null_rows,
            halt: sum.halt + hour.halt,
        })
    }

    /// The rules that failed in the window's hours, the gravest and most frequent first.
    pub(crate) fn rules(self) -> Vec<FailedRule> {
        let mut rules: Vec<FailedRule> = self.rules.into_values().map(|(_, rule)| rule).collect();
        rules.sort_by(|a, b| {
            let key = |rule: &FailedRule| (gravity(&rule.severity), u64::MAX - rule.slots);
            key(a).cmp(&key(b))
        });
        rules
    }
}

impl Severities {
    fn of(&mut self, severity: &str) -> &mut u64 {
        match severity {
            "halt" => &mut self.halt,
            "null_rows" => &mut self.null_rows,
            "warn" => &mut self.warn,
            _ => &mut self.info,
        }
    }
}

fn gravity(severity: &str) -> u8 {
    match severity {
        "halt" => 0,
        "null_rows" => 1,
        "warn" => 2,
        _ => 3,
    }
}
