//! A model service whose data root is on HDFS, while HDFS dies and comes back.

use std::path::Path;
use std::time::{Duration, Instant};

use foresite_tables::Root;
use foresite_testkit::Hdfs;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::client::{Answer, infer};
use crate::faults::Heal;
use crate::server::{Server, copy};
use crate::toy::END;

/// How long HDFS may take to be of use again: readers that wait for it pause between their tries.
const PATIENCE: Duration = Duration::from_secs(120);

/// Every request reads the tables itself, and answers within seconds.
fn config() -> Json {
    json!({ "reuse_seconds": 0.0, "limits": { "request_seconds": 5.0 } })
}

/// A data root on the cluster with the champion of the toy task.
pub(crate) fn promoted(hdfs: &Hdfs) -> Root {
    let local = copy();
    let root = Root::open(&hdfs.folder()).unwrap();
    root.create().unwrap();
    copy_up(local.path(), "", &root);
    root
}

fn copy_up(folder: &Path, prefix: &str, root: &Root) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            copy_up(&entry.path(), &format!("{path}/"), root);
        } else {
            root.write(&path, std::fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

pub(crate) fn by_entity(server: &Server) -> Answer {
    let body = json!({ "inputs": [
        { "name": "entity", "shape": [2], "datatype": "BYTES", "data": ["device-00", "device-07"] },
        { "name": "cutoff", "shape": [1], "datatype": "BYTES", "data": [END] },
    ] });
    infer(server.rest(), &body)
}

fn by_features(server: &Server) -> Answer {
    let body = json!({ "inputs": [
        { "name": "features", "shape": [1, 2], "datatype": "FP64", "data": [0.9, 0.5] },
    ] });
    infer(server.rest(), &body)
}

pub(crate) fn is_ready(server: &Server) -> bool {
    server.get("/v2/health/ready").status == 200
}

/// Asks until there is an answer; whatever comes before it says that the tables cannot be read.
pub(crate) fn answered_again(server: &Server) -> Answer {
    let started = Instant::now();
    loop {
        let answer = by_entity(server);
        if answer.status == 200 {
            return answer;
        }
        let text = answer.refusal(503);
        assert!(started.elapsed() < PATIENCE, "{text}; log:\n{}", server.log());
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// What holds while nobody can read: answers from what is at hand, and a word about the rest.
fn assert_cut_off(server: &Server, known: &Answer) {
    for _ in 0..3 {
        // The client waits for 30 s and no longer.
        let text = by_entity(server).refusal(503);
        assert!(text.starts_with("the tables c"), "{text}");
        assert_eq!(by_features(server).body, known.body);
        assert!(is_ready(server), "{}", server.log());
    }
}

#[test]
fn a_service_outlives_its_namenode_and_restarts_without_it() {
    let Some(hdfs) = Hdfs::alone() else { return };
    let root = promoted(&hdfs);
    let cache = TempDir::new().unwrap();
    let more = ["--cache-dir", cache.path().to_str().unwrap()];
    let start = || Server::start(root.url().as_str(), &config(), &more);
    let server = start();
    server.wait("ready", is_ready);
    server.wait("the copy", |_| cache.path().join("toy/aliases.json").exists());
    let (read, at_hand) = (by_entity(&server), by_features(&server));
    assert_eq!((read.status, at_hand.status), (200, 200), "{} {}", read.body, at_hand.body);

    hdfs.control("kill-namenode 1");
    let heal = Heal(&hdfs, "start-namenode 1");
    assert_cut_off(&server, &at_hand);
    drop(server);
    let restarted = start();
    restarted.wait("ready without it", is_ready);
    let words = "the models of the last run are in use";
    assert!(restarted.line(words).is_some(), "{}", restarted.log());
    assert_cut_off(&restarted, &at_hand);

    drop(heal);
    assert_eq!(answered_again(&restarted).body, read.body, "without a restart");
    let looks = |server: &Server| !server.metrics().contains("{outcome=\"unchanged\"} 0");
    restarted.wait("a look at the aliases", looks);
    assert_eq!(by_features(&restarted).body, at_hand.body);
}

#[test]
fn a_namenode_that_hangs_is_not_waited_for_longer_than_a_request_may_take() {
    let Some(hdfs) = Hdfs::alone() else { return };
    let root = promoted(&hdfs);
    let server = Server::start(root.url().as_str(), &config(), &[]);
    server.wait("ready", is_ready);
    let (read, at_hand) = (by_entity(&server), by_features(&server));
    hdfs.control("pause-namenode 1");
    let heal = Heal(&hdfs, "resume-namenode 1");
    assert_cut_off(&server, &at_hand);
    drop(heal);
    assert_eq!(answered_again(&server).body, read.body);
}
