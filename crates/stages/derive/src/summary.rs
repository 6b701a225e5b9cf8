//! What a run met: numbers for the result, and for the log what a person may act on.

use std::collections::BTreeMap;

use foresite_kpi::Counts;
use foresite_stage::Report;

/// Names that a log line shows.
const MOST_NAMES: usize = 20;

/// Puts the counts into the report and the log.
pub(crate) fn tell(report: &mut Report, counts: &Counts) {
    for (name, value) in [
        ("counter_rows", counts.rows),
        ("unmapped_rows", counts.unmapped_rows),
        ("suspect_rows", counts.suspect_rows),
        ("nulled_rows", counts.nulled_rows),
        ("odd_period_rows", counts.odd_period_rows),
        ("out_of_range_values", counts.out_of_range.values().sum()),
        ("unknown_counters", counts.unknown_counters.len() as u64),
    ] {
        report.number(name, value);
    }
    if counts.unmapped_rows > 0 {
        let (rows, examples) = (counts.unmapped_rows, &counts.unmapped_objects);
        tracing::warn!(rows, ?examples, "objects belong to no entity");
    }
    if !counts.unknown_counters.is_empty() {
        let (names, examples) = (counts.unknown_counters.len(), most(&counts.unknown_counters));
        tracing::warn!(names, examples, "counters are not in the catalogue");
    }
    if !counts.out_of_range.is_empty() {
        let examples = most(&counts.out_of_range);
        tracing::warn!(examples, "values are out of range");
    }
}

/// The names with the greatest counts.
fn most(counts: &BTreeMap<String, u64>) -> String {
    let mut counts: Vec<_> = counts.iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let first = counts.iter().take(MOST_NAMES);
    first.map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_names_come_first() {
        let mut counts: BTreeMap<_, _> = (0..30).map(|n| (format!("c{n:02}"), 1)).collect();
        counts.insert("often".into(), 7);
        let text = most(&counts);
        assert!(text.starts_with("often 7, c00 1, c01 1"), "{text}");
        assert_eq!(text.split(", ").count(), MOST_NAMES);
    }
}
