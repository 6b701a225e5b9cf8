//! Derived KPIs against imported ones where both exist: the import was made from the same counters
//! by somebody else's formulas, so a channel that disagrees points at a formula, a unit or a mapping.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array as _, Float64Array, RecordBatch};
use foresite_kpi::{Columns, KpiError, Micros, channels, micros};
use foresite_stage::Interval;

use crate::config::Config;
use crate::finding::{Finding, Severity, Version};

/// Below this magnitude a relative difference means nothing.
const NEGLIGIBLE: f64 = 1e-6;

/// One channel compared.
#[derive(Debug, Clone, Copy, Default)]
struct Comparison {
    values: u64,
    differing: u64,
    difference: f64,
    known_at: Micros,
}

/// Compares the hourly rows of a batch of `kpis`, channel by channel, for every foreign source.
pub(crate) fn compare(
    config: &Config,
    batch: &RecordBatch,
    step: Interval,
) -> Result<Vec<Version>, KpiError> {
    let pairs = pairs(batch)?;
    let known = Columns(batch).times("known_at")?;
    let mut versions = Vec::new();
    for channel in channels() {
        let Ok(values) = Columns(batch).doubles(&channel.name) else {
            continue;
        };
        let mut by_source: BTreeMap<&str, Comparison> = BTreeMap::new();
        for pair in &pairs {
            let Some(difference) = difference(&values, pair.derived, pair.imported) else {
                continue;
            };
            let sum = by_source.entry(&pair.source).or_default();
            sum.values += 1;
            sum.differing += u64::from(difference > config.overlap_tolerance.get());
            sum.difference += difference;
            let latest = [pair.derived, pair.imported].map(|row| micros(&known, row));
            sum.known_at = latest.into_iter().flatten().fold(sum.known_at, Micros::max);
        }
        versions.extend(by_source.into_iter().map(|(source, sum)| Version {
            known_at: sum.known_at,
            finding: finding(config, &channel.name, source, step, &sum),
        }));
    }
    Ok(versions)
}

/// A derived row and an imported one of the same entity and hour.
struct Pair {
    source: String,
    derived: usize,
    imported: usize,
}

/// Only hours that were derived in full are comparable.
fn pairs(batch: &RecordBatch) -> Result<Vec<Pair>, KpiError> {
    let columns = Columns(batch);
    let (kinds, ids) = (columns.text("entity_type")?, columns.text("entity_id")?);
    let (sources, starts) = (columns.text("source")?, columns.times("period_start")?);
    let bits = columns.ints("quality")?;
    let key = |row| (kinds.value(row), ids.value(row), starts.value(row));
    let mut derived = HashMap::new();
    for row in (0..batch.num_rows()).filter(|row| sources.value(*row) == crate::DERIVED) {
        if bits.is_valid(row) && bits.value(row) == 0 {
            derived.insert(key(row), row);
        }
    }
    let imported = (0..batch.num_rows()).filter(|row| sources.value(*row) != crate::DERIVED);
    Ok(imported
        .filter_map(|row| {
            Some(Pair {
                source: sources.value(row).to_owned(),
                derived: *derived.get(&key(row))?,
                imported: row,
            })
        })
        .collect())
}

/// Relative difference of two values that are both there.
fn difference(values: &Float64Array, a: usize, b: usize) -> Option<f64> {
    if values.is_null(a) || values.is_null(b) {
        return None;
    }
    let (a, b) = (values.value(a), values.value(b));
    Some((a - b).abs() / a.abs().max(b.abs()).max(NEGLIGIBLE))
}

fn finding(
    config: &Config,
    channel: &str,
    source: &str,
    step: Interval,
    sum: &Comparison,
) -> Finding {
    let percent = 100.0 * sum.difference / sum.values as f64;
    Finding {
        rule: "overlap",
        scope: format!("channel={channel},source={source}"),
        start: step.start,
        end: step.end,
        checked: sum.values,
        failed: sum.differing,
        tolerated: (config.overlap_fail_above.get() * sum.values as f64) as u64,
        severity: Severity::Warn,
        detail: format!(
            "{} of {} values differ by more than {} %, mean difference {percent:.3} %",
            sum.differing,
            sum.values,
            100.0 * config.overlap_tolerance.get(),
        ),
    }
}
