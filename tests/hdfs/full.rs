//! No room: at the DataNodes, in the quota, in the local folder where uploads are spooled.

use std::process::Command;

use foresite_tables::{Error, ErrorKind, Root};
use foresite_testkit::{Hdfs, SmallDisk};
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutPayload};

use crate::faults::Heal;
use crate::shape::Counted;

/// Names the data root to the process of a test that runs alone.
const ROOT: &str = "FORESITE_TEST_ROOT";

/// Nothing of a table is visible, and nothing half written stays.
fn assert_untouched(data: &Counted) {
    assert!(data.root.find(foresite_tests::values()).unwrap().is_none());
    assert!(data.root.leftovers("").unwrap().is_empty());
}

#[test]
fn full_datanodes_are_73_and_with_room_the_rerun_goes_on() {
    let Some(hdfs) = Hdfs::alone() else { return };
    let data = Counted::new(&hdfs, 4, 0);
    let heal = Heal(&hdfs, "heal");
    let datanodes = hdfs.control("status").lines().filter(|line| line.starts_with("dn")).count();
    for datanode in 1..=datanodes {
        hdfs.control(&format!("fill-datanode {datanode}"));
    }
    let run = data.count().exits(73);
    assert!(run.error_line().contains("could only be written to 0"), "{}", run.stderr);
    assert!(run.error_line().contains("hdfs dfsadmin -report"), "{}", run.stderr);
    assert_untouched(&data);
    drop(heal);
    data.count().exits(0);
    data.assert_complete();
}

#[test]
fn a_full_space_quota_is_73_and_raised_the_rerun_goes_on() {
    let Some(hdfs) = Hdfs::shared() else { return };
    let data = Counted::new(&hdfs, 4, 0);
    // Less than one block of the test cluster.
    hdfs.superuser(&format!("dfsadmin -setSpaceQuota 500k {}", data.root.url()));
    let run = data.count().exits(73);
    assert!(run.error_line().contains("DSQuotaExceededException"), "{}", run.stderr);
    assert!(run.error_line().contains("raise the quota"), "{}", run.stderr);
    assert_untouched(&data);
    hdfs.superuser(&format!("dfsadmin -clrSpaceQuota {}", data.root.url()));
    data.count().exits(0);
    data.assert_complete();
}

#[test]
fn a_full_spool_is_said_and_nothing_is_written() {
    let (Some((_hdfs, root)), Some(disk)) = (crate::root(), SmallDisk::mount()) else { return };
    // `TMPDIR` counts for a whole process.
    let alone = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "full::uploads_through_a_small_spool", "--ignored", "--nocapture"])
        .env("TMPDIR", disk.path())
        .env(ROOT, root.url().as_str())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&alone.stdout);
    assert!(alone.status.success() && text.contains("1 passed"), "{text}");
    assert!(!root.exists("too-large").unwrap());
    assert_eq!(root.read("fits").unwrap().len(), 600_000);
    assert!(root.leftovers("").unwrap().is_empty());
}

#[test]
#[ignore = "runs with a small TMPDIR as a process of a_full_spool_is_said_and_nothing_is_written"]
fn uploads_through_a_small_spool() {
    let Ok(uri) = std::env::var(ROOT) else { return };
    let root = Root::open(&uri).unwrap();
    let upload = |name: &'static str, parts: usize| {
        let store = std::sync::Arc::clone(root.store());
        let place = Path::from_url_path(root.url().join(name).unwrap().path()).unwrap();
        async move {
            let mut upload = store.put_multipart(&place).await?;
            for _ in 0..parts {
                upload.put_part(PutPayload::from(crate::noise(300_000))).await?;
            }
            upload.complete().await
        }
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let error = Error::from(runtime.block_on(upload("too-large", 5)).unwrap_err());
    assert_eq!(error.kind(), ErrorKind::CannotWrite, "{error}");
    assert!(error.to_string().contains("spool an upload in"), "{error}");
    assert!(error.advice().unwrap().contains("TMPDIR"), "{error}");
    runtime.block_on(upload("fits", 2)).unwrap();
}
