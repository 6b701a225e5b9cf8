//! `foresite-tiny-count`.

use std::process::ExitCode;

fn main() -> ExitCode {
    foresite_stage::main::<foresite_tests::count::Count>()
}
