//! `foresite-ingest`: takes what landed into the raw tables.

use std::process::ExitCode;

fn main() -> ExitCode {
    foresite_stage::main::<foresite_ingest::Ingest>()
}
