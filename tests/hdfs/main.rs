//! Storage on a real HDFS: what the store promises, and what holds while parts of the cluster fail.
//!
//! Skipped, with the reason, unless `FORESITE_TEST_HDFS` names the program that controls a running
//! test cluster and the variables of its `env` are set.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod blocks;
#[allow(dead_code)] // the tests on loopback need more of it
#[path = "../serve/client.rs"]
mod client;
mod clock;
mod crashes;
mod faults;
mod files;
#[allow(dead_code)] // the local tests need more of it
#[path = "../../crates/tables/tests/tables/fixture.rs"]
mod fixture;
mod full;
#[path = "../../crates/tables/tests/tables/gone.rs"]
mod gone;
mod ha;
mod kerberos;
mod maintain;
mod proxy;
#[path = "../pipeline/storage/raw_log.rs"]
mod raw_log;
mod refusals;
mod renames;
mod rights;
#[allow(dead_code)] // as above
#[path = "../serve/server.rs"]
mod server;
mod serving;
mod shape;
#[path = "../../crates/tables/tests/tables/slots.rs"]
mod slots;
mod smoke;
#[allow(dead_code)] // the pipeline's own tests need more of it
#[path = "../pipeline/toy.rs"]
mod toy;
#[path = "../pipeline/storage/writers.rs"]
mod writers;

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
