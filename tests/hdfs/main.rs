//! Storage on a real HDFS: what the store promises, and what holds while parts of the cluster fail.
//!
//! Skipped, with the reason, unless `FORESITE_TEST_HDFS` names the program that controls a running
//! test cluster and the variables of its `env` are set.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod clock;
mod faults;
mod files;
#[allow(dead_code)] // the local tests need more of it
#[path = "../../crates/tables/tests/tables/fixture.rs"]
mod fixture;
mod ha;
mod kerberos;
mod proxy;
mod refusals;
mod renames;
mod shape;
#[path = "../../crates/tables/tests/tables/slots.rs"]
mod slots;
mod smoke;

use foresite_tables::Root;
use foresite_testkit::Hdfs;

/// A data root of its own on the cluster, shared with other tests.
fn root() -> Option<(Hdfs, Root)> {
    let hdfs = Hdfs::shared()?;
    let root = Root::open(&hdfs.folder()).unwrap();
    root.create().unwrap();
    Some((hdfs, root))
}

/// Bytes that differ from place to place.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(length).collect()
}
