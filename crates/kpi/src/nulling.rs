//! What validate forbids: rows of `quality` with severity `null_rows`.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, RecordBatch};

use crate::columns::{Columns, micros};
use crate::error::Result;
use crate::{Known, Micros};

/// Periods whose values must not be used, by element or object.
#[derive(Debug, Clone, Default)]
pub struct Nulling(HashMap<String, Vec<Span>>);

#[derive(Debug, Clone, Copy)]
struct Span {
    start: Micros,
    end: Micros,
    known: Known,
}

/// One version of a rule's outcome.
struct Outcome {
    known_at: Micros,
    end: Micros,
    nulls: bool,
}

impl Nulling {
    /// Reads rows of `quality`, all versions; a later version of a rule's outcome ends the one
    /// before it.
    pub fn new(batches: &[RecordBatch]) -> Result<Self> {
        let mut outcomes: BTreeMap<(String, Micros, String), Vec<Outcome>> = BTreeMap::new();
        for batch in batches {
            read(batch, &mut outcomes)?;
        }
        let mut by_scope: HashMap<String, Vec<Span>> = HashMap::new();
        for ((scope, start, _), mut versions) in outcomes {
            versions.sort_by_key(|version| version.known_at);
            for (position, version) in versions.iter().enumerate() {
                let next = versions.get(position + 1);
                let until = next.map_or(Micros::MAX, |next| next.known_at);
                if version.nulls {
                    by_scope.entry(scope.clone()).or_default().push(Span {
                        start,
                        end: version.end,
                        known: Known { from: version.known_at, until },
                    });
                }
            }
        }
        Ok(Self(by_scope))
    }

    /// While the period starting at `start` of any of these scopes was known to be forbidden.
    pub(crate) fn of(&self, scopes: &[&str], start: Micros) -> Vec<Known> {
        if self.0.is_empty() {
            return Vec::new();
        }
        scopes
            .iter()
            .filter_map(|scope| self.0.get(*scope))
            .flatten()
            .filter(|span| span.start <= start && start < span.end)
            .map(|span| span.known)
            .collect()
    }
}

fn read(
    batch: &RecordBatch,
    outcomes: &mut BTreeMap<(String, Micros, String), Vec<Outcome>>,
) -> Result<()> {
    let columns = Columns(batch);
    let (rules, scopes) = (columns.text("rule")?, columns.text("scope")?);
    let (severities, verdicts) = (columns.text("severity")?, columns.text("verdict")?);
    let (starts, ends) = (columns.times("period_start")?, columns.times("period_end")?);
    let (known, tombstones) = (columns.times("known_at")?, columns.bools("tombstone")?);
    for row in 0..batch.num_rows() {
        let says = |column: &arrow::array::StringArray, word| {
            column.is_valid(row) && column.value(row) == word
        };
        let (Some(start), Some(end), Some(known_at)) =
            (micros(&starts, row), micros(&ends, row), micros(&known, row))
        else {
            continue;
        };
        let key = (scopes.value(row).to_owned(), start, rules.value(row).to_owned());
        outcomes.entry(key).or_default().push(Outcome {
            known_at,
            end,
            nulls: says(&severities, "null_rows")
                && says(&verdicts, "fail")
                && !tombstones.value(row),
        });
    }
    Ok(())
}
