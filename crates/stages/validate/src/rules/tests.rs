//! The rules of validate.

use super::*;

const DU: &str = "NRCellDU=1";

fn slot(name: &str) -> usize {
    Catalogue::built_in().counter_slot(name).unwrap()
}

fn row(quarter: i64, values: &[(&str, f64)]) -> Row {
    let mut values: Vec<_> = values.iter().map(|(name, value)| (slot(name), *value)).collect();
    values.sort_by_key(|(slot, _)| *slot);
    Row {
        object: DU.into(),
        start: quarter * 900_000_000,
        granularity_s: 900,
        set: 0,
        known_at: HOUR,
        file: "a".into(),
        suspect: false,
        flags: 0,
        values,
    }
}

/// Findings that failed, one text each.
fn failures(rows: Vec<Row>, moment: Micros) -> Vec<String> {
    let measured = ElementHour { vendor: "Acme".into(), rows };
    let config = Config::default();
    let subject =
        Subject { config: &config, element: "NE=1", hour: 0, expected: &[DU], measured: &measured };
    let (findings, _) = judge(&subject, moment);
    findings
        .into_values()
        .filter(Finding::has_failed)
        .map(|f| format!("{} {} {}/{} {}", f.rule, f.scope, f.failed, f.checked, f.detail))
        .collect()
}

fn complete() -> Vec<Row> {
    (0..4).map(|quarter| row(quarter, &[("RRC.ConnMean", 5.0)])).collect()
}

#[test]
fn a_complete_hour_passes() {
    assert!(failures(complete(), HOUR).is_empty());
}

#[test]
fn missing_periods_are_counted_against_what_was_expected() {
    let mut rows = complete();
    rows.truncate(3);
    assert_eq!(
        failures(rows, HOUR),
        ["completeness NE=1 1/4 1 of 4 periods of objects are missing"]
    );
    assert_eq!(failures(complete(), HOUR - 1), ["completeness NE=1 4/4 nothing arrived"]);
}

#[test]
fn suspect_periods_are_named_by_object() {
    let mut rows = complete();
    rows[2].suspect = true;
    assert_eq!(failures(rows, HOUR), ["suspect NE=1,NRCellDU=1 1/1 "]);
}

#[test]
fn values_out_of_range_are_named_by_counter() {
    let mut rows = complete();
    rows[0] = row(0, &[("RRU.PrbTotDl", 354_196.0), ("RRC.ConnMean", 5.0)]);
    assert_eq!(failures(rows, HOUR), ["range NE=1 1/5 RRU.PrbTotDl 1"]);
}

#[test]
fn a_counter_that_ran_backwards_is_a_reset() {
    let mut rows = complete();
    rows[0] = row(0, &[("RRC.ConnEstabAtt", -7.0)]);
    assert_eq!(
        failures(rows, HOUR),
        ["range NE=1 1/4 RRC.ConnEstabAtt 1", "reset NE=1,NRCellDU=1 1/1 "]
    );
}

#[test]
fn two_files_that_disagree_are_told_from_a_correction() {
    let mut rows = complete();
    let mut twin = row(0, &[("RRC.ConnMean", 6.0)]);
    twin.file = "b".into();
    rows.insert(1, twin.clone());
    assert_eq!(failures(rows.clone(), HOUR), ["duplicate NE=1 1/1 "]);
    rows[1].known_at = 2 * HOUR;
    rows.swap(0, 1);
    assert_eq!(failures(rows.clone(), 2 * HOUR), ["correction NE=1 1/1 "]);
    assert!(failures(rows, HOUR).is_empty(), "not known yet");
}

#[test]
fn clocks_that_disagree_are_counted() {
    let mut rows = complete();
    rows[1].flags = 1;
    assert_eq!(failures(rows, HOUR), ["clock NE=1 1/4 times disagree or lack an offset"]);
}
