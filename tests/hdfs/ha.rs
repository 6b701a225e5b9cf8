//! Fail-over in the middle of a run: reads, writes and commits go on at the other NameNode.

use std::process::Child;
use std::time::{Duration, Instant};

use foresite_testkit::{Binary, Hdfs, Run};

use crate::shape::{Counted, Shape};

const FILES: u32 = 12;
/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(120);

/// Starts `tiny-count` over all files with a pause after each, and waits for its third commit.
pub(crate) fn counting(data: &Counted) -> (Child, Binary) {
    let (child, binary) = data.count().start();
    let third = "tables/tiny_values/_delta_log/00000000000000000003.json";
    let started = Instant::now();
    while data.root.entry(third).unwrap().is_none() {
        assert!(started.elapsed() < PATIENCE, "{third} did not come");
        std::thread::sleep(Duration::from_millis(100));
    }
    (child, binary)
}

pub(crate) fn ended(child: Child, binary: &Binary) -> Run {
    binary.ended(&child.wait_with_output().unwrap()).unwrap()
}

#[test]
fn a_planned_fail_over_disturbs_nobody() {
    let Some(hdfs) = Shape::Ha.cluster() else { return };
    let data = Counted::new(&hdfs, FILES, 500);
    let (child, binary) = counting(&data);
    hdfs.control("failover");
    let run = ended(child, &binary);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(run.number("files"), Some(f64::from(FILES)), "{}", run.result);
    data.assert_complete();
}

#[test]
fn a_killed_namenode_is_replaced_by_the_other() {
    let Some(hdfs) = Shape::Ha.cluster() else { return };
    let data = Counted::new(&hdfs, FILES, 500);
    let (child, binary) = counting(&data);
    hdfs.control(&format!("kill-namenode {}", active(&hdfs)));
    hdfs.control("failover");
    let run = ended(child, &binary);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    data.assert_complete();
    hdfs.control("heal");
}

#[test]
fn a_frozen_namenode_is_left_for_the_other() {
    let Some(hdfs) = Shape::Ha.cluster() else { return };
    let data = Counted::new(&hdfs, FILES, 500);
    let (child, binary) = counting(&data);
    hdfs.control(&format!("pause-namenode {}", active(&hdfs)));
    hdfs.control("failover");
    let run = ended(child, &binary);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    hdfs.control("heal");
    data.assert_complete();
}

#[test]
fn a_lost_journal_quorum_is_a_passing_fault_and_loses_nothing() {
    let Some(hdfs) = Shape::Ha.cluster() else { return };
    let data = Counted::new(&hdfs, FILES, 500);
    let (child, binary) = counting(&data);
    hdfs.control("kill-journalnode 1");
    hdfs.control("kill-journalnode 2");
    let run = ended(child, &binary);
    assert_eq!(run.code, Some(75), "{}", run.stderr);
    hdfs.control("heal");
    let rest = data.count().exits(0);
    assert_eq!(rest.number("files"), Some(f64::from(FILES)), "{}", rest.result);
    data.assert_complete();
}

fn active(hdfs: &Hdfs) -> String {
    let status = hdfs.control("status");
    let line = status.lines().find(|line| line.ends_with("active")).expect("an active NameNode");
    line.split_whitespace().next().unwrap().trim_start_matches("nn").to_owned()
}
