//! Rights that are taken away while a stage writes.

use foresite_tables::Read;
use foresite_testkit::Hdfs;

use crate::ha::{counting, ended};
use crate::shape::Counted;

#[test]
fn a_permission_removed_midway_is_73_and_given_back_the_rerun_goes_on() {
    let Some(hdfs) = Hdfs::shared() else { return };
    let data = Counted::new(&hdfs, 24, 400);
    let (child, binary) = counting(&data);
    let tables = data.root.url().join("tables").unwrap();
    hdfs.superuser(&format!("dfs -chmod -R 555 {tables}"));
    let run = ended(child, &binary);
    assert_eq!(run.code, Some(73), "{}", run.stderr);
    assert!(run.error_line().contains("AccessControlException"), "{}", run.stderr);
    let table = data.root.existing(foresite_tests::values()).unwrap();
    // The first commit makes the table, each one after it is one file of one row.
    let commits = table.version().unwrap();
    assert_eq!(table.read_all(&Read::all()).unwrap().num_rows() as u64, commits);
    assert_eq!(table.verify().unwrap().faults, []);
    assert!(commits < 24, "the stage was still at work");
    hdfs.superuser(&format!("dfs -chmod -R 755 {tables}"));
    data.count().exits(0);
    data.assert_complete();
}
