//! Parts of the cluster fail while stages read and write.

use std::time::{Duration, Instant};

use foresite_tables::Root;
use foresite_testkit::Hdfs;

use crate::noise;

/// Mends the cluster by a command, whatever became of the test.
pub(crate) struct Heal<'a>(pub(crate) &'a Hdfs, pub(crate) &'static str);

impl Drop for Heal<'_> {
    fn drop(&mut self) {
        self.0.control(self.1);
    }
}

fn root(hdfs: &Hdfs) -> Root {
    let root = Root::open(&hdfs.folder()).unwrap();
    root.create().unwrap();
    root
}

#[test]
fn writes_outlive_a_datanode_that_dies_unnoticed() {
    let Some(hdfs) = Hdfs::alone() else { return };
    let root = root(&hdfs);
    let bytes = noise(300_000);
    root.write("before", bytes.clone()).unwrap();
    hdfs.control("kill-datanode 1");
    let heal = Heal(&hdfs, "start-datanode 1");
    // The NameNode takes 12 to 15 s to notice; until then it gives new blocks to the dead one.
    let until = Instant::now() + Duration::from_secs(20);
    let mut written = 0;
    while Instant::now() < until && written < 400 {
        root.write(&format!("during/{written}"), bytes.clone()).unwrap();
        written += 1;
    }
    drop(heal);
    println!("{written} files were written while a DataNode was dead");
    assert!(written > 0);
    for file in 0..written {
        assert_eq!(root.read(&format!("during/{file}")).unwrap(), bytes);
    }
    assert!(root.leftovers("").unwrap().is_empty(), "abandoned tries are deleted");
}

#[test]
fn a_large_write_and_a_large_read_outlive_the_death_of_a_datanode() {
    let Some(hdfs) = Hdfs::alone() else { return };
    let root = root(&hdfs);
    let bytes = noise(48 << 20);
    std::thread::scope(|scope| {
        let (root, bytes) = (&root, &bytes);
        let writer = scope.spawn(move || root.write("large", bytes.clone()).unwrap());
        std::thread::sleep(Duration::from_millis(300));
        hdfs.control("kill-datanode 2");
        writer.join().unwrap();
    });
    let heal = Heal(&hdfs, "start-datanode 2");
    assert_eq!(root.read("large").unwrap(), bytes);
    drop(heal);
    std::thread::scope(|scope| {
        let root = &root;
        let reader = scope.spawn(move || root.read("large").unwrap());
        std::thread::sleep(Duration::from_millis(50));
        hdfs.control("kill-datanode 3");
        assert!(reader.join().unwrap() == bytes, "the bytes differ");
    });
    drop(Heal(&hdfs, "start-datanode 3"));
    assert!(root.leftovers("").unwrap().is_empty());
}

#[test]
fn a_namenode_that_stands_still_for_five_seconds_is_waited_for() {
    let Some(hdfs) = Hdfs::alone() else { return };
    let root = root(&hdfs);
    std::thread::scope(|scope| {
        let root = &root;
        hdfs.control("pause-namenode 1");
        let writer = scope.spawn(move || root.write_new("log/1.json", "one").unwrap());
        std::thread::sleep(Duration::from_secs(5));
        hdfs.control("resume-namenode 1");
        assert!(writer.join().unwrap());
    });
    assert_eq!(root.read("log/1.json").unwrap(), "one");
}

#[test]
fn a_namenode_that_restarts_is_waited_for() {
    let Some(hdfs) = Hdfs::alone() else { return };
    let root = root(&hdfs);
    root.write("kept", "kept").unwrap();
    std::thread::scope(|scope| {
        let root = &root;
        hdfs.control("kill-namenode 1");
        let writer = scope.spawn(move || root.write_new("log/1.json", "one").unwrap());
        hdfs.control("start-namenode 1");
        assert!(writer.join().unwrap());
    });
    assert_eq!(root.read("kept").unwrap(), "kept");
}

#[test]
fn safe_mode_is_waited_out() {
    let Some(hdfs) = Hdfs::alone() else { return };
    let root = root(&hdfs);
    std::thread::scope(|scope| {
        let root = &root;
        hdfs.control("safemode enter");
        let writer = scope.spawn(move || root.write_new("log/1.json", "one").unwrap());
        std::thread::sleep(Duration::from_secs(1));
        hdfs.control("safemode leave");
        assert!(writer.join().unwrap());
    });
}
