//! What HDFS refuses ends a stage with the right exit code and says what to do.

use foresite_tables::{ErrorKind, Root};
use foresite_testkit::{Binary, Hdfs};

fn count(root: &str) -> Binary {
    Binary::stage("tiny-count").arg("--data-root").arg(root).args("--as-of 1970-01-01T01:00:00Z")
}

#[test]
fn a_stage_runs_on_hdfs_and_what_is_missing_is_66() {
    let Some((_hdfs, root)) = crate::root() else { return };
    root.write("landing/a.csv", "c1,0,1.5\n").unwrap();
    assert_eq!(count(root.url().as_str()).exits(0).status(), "done");
    let again = count(root.url().as_str()).exits(0);
    assert_eq!(again.status(), "unchanged");
    let nowhere = root.url().join("nowhere").unwrap();
    let run = count(nowhere.as_str()).exits(66);
    assert!(run.error_line().contains("no such directory"), "{}", run.stderr);
    let error = root.existing(foresite_tests::sums()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Missing);
}

#[test]
fn no_right_to_write_or_to_read_is_73() {
    let Some((hdfs, root)) = crate::root() else { return };
    root.write("landing/a.csv", "c1,0,1.5\n").unwrap();
    let stranger = || count(root.url().as_str()).env("HADOOP_USER_NAME", "stranger");
    let run = stranger().exits(73);
    assert!(run.error_line().contains("AccessControlException"), "{}", run.stderr);
    assert!(run.error_line().contains("hdfs dfs -chmod"), "{}", run.stderr);
    assert!(!run.stderr.contains("\tat org.apache"), "no Java stack trace: {}", run.stderr);
    hdfs.control(&format!("dfs -chmod 700 {}", root.url()));
    let run = stranger().exits(73);
    assert!(run.error_line().contains("AccessControlException"), "{}", run.stderr);
}

#[test]
fn a_full_quota_is_73_and_says_so() {
    let Some((hdfs, root)) = crate::root() else { return };
    root.write("landing/a.csv", "c1,0,1.5\n").unwrap();
    hdfs.superuser(&format!("dfsadmin -setQuota 3 {}", root.url()));
    let run = count(root.url().as_str()).exits(73);
    assert!(run.error_line().contains("QuotaExceededException"), "{}", run.stderr);
    assert!(run.error_line().contains("raise the quota"), "{}", run.stderr);
}

#[test]
fn an_unknown_service_is_a_usage_error_and_a_dead_one_is_75() {
    let Some(_hdfs) = Hdfs::shared() else { return };
    let error = Root::open("hdfs://nobody-knows/data").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.advice().unwrap().contains("HADOOP_CONF_DIR"), "{error}");
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let run = count(&format!("hdfs://127.0.0.1:{port}/data")).exits(75);
    assert!(run.error_line().to_lowercase().contains("connection refused"), "{}", run.stderr);
}
