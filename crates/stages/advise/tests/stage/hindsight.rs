//! The step `hindsight`: the lists beside what happened.

use arrow::array::RecordBatch;
use foresite_advise::clock::HOUR;
use foresite_tables::Root;

use super::fixture::{self, CUTOFF};
use super::{data_root, finished, run, tables};

#[test]
fn hindsight_needs_a_truth() {
    let (folder, _, _) = data_root();
    finished(folder.path(), &[]);
    let (output, result) = run(folder.path(), &["--step", "hindsight"]);
    assert_eq!(output.status.code(), Some(66), "{result}");
    assert!(result["error"].as_str().unwrap().contains("truth/anomalies.parquet"), "{result}");
}

/// Writes one table of the truth from (entity, start, end) in hours from the cutoff.
fn truth(root: &Root, table: &str, entity: &str, rows: &[(&str, i64, i64)]) {
    use arrow::array::{ArrayRef, StringArray, TimestampMicrosecondArray};
    use std::sync::Arc;
    let times = |of: fn(&(&str, i64, i64)) -> i64| {
        let hours = rows.iter().map(|row| Some(CUTOFF + of(row) * HOUR));
        Arc::new(hours.collect::<TimestampMicrosecondArray>().with_timezone("UTC")) as ArrayRef
    };
    let entities = rows.iter().map(|row| Some(row.0)).collect::<StringArray>();
    let never = TimestampMicrosecondArray::new_null(rows.len()).with_timezone("UTC");
    let batch = RecordBatch::try_from_iter_with_nullable([
        (entity, Arc::new(entities) as ArrayRef, false),
        ("start_at", times(|row| row.1), false),
        ("end_at", times(|row| row.2), false),
        ("complaint_at", Arc::new(never) as ArrayRef, true),
    ]);
    write_parquet(root, table, &batch.unwrap());
}

fn write_parquet(root: &Root, table: &str, batch: &RecordBatch) {
    let mut bytes = Vec::new();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    root.write(&format!("truth/{table}.parquet"), bytes).unwrap();
}

/// Days from the cutoff on which a sector's busy hour lies at 75 %, above a limit of 70 %.
fn busy_hours(root: &Root, rows: &[(&str, i64)]) {
    use arrow::array::{ArrayRef, Float64Array, StringArray, TimestampMicrosecondArray};
    use std::sync::Arc;
    let sectors =
        || Arc::new(rows.iter().map(|row| Some(row.0)).collect::<StringArray>()) as ArrayRef;
    let values = |value: f64| Arc::new(Float64Array::from(vec![value; rows.len()])) as ArrayRef;
    let days = rows.iter().map(|row| Some(CUTOFF + row.1 * 24 * HOUR));
    let days = days.collect::<TimestampMicrosecondArray>().with_timezone("UTC");
    let busy = RecordBatch::try_from_iter([
        ("sector_id", sectors()),
        ("day", Arc::new(days) as ArrayRef),
        ("busy_hour_prb_util_dl", values(75.0)),
    ]);
    write_parquet(root, "busy_hours", &busy.unwrap());
    let limit =
        RecordBatch::try_from_iter([("sector_id", sectors()), ("limit_percent", values(70.0))]);
    write_parquet(root, "exceedance", &limit.unwrap());
}

#[test]
fn hindsight_compares_the_lists_with_what_happened() {
    let (folder, root, _) = data_root();
    finished(folder.path(), &[]);
    // Listed anomalies: N003, N007/2/n78, N019/3/n28, N015/1/n28. Two are real, one real is missed.
    let asleep = [
        ("north/N007/2/n78", -10, 40),
        ("north/N019/3/n28", -30, 40),
        ("north/N010/1/n28", -5, 5),
        ("north/N001/1/n28", -50, -30),
    ];
    truth(&root, "anomalies", "cell_id", &asleep);
    // Listed risks: N005, N009, N020, N006. One fails in time, one too late, one unlisted in time.
    let failures = [("north/N005", 60, 64), ("north/N009", 300, 302), ("north/N001", 10, 12)];
    truth(&root, "failures", "site_id", &failures);
    // Listed sectors: N002/1, N008/3, N013/1. Two pass the limit within 60 days.
    busy_hours(&root, &[("north/N002/1", 20), ("north/N008/3", 59), ("north/N013/1", 80)]);

    let result = finished(folder.path(), &["--step", "hindsight"]);
    let number = |name: &str| result["numbers"][name].as_f64().unwrap();
    let near = |name: &str, expected: f64| {
        assert!((number(name) - expected).abs() < 1e-3, "{name}: {result}");
    };
    near("anomaly_precision", 0.5);
    near("anomaly_recall", 2.0 / 3.0);
    // By hand: three of 120 cells sleep at the cutoff.
    near("anomaly_random_precision", 0.025);
    near("maintenance_precision", 0.25);
    near("maintenance_recall", 0.5);
    near("maintenance_random_precision", 0.1);
    near("capacity_precision", 2.0 / 3.0);
    near("capacity_recall", 1.0);
    near("capacity_random_precision", 2.0 / 60.0);
}

#[test]
fn a_list_that_named_nothing_missed_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    root.create().unwrap();
    let mut fixture = fixture::fixture();
    fixture.signals.alert_states.clear();
    fixture.signals.prior.clear();
    tables::write(&fixture, &root);
    let config = folder.path().join("config.json");
    let only = serde_json::json!({"lists": [foresite_advise::config::ListConfig::anomaly()]});
    std::fs::write(&config, only.to_string()).unwrap();
    let with_config = |more: &[&str]| {
        let config = ["--config", config.to_str().unwrap()];
        finished(folder.path(), &[&config, more].concat())
    };
    assert_eq!(with_config(&[])["numbers"]["anomaly_items"], 0);
    truth(&root, "anomalies", "cell_id", &[("north/N007/2/n78", -10, 40)]);
    truth(&root, "failures", "site_id", &[]);

    let numbers = &with_config(&["--step", "hindsight"])["numbers"];
    assert_eq!((&numbers["anomaly_events"], &numbers["anomaly_recall"]), (&1.into(), &0.0.into()));
}
