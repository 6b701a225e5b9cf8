//! `foresite-train`: fits a model of a task on a sample set.

use std::process::ExitCode;

fn main() -> ExitCode {
    foresite_stage::main::<foresite_train::Train>()
}
