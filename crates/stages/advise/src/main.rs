//! `foresite-advise`: tells people what to look at.

use std::process::ExitCode;

fn main() -> ExitCode {
    foresite_stage::main::<foresite_advise::Advise>()
}
