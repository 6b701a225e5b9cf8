//! Tables as their users meet them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod bad_files;
mod bad_input;
mod compaction;
mod comparison;
mod encodings;
mod fixture;
mod gone;
mod log;
mod nulls;
mod removal;
mod roots;
mod scans;
mod slots;
mod torn;
mod verification;

use foresite_tables::Root;

/// A data root for the tests that `tests/hdfs` runs on HDFS too, where there may be none.
#[allow(clippy::unnecessary_wraps)]
fn root() -> Option<(tempfile::TempDir, Root)> {
    Some(fixture::root())
}
