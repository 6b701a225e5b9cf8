//! `foresite-evaluate`: judges a model on slices it never saw.

use std::process::ExitCode;

fn main() -> ExitCode {
    foresite_stage::main::<foresite_evaluate::Evaluate>()
}
