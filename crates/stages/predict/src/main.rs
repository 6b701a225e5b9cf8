//! `foresite-predict`: scores the entities of a task.

use std::process::ExitCode;

fn main() -> ExitCode {
    foresite_stage::main::<foresite_predict::Predict>()
}
