//! Blocks that cannot be read: corrupt ones, and ones whose DataNodes are all down.

use std::sync::mpsc;
use std::time::Duration;

use foresite_tables::{ErrorKind, Read, Result, Root};
use foresite_testkit::{Binary, Hdfs};

use crate::faults::Heal;
use crate::fixture::filled;
use crate::noise;

/// Far beyond every deadline: who is not back by then hangs.
const HANGS: Duration = Duration::from_secs(300);

fn root(hdfs: &Hdfs) -> Root {
    let root = Root::open(&hdfs.folder()).unwrap();
    root.create().unwrap();
    root
}

fn datanodes(hdfs: &Hdfs) -> usize {
    hdfs.control("status").lines().filter(|line| line.starts_with("dn")).count()
}

/// Data files of `kpis`, below the root.
fn parts(root: &Root) -> Vec<String> {
    let files = root.list("tables/kpis/").unwrap().into_iter().map(|file| file.path);
    files.filter(|path| path.contains("/part-")).collect()
}

fn corrupt(hdfs: &Hdfs, root: &Root, path: &str, more: &str) {
    let place = root.url().join(path).unwrap();
    let damaged = hdfs.control(&format!("corrupt {} {more}", place.path()));
    assert!(damaged.contains("blk_"), "{damaged}");
}

#[test]
fn corrupt_replicas_are_read_around_and_a_corrupt_block_is_named() {
    let Some(hdfs) = Hdfs::alone() else { return };
    let others = datanodes(&hdfs).min(3) - 1;
    if others == 0 {
        return println!("SKIPPED: needs two DataNodes");
    }
    let root = root(&hdfs);
    let table = filled(&root, 0..4);
    let [first, second, third, _] = &parts(&root)[..] else { panic!("a file for each hour") };
    corrupt(&hdfs, &root, first, &format!("--replicas {others}"));
    assert_eq!(table.read_all(&Read::all()).unwrap().num_rows(), 8, "one replica is whole");
    assert_eq!(table.verify().unwrap().faults, []);

    corrupt(&hdfs, &root, second, "");
    let error = root.read(second).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreadable, "{error}");
    assert!(error.to_string().contains(second), "{error}");
    assert!(error.to_string().contains("the block is corrupt"), "{error}");
    assert!(error.advice().unwrap().contains("hdfs fsck"), "{error}");
    root.delete(third).unwrap();
    let run = verify(&root).exits(65);
    let faults: Vec<&str> =
        run.stderr.lines().filter(|line| line.starts_with("ERROR tables/")).collect();
    assert_eq!(faults.len(), 2, "the files around them are whole: {}", run.stderr);
    let corrupt = format!("{second}: no DataNode gave a block of it");
    assert!(faults[0].contains(&corrupt) && faults[0].contains("fsck"), "{}", run.stderr);
    assert!(faults[1].contains(third), "{}", run.stderr);
    assert!(root.read(first).is_ok());
    // No other test is to find blocks that cannot be read.
    hdfs.control(&format!("dfs -rm -r -skipTrash {}", root.url()));
}

fn verify(root: &Root) -> Binary {
    let stage = Binary::stage("maintain").arg("--data-root").arg(root.url().as_str());
    stage.args("--as-of 2026-02-01T00:00:00Z --step verify")
}

/// Reads a file on a thread of its own.
fn reading(root: &Root, path: &'static str) -> mpsc::Receiver<Result<bytes::Bytes>> {
    let (to, from) = mpsc::channel();
    let root = root.clone();
    std::thread::spawn(move || to.send(root.read(path)));
    from
}

fn all(hdfs: &Hdfs, verb: &str) {
    for datanode in 1..=datanodes(hdfs) {
        hdfs.control(&format!("{verb}-datanode {datanode}"));
    }
}

#[test]
fn a_block_whose_datanodes_are_down_or_silent_for_twenty_seconds_is_waited_for() {
    let Some(hdfs) = Hdfs::alone() else { return };
    let root = root(&hdfs);
    let bytes = noise(3 << 20);
    root.write("kept", bytes.clone()).unwrap();
    for verb in ["kill", "pause"] {
        let heal = Heal(&hdfs, "heal");
        all(&hdfs, verb);
        let read = reading(&root, "kept");
        std::thread::sleep(Duration::from_secs(20));
        assert!(read.try_recv().is_err(), "{verb}: no answer while nobody has the block");
        drop(heal);
        let read = read.recv_timeout(HANGS).expect("it does not hang").unwrap();
        assert!(read == bytes, "{verb}: the bytes differ");
    }
}

#[test]
fn a_block_whose_datanodes_stay_down_is_75_with_its_path_and_comes_back() {
    let Some(hdfs) = Hdfs::alone() else { return };
    let root = root(&hdfs);
    root.write("tables/kept", "kept").unwrap();
    filled(&root, 0..2);
    let heal = Heal(&hdfs, "heal");
    all(&hdfs, "kill");
    let verified = {
        let root = root.clone();
        std::thread::spawn(move || verify(&root).exits(75))
    };
    let read = reading(&root, "tables/kept").recv_timeout(HANGS).expect("it does not hang");
    let error = read.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreadable, "{error}");
    assert!(error.to_string().contains("tables/kept"), "{error}");
    assert!(!error.to_string().contains("DatanodeIdProto"), "{error}");
    // It gives up before it has asked for every file.
    let run = verified.join().unwrap();
    assert!(run.error_line().contains("3 files in a row"), "{}", run.stderr);
    assert!(run.error_line().contains("00000000000000000002.json"), "{}", run.stderr);
    drop(heal);
    assert_eq!(root.read("tables/kept").unwrap(), "kept");
    verify(&root).exits(0);
}
