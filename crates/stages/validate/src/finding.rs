//! What a rule found, and the rows of `quality` made of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use foresite_kpi::Micros;
use foresite_schema::{BUCKETS, bucket_of};
use foresite_stage::Result;

use crate::config::Treatment;

/// What follows from a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// For the record.
    Info,
    /// A person may act.
    Warn,
    /// Derive leaves the values out.
    NullRows,
    /// A vendor's region is not fit for use.
    Halt,
}

impl Severity {
    fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::NullRows => "null_rows",
            Self::Halt => "halt",
        }
    }
}

impl From<Treatment> for Severity {
    fn from(treatment: Treatment) -> Self {
        match treatment {
            Treatment::Warn => Self::Warn,
            Treatment::NullRows => Self::NullRows,
        }
    }
}

/// Rule, scope and start: what tells findings apart.
pub(crate) type Key = (&'static str, String, Micros);

/// The outcome of one rule on one scope and period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) rule: &'static str,
    pub(crate) scope: String,
    pub(crate) start: Micros,
    pub(crate) end: Micros,
    pub(crate) checked: u64,
    pub(crate) failed: u64,
    /// So many may fail before the rule does.
    pub(crate) tolerated: u64,
    /// What follows when it failed.
    pub(crate) severity: Severity,
    pub(crate) detail: String,
}

impl Finding {
    pub(crate) fn key(&self) -> Key {
        (self.rule, self.scope.clone(), self.start)
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failed > self.tolerated
    }

    /// The same rule when nothing is wrong any more.
    fn withdrawn(&self) -> Self {
        Self { failed: 0, detail: String::new(), ..self.clone() }
    }
}

/// Findings by key.
pub(crate) type Findings = BTreeMap<Key, Finding>;

/// A finding and since when it was known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) known_at: Micros,
    pub(crate) finding: Finding,
}

/// Follows findings from moment to moment: what is new is kept, what is gone is withdrawn.
#[derive(Debug, Default)]
pub(crate) struct History {
    current: Findings,
    pub(crate) versions: Vec<Version>,
}

impl History {
    /// What the rules find at `moment`; moments ascend.
    pub(crate) fn observe(&mut self, moment: Micros, mut found: Findings) {
        for (key, before) in &self.current {
            if !found.contains_key(key) && before.has_failed() {
                found.insert(key.clone(), before.withdrawn());
            }
        }
        for (key, finding) in &found {
            if self.current.get(key) != Some(finding) {
                self.versions.push(Version { known_at: moment, finding: finding.clone() });
            }
        }
        self.current.extend(found);
    }
}

/// Who writes rows of `quality`, and for which computation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp<'a> {
    pub(crate) source: &'a str,
    pub(crate) ingested_at: Micros,
    pub(crate) lineage_id: &'a str,
}

/// Rows of `quality`.
pub(crate) fn rows(versions: &[Version], stamp: Stamp<'_>) -> Result<RecordBatch> {
    let findings = || versions.iter().map(|version| &version.finding);
    let texts = |of: &dyn Fn(&Finding) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(findings().map(of)))
    };
    let constant =
        |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text; versions.len()])) };
    let times = |of: &dyn Fn(&Version) -> Micros| -> ArrayRef {
        let times = TimestampMicrosecondArray::from_iter_values(versions.iter().map(of));
        Arc::new(times.with_timezone("UTC"))
    };
    let counts = |of: &dyn Fn(&Finding) -> u64| -> ArrayRef {
        let count = |finding| i64::try_from(of(finding)).unwrap_or(i64::MAX);
        Arc::new(Int64Array::from_iter_values(findings().map(count)))
    };
    let severity = |finding: &Finding| match finding.has_failed() {
        true => finding.severity.word().to_owned(),
        false => Severity::Info.word().to_owned(),
    };
    let verdict = |finding: &Finding| if finding.has_failed() { "fail" } else { "pass" }.to_owned();
    let buckets = findings().map(|finding| bucket_of(&finding.scope, BUCKETS));
    Ok(RecordBatch::try_from_iter([
        ("source", constant(stamp.source)),
        ("bucket", Arc::new(Int32Array::from_iter_values(buckets)) as ArrayRef),
        ("rule", texts(&|finding| finding.rule.to_owned())),
        ("scope", texts(&|finding| finding.scope.clone())),
        ("period_start", times(&|version| version.finding.start)),
        ("period_end", times(&|version| version.finding.end)),
        ("checked", counts(&|finding| finding.checked)),
        ("failed", counts(&|finding| finding.failed)),
        ("severity", texts(&severity)),
        ("verdict", texts(&verdict)),
        ("detail", texts(&|finding| finding.detail.clone())),
        ("tombstone", Arc::new(BooleanArray::from(vec![false; versions.len()]))),
        ("known_at", times(&|version| version.known_at)),
        ("ingested_at", times(&|_| stamp.ingested_at)),
        ("lineage_id", constant(stamp.lineage_id)),
    ])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(scope: &str, failed: u64) -> Findings {
        let finding = Finding {
            rule: "range",
            scope: scope.into(),
            start: 0,
            end: 1,
            checked: 9,
            failed,
            tolerated: 0,
            severity: Severity::Warn,
            detail: "x".into(),
        };
        BTreeMap::from([(finding.key(), finding)])
    }

    #[test]
    fn what_is_gone_is_withdrawn_once() {
        let mut history = History::default();
        history.observe(1, finding("a", 2));
        history.observe(2, finding("a", 2));
        history.observe(3, Findings::new());
        history.observe(4, Findings::new());
        let seen: Vec<_> = history
            .versions
            .iter()
            .map(|version| (version.known_at, version.finding.failed))
            .collect();
        assert_eq!(seen, [(1, 2), (3, 0)]);
    }

    #[test]
    fn the_rows_fit_the_table() {
        let mut history = History::default();
        history.observe(1, finding("a", 2));
        let stamp = Stamp { source: "counters", ingested_at: 5, lineage_id: "0f" };
        let rows = rows(&history.versions, stamp).unwrap();
        let def = foresite_schema::catalog::derived::quality();
        for column in def.columns.iter().filter(|column| column.name != "date") {
            let have = rows.column_by_name(&column.name);
            assert_eq!(have.map(|have| have.data_type().clone()), Some(column.kind.arrow()));
        }
    }
}
