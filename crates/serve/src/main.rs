//! `foresite-serve`: answers with predictions for as long as it runs.

use std::process::ExitCode;

fn main() -> ExitCode {
    foresite_serve::main()
}
