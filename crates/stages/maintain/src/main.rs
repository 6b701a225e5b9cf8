//! `foresite-maintain`: keeps the tables fast and the disk clean.

use std::process::ExitCode;

fn main() -> ExitCode {
    foresite_stage::main::<foresite_maintain::Maintain>()
}
