//! What Prometheus reads of the console, over tables that monitor could have written.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod tables;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use foresite_console::{Options, metrics};
use foresite_tables::Root;
use tables::{DAY, END, decisions, drift, performance, registry};
use tower::ServiceExt as _;

fn data_root() -> (tempfile::TempDir, Root) {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    root.create().unwrap();
    (folder, root)
}

/// Reads at every scrape.
fn unkept(root: &Root) -> Router {
    metrics(root.clone(), Options { keep_findings: Duration::ZERO, ..patient() }, None)
}

/// A slow disk fails no test.
fn patient() -> Options {
    Options { scrape_patience: Duration::from_secs(60), ..Options::default() }
}

fn scrape(router: &Router) -> String {
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let answer = router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/plain; version=0.0.4");
        let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    })
}

#[track_caller]
fn assert_lines(page: &str, expected: &[&str]) {
    for line in expected {
        assert!(page.lines().any(|found| found == *line), "{line}\nis not in\n{page}");
    }
}

/// The number of a series without labels.
fn number(page: &str, name: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} is not in\n{page}")).parse().unwrap()
}

fn failures(page: &str) -> f64 {
    number(page, "foresite_console_findings_failures_total")
}

#[test]
fn confirmed_drift_is_counted_by_task_and_cause_of_the_newest_day() {
    let (_folder, root) = data_root();
    drift(&root);
    let page = scrape(&unkept(&root));
    assert_lines(
        &page,
        &[
            r#"foresite_monitor_day_end_timestamp_seconds{step="measure"} 1773100800"#,
            r#"foresite_monitor_drift_confirmed{task="anomaly",cause="unknown"} 2"#,
            r#"foresite_monitor_drift_confirmed{task="anomaly",cause="software_upgrade"} 1"#,
            r#"foresite_monitor_drift_confirmed{task="anomaly",cause="outage"} 0"#,
            r#"foresite_monitor_drift_confirmed{task="capacity",cause="unknown"} 0"#,
            r#"foresite_monitor_drift_tests{task="anomaly",outcome="tested"} 4"#,
            r#"foresite_monitor_drift_tests{task="capacity",outcome="tested"} 0"#,
            r#"foresite_monitor_drift_tests{task="capacity",outcome="not_tested"} 1"#,
            "foresite_monitor_left_out_series 0",
        ],
    );
    assert!(!page.contains("foresite_monitor_performance"), "{page}");
    assert!(!page.contains("foresite_monitor_retrain"), "{page}");
}

