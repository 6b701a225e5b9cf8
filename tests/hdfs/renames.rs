//! A commit whose rename lost its request or its answer is there exactly once, and its writer knows.

use foresite_tables::Root;
use foresite_testkit::Hdfs;

use crate::proxy::{Fault, Proxy};

/// A root whose NameNode stands behind a proxy, and the same root without it.
fn roots(hdfs: &Hdfs, method: &str, fault: Fault, times: u32) -> (Proxy, Root, Root) {
    let folder = hdfs.folder();
    let proxy = Proxy::losing(method, fault, times);
    let through = Root::open(&folder.replace(hdfs.uri(), &proxy.uri)).unwrap();
    let direct = Root::open(&folder).unwrap();
    direct.create().unwrap();
    (proxy, through, direct)
}

/// Writes one commit through faults, and a second one of its version that must lose.
fn commit_through(fault: Fault, times: u32) {
    let Some(hdfs) = Hdfs::shared() else { return };
    let (mut proxy, through, direct) = roots(&hdfs, "rename2", fault, times);
    assert!(through.write_new("log/7.json", "mine").unwrap(), "{fault:?}: the commit was done");
    assert_eq!(proxy.left(), 0, "every fault was met");
    assert_eq!(direct.read("log/7.json").unwrap(), "mine");
    assert!(!direct.write_new("log/7.json", "late").unwrap());
    assert!(direct.leftovers("").unwrap().is_empty());
    assert_eq!(direct.list("").unwrap().len(), 1);
}

/// A commit through faults whose version somebody else has taken already is lost, and says so.
fn lose_through(fault: Fault) {
    let Some(hdfs) = Hdfs::shared() else { return };
    let (mut proxy, through, direct) = roots(&hdfs, "rename2", fault, 2);
    assert!(direct.write_new("log/7.json", "theirs").unwrap());
    assert!(!through.write_new("log/7.json", "mine").unwrap(), "{fault:?}: the commit was lost");
    assert!(proxy.left() < 2, "a fault was met");
    assert_eq!(direct.read("log/7.json").unwrap(), "theirs");
    assert!(direct.leftovers("").unwrap().is_empty());
}

#[test]
fn a_lost_answer_to_a_commit_is_found_out() {
    commit_through(Fault::LostReply, 1);
}

#[test]
fn a_lost_request_of_a_commit_is_sent_again() {
    commit_through(Fault::LostRequest, 3);
}

#[test]
fn a_request_that_comes_late_commits_once() {
    commit_through(Fault::LateRequest, 1);
}

#[test]
fn an_answer_that_never_comes_ends_with_the_deadline() {
    commit_through(Fault::Silence, 1);
}

#[test]
fn a_lost_race_is_lost_whatever_becomes_of_its_messages() {
    for fault in [Fault::LostReply, Fault::LostRequest, Fault::LateRequest] {
        lose_through(fault);
    }
}

#[test]
fn a_replaced_file_survives_lost_messages_too() {
    let Some(hdfs) = Hdfs::shared() else { return };
    for fault in [Fault::LostReply, Fault::LostRequest] {
        let (mut proxy, through, direct) = roots(&hdfs, "rename2", fault, 1);
        direct.write("pointer", "old").unwrap();
        through.write("pointer", "new").unwrap();
        assert_eq!(proxy.left(), 0);
        assert_eq!(direct.read("pointer").unwrap(), "new", "{fault:?}");
    }
}

#[test]
fn a_published_folder_survives_lost_messages_too() {
    let Some(hdfs) = Hdfs::shared() else { return };
    for fault in [Fault::LostReply, Fault::LostRequest] {
        // A lost answer is not asked for again, so that the second meets the folder's rename; a
        // lost request is repeated, and meets both faults with the file's.
        let (mut proxy, through, direct) = roots(&hdfs, "rename2", fault, 2);
        assert!(through.publish_folder("models/m", [("a", "1".into())]).unwrap(), "{fault:?}");
        assert_eq!(proxy.left(), 0);
        assert!(!direct.publish_folder("models/m", [("a", "2".into())]).unwrap());
        assert_eq!(direct.read("models/m/a").unwrap(), "1");
        assert_eq!(direct.list("").unwrap().len(), 1);
    }
}

#[test]
fn an_upload_whose_end_was_lost_is_done_again_under_another_name() {
    let Some(hdfs) = Hdfs::shared() else { return };
    for fault in [Fault::LostReply, Fault::LostRequest] {
        let (mut proxy, through, direct) = roots(&hdfs, "complete", fault, 1);
        through.write("part", crate::noise(100_000)).unwrap();
        assert_eq!(proxy.left(), 0);
        assert_eq!(direct.read("part").unwrap(), crate::noise(100_000), "{fault:?}");
        assert!(direct.leftovers("").unwrap().is_empty());
    }
}
