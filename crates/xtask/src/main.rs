//! `cargo xtask docs` writes the generated documents; `cargo xtask check` fails when they, the
//! dependency rule, the stage list or the repository's hygiene are broken; `cargo xtask stages`
//! prints the stages, one a line, for images and scripts; `cargo xtask evaluate-public` runs them on
//! public data sets.

#![allow(clippy::print_stdout, clippy::print_stderr)] // a command-line tool for developers

mod dependencies;
mod documents;
mod hygiene;
mod public;
mod stages;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let workspace = workspace();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["docs"] => documents::write(&workspace),
        ["check"] => check(&workspace),
        ["stages"] => {
            for stage in stages::names(&workspace)? {
                println!("{stage}");
            }
            Ok(())
        }
        ["evaluate-public", ref names @ ..] => public::evaluate(&workspace, names),
        _ => bail!("usage: cargo xtask docs | check | stages | evaluate-public [SET…]"),
    }
}

/// Runs every check and reports all findings at once.
fn check(workspace: &Path) -> Result<()> {
    let mut findings = documents::stale(workspace)?;
    findings.extend(dependencies::broken_rules(workspace)?);
    findings.extend(stages::incomplete(workspace)?);
    findings.extend(hygiene::offences(workspace)?);
    if findings.is_empty() {
        println!("repository checks passed");
        return Ok(());
    }
    for finding in &findings {
        eprintln!("  {finding}");
    }
    bail!("{} repository checks failed", findings.len())
}

fn workspace() -> PathBuf {
    // unwrap safety: crates/xtask lies two folders below the workspace
    #[allow(clippy::unwrap_used)]
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}
