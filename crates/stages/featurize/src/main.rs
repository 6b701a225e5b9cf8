//! `foresite-featurize`: what the models see, point in time.

use std::process::ExitCode;

fn main() -> ExitCode {
    foresite_stage::main::<foresite_featurize::Featurize>()
}
