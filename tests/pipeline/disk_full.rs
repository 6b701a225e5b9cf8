//! A full disk: exit 73, one line that says so, and a rerun after clean-up goes on.

use std::fmt::Write as _;

use foresite_testkit::{Binary, SmallDisk};

#[test]
fn a_full_disk_is_said_and_nothing_half_written_is_visible() {
    let Some(disk) = SmallDisk::mount() else { return };
    std::fs::create_dir(disk.path().join("landing")).unwrap();
    let mut text = String::new();
    for cell in 0..4000 {
        writeln!(text, "cell-{cell},0,{}", cell * 7919 % 10_007).unwrap();
    }
    std::fs::write(disk.path().join("landing/a.csv"), text).unwrap();
    let filler = disk.path().join("filler");
    // As much as fits: the write stops where the disk is full.
    drop(std::fs::write(&filler, vec![0_u8; 2 << 20]));

    let count =
        || Binary::stage("tiny-count").root(disk.path()).args("--as-of 1970-01-01T02:00:00Z");
    let run = count().run();
    assert_eq!(run.code, Some(73), "{}", run.stderr);
    assert!(run.error_line().contains("No space left on device"), "{}", run.stderr);

    std::fs::remove_file(&filler).unwrap();
    let rest = count().exits(0);
    assert_eq!(rest.result["outputs"][0]["rows"], 4000, "{}", rest.result);
}
