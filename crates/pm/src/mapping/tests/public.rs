//! The mappings of public data sets, where `FORESITE_DATA_DIR` points at them.

use std::path::PathBuf;

use super::*;

/// The folder of the sets, or `None` after saying why the test is skipped.
fn data_dir(test: &str) -> Option<PathBuf> {
    let dir = std::env::var_os("FORESITE_DATA_DIR").map(PathBuf::from);
    let found = dir.filter(|dir| dir.is_dir());
    if found.is_none() {
        println!("{test}: skipped, FORESITE_DATA_DIR does not name a folder");
    }
    found
}

fn read_set(name: &str, path: &str) -> Option<Mapped> {
    let dir = data_dir(name)?;
    if !dir.join(path).is_file() {
        println!("{name}: skipped, {path} is not there");
        return None;
    }
    let mapping = super::samples::load(name);
    let matched = mapping.matches(path).unwrap();
    let file = |path: &str| Bytes::from(std::fs::read(dir.join(path)).unwrap());
    let joined: Vec<_> = matched.joined.iter().map(|path| file(path)).collect();
    let input = Input { path, bytes: file(path), joined: &joined, limits: Limits::default() };
    let mapped = mapping.read(&matched, &input, &provenance()).unwrap();
    assert_conserved(&mapped);
    assert!(mapped.rejected.is_empty(), "{:?}", reasons(&mapped));
    Some(mapped)
}

fn rows(mapped: &Mapped, table: &str) -> usize {
    batch(mapped, table).num_rows()
}

fn count(mapped: &Mapped, label: &str) -> usize {
    let names = texts(batch(mapped, "labels"), "label");
    names.iter().filter(|name| name.as_deref() == Some(label)).count()
}

#[test]
fn milan() {
    let Some(mapped) = read_set("milan", "capacity/milan/hourly_long.parquet") else { return };
    assert_eq!((mapped.rows_read, rows(&mapped, "kpis")), (313_968, 313_968));
}

#[test]
fn lte_prb() {
    let Some(mapped) = read_set("lte-prb", "capacity/lte-prb/hourly.parquet") else { return };
    assert_eq!(rows(&mapped, "kpis"), 54_781);
    let used = numbers(batch(&mapped, "kpis"), "prb_util_dl");
    assert!(used.iter().flatten().all(|share| (5.0 - 1e-9..=95.0 + 1e-9).contains(share)));
}

#[test]
fn asd() {
    let Some(train) = read_set("asd", "anomaly/asd/train.parquet") else { return };
    assert_eq!((rows(&train, "kpis"), count(&train, "segment")), (102_331, 12));
    let Some(test) = read_set("asd", "anomaly/asd/test.parquet") else { return };
    assert_eq!(rows(&test, "kpis"), 51_840);
    assert_eq!((count(&test, "anomaly"), count(&test, "segment")), (76, 12));
}

#[test]
fn wireless_alarms() {
    let path = "failure/wireless-alarms/alarm.parquet";
    let Some(mapped) = read_set("wireless-alarms", path) else { return };
    assert_eq!((mapped.rows_read, rows(&mapped, "alarms")), (34_838, 2 * 34_838));
    assert_eq!(rows(&mapped, "inventory"), 55);
}

#[test]
fn cmapss() {
    let Some(train) = read_set("cmapss", "failure/cmapss-fd001/train.parquet") else { return };
    assert_eq!(
        (rows(&train, "kpis"), count(&train, "rul"), count(&train, "segment")),
        (20_631, 100, 100)
    );
    let Some(test) = read_set("cmapss", "failure/cmapss-fd001/test.parquet") else { return };
    assert_eq!((rows(&test, "kpis"), count(&test, "rul")), (13_096, 100));
    let left: Vec<f64> = numbers(batch(&test, "labels"), "value").into_iter().flatten().collect();
    let names = texts(batch(&test, "labels"), "label");
    let sum: f64 = names
        .iter()
        .zip(left)
        .filter(|(name, _)| name.as_deref() == Some("rul"))
        .map(|(_, value)| value)
        .sum();
    assert!((sum / 100.0 - 75.52).abs() < 0.1, "{sum}");
}
