//! Stages as processes: files in, run, exit code, result, tables out.
//!
//! One executable for all of them; it finds the binaries by `FORESITE_BIN_DIR`, or beside itself
//! after `cargo build --workspace`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod conflict;
mod contract;
mod derive;
mod detectors;
mod disk_full;
mod end_to_end;
mod erasures;
mod ingest;
mod ingest_copies;
mod ingest_events;
mod ingest_mappings;
mod ingest_marks;
mod ingest_suppressions;
mod landing;
mod marks;
mod models;
mod origin;
mod people;
mod pseudonyms;
mod rebuild;
mod repetition;
mod samples;
mod secrets;
mod storage;
mod toy;
mod trust;
