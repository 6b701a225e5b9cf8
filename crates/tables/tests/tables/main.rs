//! Tables as their users meet them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod bad_input;
mod compaction;
mod fixture;
mod log;
mod removal;
mod scans;
mod slots;
mod verification;
