//! The console as a process: who may leave marks, and where they land; what Prometheus reads; who is
//! on record for having asked.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod logins;
mod process;

use std::path::Path;

use foresite_schema::catalog::watch;
use foresite_tables::{Micros, Root};
use foresite_testkit::Rows;

use process::{command, get, post, scraped, started};

#[test]
fn a_mark_lands_in_the_name_of_its_token() {
    let root = tempfile::tempdir().unwrap();
    let tokens = root.path().join("tokens");
    std::fs::write(&tokens, "s3cret as K. Brandt\nprogram\n").unwrap();
    let console =
        started(root.path(), &["--accept-feedback", "--token-file", tokens.to_str().unwrap()]);
    let mark = r#"{"mark": "missed", "entity_type": "cell", "entity_id": "r/A/1",
                   "at": "2026-03-09T14:00:00Z"}"#;
    assert_eq!(post(&console, "unknown", mark).0, 401);
    let (status, answer) = post(&console, "program", mark);
    assert_eq!((status, answer.contains("`person` is missing")), (422, true), "{answer}");
    assert!(!root.path().join("landing").exists());

    let (status, answer) = post(&console, "s3cret", mark);
    assert_eq!(status, 202, "{answer}");
    let files: Vec<_> = std::fs::read_dir(root.path().join("landing/feedback")).unwrap().collect();
    let text = std::fs::read_to_string(files[0].as_ref().unwrap().path()).unwrap();
    assert!(text.contains(",missed,2026-03-09T14:00:00Z,cell,r/A/1,,,K. Brandt,"), "{text}");
    assert_eq!(files.len(), 1);
}

#[test]
fn credentials_in_a_data_root_are_refused_and_not_repeated() {
    let root = Path::new("hdfs://kim:correct-horse@namenode:8020/foresite");
    let ended = command(root, &[]).output().unwrap();
    let log = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{log}");
    assert!(log.contains("credentials do not belong in the URI"), "{log}");
    assert!(!log.contains("correct-horse"), "{log}");
}

#[test]
fn marks_of_anybody_are_not_accepted() {
    let root = tempfile::tempdir().unwrap();
    let arguments = ["--accept-feedback", "--listen", "0.0.0.0:0"];
    let ended = command(root.path(), &arguments).output().unwrap();
    let log = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{log}");
    assert!(log.contains("--accept-feedback") && log.contains("give --token-file"), "{log}");
}

#[test]
fn prometheus_reads_what_monitor_found_without_a_token() {
    const END: Micros = 1_773_100_800_000_000;
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens");
    std::fs::write(&tokens, "s3cret\n").unwrap();
    let root = Root::open(folder.path().to_str().unwrap()).unwrap();
    Rows::new(2)
        .text("task", [Some("anomaly"); 2].into_iter())
        .text("channel", [Some("traffic"), Some("users")].into_iter())
        .times("window_end", [Some(END); 2].into_iter())
        .text("cause", [Some("unknown"), None].into_iter())
        .flags("confirmed", [true, false].into_iter())
        .write(&root, watch::drift(), END);
    Rows::new(1)
        .text("task", [Some("data")].into_iter())
        .text("model_id", [Some("")].into_iter())
        .text("role", [Some("")].into_iter())
        .text("kind", [Some("data")].into_iter())
        .text("metric", [Some("completeness")].into_iter())
        .text("scope", [Some("files")].into_iter())
        .text("state", [Some("broken")].into_iter())
        .numbers("value", [Some(0.75)].into_iter())
        .times("window_end", [Some(END)].into_iter())
        .write(&root, watch::performance(), END);
    Rows::new(1)
        .text("task", [Some("anomaly")].into_iter())
        .text("decision", [Some("retrain")].into_iter())
        .text("reason", [Some("drift")].into_iter())
        .times("window_end", [Some(END)].into_iter())
        .write(&root, watch::retrain_decisions(), END);
    let tokens = tokens.to_str().unwrap();
    let arguments = ["--token-file", tokens, "--metrics-listen", "127.0.0.1:0"];
    let console = started(folder.path(), &arguments);

    let page = scraped(&console);
    for expected in [
        r#"foresite_monitor_day_end_timestamp_seconds{step="measure"} 1773100800"#,
        r#"foresite_monitor_day_end_timestamp_seconds{step="retrain"} 1773100800"#,
        r#"foresite_monitor_drift_confirmed{task="anomaly",cause="unknown"} 1"#,
        r#"foresite_monitor_performance_value{task="data",role="",kind="data",metric="completeness",scope="files"} 0.75"#,
        r#"foresite_monitor_retrain_decision{task="anomaly",decision="retrain",reason="drift"} 1"#,
    ] {
        assert!(page.contains(&format!("{expected}\n")), "{expected}\nis not in\n{page}");
    }
    // What people read is not there, and what Prometheus reads is not where people ask.
    assert_eq!(get(console.metrics.unwrap(), "/console/v1/worklist").0, 404);
    assert_eq!(get(console.address, "/metrics").0, 401);
}
