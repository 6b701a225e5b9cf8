//! Kerberos: login by keytab, runs longer than a ticket lives, what is said without one, and that
//! nothing travels in the clear.

use tempfile::TempDir;

use crate::shape::{Counted, Proxy, Shape};

/// How long a ticket lives in the cluster of `all.sh`, in milliseconds.
const TICKET_LIFE_MS: u64 = 120_000;

#[test]
fn a_keytab_logs_in_without_kinit() {
    let Some(hdfs) = Shape::Kerberos.cluster() else { return };
    let data = Counted::new(&hdfs, 2, 0);
    let cache = TempDir::new().unwrap();
    let count = data.count().env("KRB5CCNAME", cache.path().join("new").to_str().unwrap());
    assert_eq!(count.exits(0).number("files"), Some(2.0));
    data.assert_complete();
}

#[test]
fn without_a_ticket_the_message_says_what_to_do() {
    let Some(hdfs) = Shape::Kerberos.cluster() else { return };
    let data = Counted::new(&hdfs, 1, 0);
    let nowhere = TempDir::new().unwrap();
    let absent = nowhere.path().join("absent");
    let absent = absent.to_str().unwrap();
    let run = data.count().env("KRB5_CLIENT_KTNAME", absent).env("KRB5CCNAME", absent).exits(73);
    assert!(run.error_line().contains("not authenticated"), "{}", run.stderr);
    assert!(run.stderr.contains("KRB5_CLIENT_KTNAME"), "{}", run.stderr);
    assert!(!run.stderr.contains("\tat "), "no stack trace: {}", run.stderr);
}

#[test]
fn another_user_may_not_write() {
    let Some(hdfs) = Shape::Kerberos.cluster() else { return };
    let data = Counted::new(&hdfs, 1, 0);
    let own = std::env::var("KRB5_CLIENT_KTNAME").unwrap();
    let keytab = own.replace("foresite.keytab", "stranger.keytab");
    assert_ne!(own, keytab);
    let cache = TempDir::new().unwrap();
    let stranger = data.count().env("KRB5_CLIENT_KTNAME", &keytab);
    let run = stranger.env("KRB5CCNAME", cache.path().join("new").to_str().unwrap()).exits(73);
    assert!(run.error_line().contains("AccessControlException"), "{}", run.stderr);
}

#[test]
fn a_run_longer_than_its_ticket_goes_on() {
    let Some(hdfs) = Shape::Kerberos.cluster() else { return };
    let files = 10;
    // Connections that are idle for 10 s are closed, so that each file needs a new login.
    let pause = TICKET_LIFE_MS * 3 / 2 / u64::from(files);
    let data = Counted::new(&hdfs, files, pause);
    let run = data.count().exits(0);
    assert_eq!(run.number("files"), Some(f64::from(files)), "{}", run.result);
    data.assert_taken_once();
}

#[test]
fn a_fail_over_needs_no_login_by_hand() {
    let Some(hdfs) = Shape::Kerberos.cluster() else { return };
    let data = Counted::new(&hdfs, 2, 0);
    data.count().exits(0);
    hdfs.control("failover");
    data.assert_complete();
}

#[test]
fn calls_travel_encrypted() {
    let Some(hdfs) = Shape::Kerberos.cluster() else { return };
    let data = Counted::new(&hdfs, 1, 0);
    // The proxy stands in front of the first NameNode.
    if hdfs.control("failover").trim() != "nn1" {
        hdfs.control("failover");
    }
    let mut proxy = Proxy::start();
    data.count().env("HADOOP_CONF_DIR", &proxy.conf).exits(0);
    assert_ne!(proxy.tell("passed"), "0", "the run went through the proxy");
    for method in ["getFileInfo", "create", "rename2", "addBlock"] {
        assert_eq!(proxy.tell(&format!("seen {method}")), "0", "{method} is readable on the wire");
    }
}
