//! The step `hindsight`: the lists beside what happened.

use foresite_tables::Root;

use super::truth::{busy_hours, truth};
use super::{data_root, finished, fixture, run, tables};

#[test]
fn hindsight_needs_a_truth() {
    let (folder, _, _) = data_root();
    finished(folder.path(), &[]);
    let (output, result) = run(folder.path(), &["--step", "hindsight"]);
    assert_eq!(output.status.code(), Some(66), "{result}");
    assert!(result["error"].as_str().unwrap().contains("truth/anomalies.parquet"), "{result}");
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
