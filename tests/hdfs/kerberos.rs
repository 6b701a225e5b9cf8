//! Kerberos: login by keytab, runs longer than a ticket lives, what is said without one, and that
//! nothing travels in the clear.

use std::time::Duration;

use foresite_testkit::{Binary, Hdfs, Run};
use serde_json::json;
use tempfile::TempDir;

use crate::proxy::Proxy;
use crate::server::Server;
use crate::serving;
use crate::shape::{Counted, Shape};

/// How long a ticket lives in the cluster of `all.sh`.
const TICKET_LIFE: Duration = Duration::from_mins(2);

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

/// A proxy in front of the first NameNode, which is the active one.
fn proxy(hdfs: &Hdfs) -> Proxy {
    if hdfs.control("failover").trim() != "nn1" {
        hdfs.control("failover");
    }
    Proxy::start()
}

/// How a run ends whose connections break after a while, so that it must log in once more.
fn ended_after_a_cut(run: Binary, mut proxy: Proxy, after: Duration) -> Run {
    let (child, binary) = run.env("HADOOP_CONF_DIR", &proxy.conf).start();
    std::thread::sleep(after);
    assert_ne!(proxy.tell("passed"), "0", "the run goes through the proxy");
    proxy.tell("cut");
    binary.ended(&child.wait_with_output().unwrap()).unwrap()
}

#[test]
fn a_run_longer_than_its_ticket_goes_on() {
    let Some(hdfs) = Shape::Kerberos.cluster() else { return };
    let files = 10;
    let pause = TICKET_LIFE * 3 / 2 / files;
    let data = Counted::new(&hdfs, files, u64::try_from(pause.as_millis()).unwrap());
    // The first ticket is dead by then, even for a forgiving clock.
    let after = TICKET_LIFE + Duration::from_secs(15);
    let run = ended_after_a_cut(data.count(), proxy(&hdfs), after);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(run.number("files"), Some(f64::from(files)), "{}", run.result);
    data.assert_taken_once();
}

#[test]
fn a_service_longer_than_its_ticket_goes_on() {
    let Some(hdfs) = Shape::Kerberos.cluster() else { return };
    let root = serving::promoted(&hdfs);
    let mut proxy = proxy(&hdfs);
    let cache = TempDir::new().unwrap();
    let tickets = cache.path().join("new");
    let conf = proxy.conf.clone();
    let environment =
        [("HADOOP_CONF_DIR", conf.as_str()), ("KRB5CCNAME", tickets.to_str().unwrap())];
    let config = json!({ "reuse_seconds": 0.0 });
    let server = Server::start_with(root.url().as_str(), &config, &[], &environment);
    server.wait("ready", serving::is_ready);
    let before = serving::by_entity(&server);
    assert_eq!(before.status, 200, "{}", before.body);
    // The first ticket is dead by then, even for a forgiving clock; the aliases were looked at all the
    // time.
    std::thread::sleep(TICKET_LIFE + Duration::from_secs(15));
    assert_ne!(proxy.tell("passed"), "0", "the service goes through the proxy");
    proxy.tell("cut");
    assert_eq!(serving::answered_again(&server).body, before.body);
    assert!(serving::is_ready(&server), "{}", server.log());
    assert!(!server.log().contains("not authenticated"), "{}", server.log());
}

/// The environment's Kerberos configuration with tickets of twenty seconds, which may be renewed
/// for longer.
fn short_tickets(folder: &TempDir) -> String {
    let text = std::fs::read_to_string(std::env::var("KRB5_CONFIG").unwrap()).unwrap();
    let life = text.lines().find(|line| line.contains("ticket_lifetime")).unwrap();
    assert!(text.contains("renew_lifetime"), "{text}");
    let path = folder.path().join("krb5.conf");
    std::fs::write(&path, text.replace(life, "  ticket_lifetime = 20s")).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_run_on_a_credential_cache_alone_ends_with_its_ticket() {
    let Some(hdfs) = Shape::Kerberos.cluster() else { return };
    let folder = TempDir::new().unwrap();
    let conf = short_tickets(&folder);
    let cache = folder.path().join("cache");
    let cache = cache.to_str().unwrap();
    // As a person's `kinit` does, the keytab of another run leaves a ticket in the cache.
    let login = Counted::new(&hdfs, 1, 0);
    login.count().env("KRB5_CONFIG", &conf).env("KRB5CCNAME", cache).exits(0);
    let files = 4;
    let data = Counted::new(&hdfs, files, 12_000);
    let person = data.count().env("KRB5_CONFIG", &conf).env("KRB5CCNAME", cache);
    let person = person.env("KRB5_CLIENT_KTNAME", &format!("{cache}-absent"));
    let run = ended_after_a_cut(person, proxy(&hdfs), Duration::from_secs(32));
    assert_eq!(run.code, Some(73), "{}", run.stderr);
    assert!(run.error_line().contains("not authenticated"), "{}", run.stderr);
    assert!(run.stderr.contains("KRB5_CLIENT_KTNAME"), "{}", run.stderr);
    // What it committed counts; a run with the keytab takes up the rest.
    let rest = data.count().exits(0);
    assert_eq!(rest.number("files"), Some(f64::from(files)), "{}", rest.result);
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
    let mut proxy = proxy(&hdfs);
    data.count().env("HADOOP_CONF_DIR", &proxy.conf).exits(0);
    assert_ne!(proxy.tell("passed"), "0", "the run went through the proxy");
    for method in ["getFileInfo", "create", "rename2", "addBlock"] {
        assert_eq!(proxy.tell(&format!("seen {method}")), "0", "{method} is readable on the wire");
    }
}

#[test]
fn blocks_travel_encrypted_with_the_fast_cipher() {
    let Some(hdfs) = Shape::Kerberos.cluster() else { return };
    let data = Counted::new(&hdfs, 1, 0);
    data.root.write("landing/words.csv", "readable-on-the-wire,0,5\n").unwrap();
    let mut tap = Proxy::tap();
    data.count().env("HADOOP_CONF_DIR", &tap.conf).exits(0);
    // The first was read, the others were written: the log of a table, and its data.
    for text in ["readable-on-the-wire", "commitInfo", "PAR1"] {
        assert_eq!(tap.tell(&format!("seen {text}")), "0", "{text} is readable on the wire");
    }
    assert_eq!(tap.tell("ciphers"), "AES/CTR/NoPadding");
    let passed: u64 = tap.tell("passed").parse().unwrap();
    assert!(passed > 10_000, "only {passed} bytes went through the tap");
}
