//! `foresite-promote`: signs models and moves aliases.

use std::process::ExitCode;

fn main() -> ExitCode {
    foresite_stage::main::<foresite_promote::Promote>()
}