#[test]
fn states_are_counted_and_what_lasts_two_days_is_told_apart() {
    let (_folder, root) = data_root();
    performance(&root);
    let page = scrape(&unkept(&root));
    let of = |name: &str, rest: &str| format!("foresite_monitor_performance_{name}{{{rest}");
    let files = r#"task="data",role="",kind="data",metric="completeness""#;
    let nulls = r#"task="data",role="",kind="data",metric="null_rate""#;
    let coverage = |task: &str| {
        format!(r#"task="{task}",role="champion",kind="coverage",metric="coverage_80""#)
    };
    let (capacity, maintenance) = (coverage("capacity"), coverage("maintenance"));
    for expected in [
        of("value", &format!(r#"{files},scope="files"}} 0.875"#)),
        of("value", &format!(r#"{capacity},scope="7d"}} 0.5"#)),
        of("states", &format!(r#"{files},state="broken"}} 1"#)),
        of("states", &format!(r#"{files},state="ok"}} 0"#)),
        of("states", &format!(r#"{nulls},state="broken"}} 1"#)),
        of("states", &format!(r#"{nulls},state="ok"}} 1"#)),
        of("states", &format!(r#"{capacity},state="warn"}} 1"#)),
        of("states", &format!(r#"{capacity},state="unknown"}} 1"#)),
        // Broken today and worth a look the day before: the milder of both.
        of("lasting", &format!(r#"{files},state="warn"}} 1"#)),
        of("lasting", &format!(r#"{files},state="broken"}} 0"#)),
        of("lasting", &format!(r#"{nulls},state="broken"}} 1"#)),
        of("lasting", &format!(r#"{capacity},state="warn"}} 1"#)),
        of("lasting", &format!(r#"{maintenance},state="warn"}} 0"#)),
    ] {
        assert_lines(&page, &[&expected]);
    }
    assert!(!page.contains("scope=\"cell traffic\""), "a series for every channel:\n{page}");
    assert!(!page.contains("scope=\"30d\""), "of an earlier day:\n{page}");
    assert!(!page.contains("scope=\"14d\""), "a value that there is not:\n{page}");
}

#[test]
fn a_training_that_was_due_stands_beside_the_last_that_came() {
    let (_folder, root) = data_root();
    decisions(&root);
    registry(&root);
    let page = scrape(&unkept(&root));
    let due = "foresite_monitor_retrain_due_timestamp_seconds";
    let registered = "foresite_monitor_model_registered_timestamp_seconds";
    assert_lines(
        &page,
        &[
            r#"foresite_monitor_day_end_timestamp_seconds{step="retrain"} 1773100800"#,
            r#"foresite_monitor_retrain_decision{task="anomaly",decision="wait",reason="none"} 1"#,
            r#"foresite_monitor_retrain_decision{task="capacity",decision="wait",reason="coverage_broken"} 1"#,
            r#"foresite_monitor_retrain_decision{task="maintenance",decision="retrain",reason="other"} 1"#,
            r#"foresite_monitor_retrain_against{task="capacity",against="bad_data"} 1"#,
            r#"foresite_monitor_retrain_against{task="capacity",against="quota"} 1"#,
            &format!(r#"{due}{{task="capacity"}} {}"#, (END - 3 * DAY) / 1_000_000),
            &format!(r#"{due}{{task="maintenance"}} {}"#, END / 1_000_000),
            &format!(r#"{registered}{{task="capacity"}} {}"#, (END - 5 * DAY) / 1_000_000),
        ],
    );
    assert!(!page.contains(&format!("{due}{{task=\"anomaly\"}}")), "40 days ago:\n{page}");
    let lines = page.lines().filter(|line| line.starts_with("foresite_monitor_retrain_decision{"));
    assert_eq!(lines.count(), 3, "one decision a task:\n{page}");
}

#[test]
fn without_tables_there_are_no_series_and_no_failure() {
    let (_folder, root) = data_root();
    let page = scrape(&unkept(&root));
    let of_monitor: Vec<&str> =
        page.lines().filter(|line| line.starts_with("foresite_monitor_")).collect();
    assert_eq!(of_monitor, ["foresite_monitor_left_out_series 0"]);
    assert!(failures(&page).abs() < 0.5, "{page}");
    assert!(number(&page, "foresite_console_findings_read_timestamp_seconds") > 1e9, "{page}");
}

#[test]
fn a_failed_read_keeps_the_last_numbers_and_is_counted() {
    let (folder, root) = data_root();
    drift(&root);
    let router = unkept(&root);
    let good = scrape(&router);
    let log = folder.path().join("tables/drift/_delta_log");
    let commits = std::fs::read_dir(&log).unwrap().filter(|entry| {
        entry.as_ref().unwrap().path().extension().is_some_and(|ending| ending == "json")
    });
    let next = format!("{:020}.json", commits.count());
    std::fs::write(log.join(next), "{").unwrap();
    let read_at = "foresite_console_findings_read_timestamp_seconds";
    for count in [1.0, 2.0] {
        let page = scrape(&router);
        assert_lines(
            &page,
            &[r#"foresite_monitor_drift_confirmed{task="anomaly",cause="unknown"} 2"#],
        );
        assert!((failures(&page) - count).abs() < 0.5, "{page}");
        let age = number(&page, read_at) - number(&good, read_at);
        assert!(age.abs() < 1e-9, "it was not read again:\n{page}");
    }
}

#[test]
fn a_data_root_that_was_never_read_is_a_scrape_too() {
    let (folder, root) = data_root();
    drop(folder);
    let page = scrape(&unkept(&root));
    assert!((failures(&page) - 1.0).abs() < 0.5, "{page}");
    assert!(number(&page, "foresite_console_findings_read_timestamp_seconds").abs() < 1e-9);
    assert!(!page.contains("foresite_monitor_"), "{page}");
}

#[test]
fn tables_are_not_read_for_every_scrape() {
    let (_folder, root) = data_root();
    let kept = metrics(root.clone(), patient(), None);
    let first = scrape(&kept);
    drift(&root);
    assert_eq!(scrape(&kept), first);
    assert!(scrape(&unkept(&root)).contains("foresite_monitor_drift_confirmed"));
}

#[test]
fn who_records_log_ins_tells_when_none_waited_and_nobody_else_does() {
    let (_folder, root) = data_root();
    let written_at = Arc::new(AtomicI64::new(END + 500_000));
    let page = scrape(&metrics(root.clone(), patient(), Some(written_at)));
    let name = "foresite_console_logins_written_timestamp_seconds";
    assert!((number(&page, name) - 1_773_100_800.5).abs() < 1e-3, "{page}");
    assert!(!scrape(&unkept(&root)).contains(name));
}
