//! Entry point.

use std::process::ExitCode;

fn main() -> ExitCode {
    foresite_stage::main::<foresite_export::Export>()
}
