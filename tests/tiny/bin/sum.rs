//! `foresite-tiny-sum`.

use std::process::ExitCode;

fn main() -> ExitCode {
    foresite_stage::main::<foresite_tests::sum::Sum>()
}
