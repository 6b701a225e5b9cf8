//! Tables as their users meet them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod bad_input;
mod compaction;
mod encodings;
mod fixture;
mod log;
mod removal;
mod scans;
mod slots;
mod verification;

use foresite_tables::Root;

/// A data root for the tests that `tests/hdfs` runs on HDFS too, where there may be none.
#[allow(clippy::unnecessary_wraps)]
fn root() -> Option<(tempfile::TempDir, Root)> {
    Some(fixture::root())
}
