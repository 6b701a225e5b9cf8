//! Clusters of more than one NameNode, or with Kerberos: see `all.sh`. And runs of the tiny stages
//! on a data root there.

use foresite_tables::{Read, Root};
use foresite_testkit::{Binary, Hdfs};
use serde_json::json;

/// What a test needs beyond one NameNode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Two NameNodes, no Kerberos.
    Ha,
    /// Two NameNodes and Kerberos.
    Kerberos,
}

impl Shape {
    /// The cluster for one test alone, whole again after whatever an earlier test broke; `None`
    /// after printing why the test is skipped.
    pub(crate) fn cluster(self) -> Option<Hdfs> {
        let hdfs = Hdfs::alone()?;
        let daemons = hdfs.control("status");
        let has = |name: &str| daemons.lines().any(|line| line.starts_with(name));
        if !has("nn2") || has("kdc") != (self == Self::Kerberos) {
            println!("SKIPPED: needs a cluster of the shape {self:?}, see tests/hdfs/all.sh");
            return None;
        }
        hdfs.control("heal");
        Some(hdfs)
    }
}

/// A data root whose landing folder holds files of one value each.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) root: Root,
    files: u32,
    pause_ms: u64,
}

impl Counted {
    /// `pause_ms` is how long `tiny-count` rests after each file.
    pub(crate) fn new(hdfs: &Hdfs, files: u32, pause_ms: u64) -> Self {
        let root = Root::open(&hdfs.folder()).unwrap();
        root.create().unwrap();
        for number in 0..files {
            root.write(&format!("landing/{number:03}.csv"), format!("a,0,{number}\n")).unwrap();
        }
        Self { root, files, pause_ms }
    }

    /// `tiny-count`, which commits once a file. Always with the same configuration, which is a part
    /// of what makes a rerun unchanged.
    pub(crate) fn count(&self) -> Binary {
        self.stage("tiny-count").config(&json!({"pause_ms": self.pause_ms}))
    }

    fn stage(&self, name: &str) -> Binary {
        let binary = Binary::stage(name).arg("--data-root").arg(self.root.url().as_str());
        binary.args("--as-of 1970-01-01T02:00:00Z")
    }

    /// Every file was taken exactly once.
    #[track_caller]
    pub(crate) fn assert_taken_once(&self) {
        let values = self.root.existing(foresite_tests::values()).unwrap();
        let rows = values.read_all(&Read::all()).unwrap();
        assert_eq!(rows.num_rows(), usize::try_from(self.files).unwrap(), "one row a file");
    }

    /// Every file was taken exactly once, a rerun finds nothing to do, and it adds up.
    #[track_caller]
    pub(crate) fn assert_complete(&self) {
        self.assert_taken_once();
        let rerun = self.count().exits(0);
        assert_eq!(rerun.status(), "unchanged", "{}", rerun.stderr);
        let sum = self.stage("tiny-sum");
        let sum = sum.interval("1970-01-01T00:00:00Z", "1970-01-01T01:00:00Z").exits(0);
        assert_eq!(sum.result["outputs"][0]["rows"], 1, "{}", sum.result);
    }
}
