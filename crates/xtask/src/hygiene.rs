//! What must not be in the repository: long files without a reason, machine paths, leftovers.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// Source files past this many lines look for a missing name.
const LONGEST_SOURCE: usize = 500;

/// Text that must not stand in a tracked file, with the reason.
const FORBIDDEN: [(&str, &str); 3] = [
    ("/home/", "a path of some machine"),
    ("todo!(", "unfinished code"),
    ("unimplemented!(", "unfinished code"),
];

/// Sentences about every offence in tracked files.
pub(crate) fn offences(workspace: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for path in tracked(workspace)? {
        if path.starts_with("crates/xtask/") {
            continue;
        }
        // Binary files (screenshots) are not text.
        let Ok(text) = std::fs::read_to_string(workspace.join(&path)) else { continue };
        let is_source = path.ends_with(".rs") || path.ends_with(".py");
        let lines = text.lines().count();
        if is_source && lines > LONGEST_SOURCE {
            findings.push(format!(
                "{path}: {lines} lines, more than {LONGEST_SOURCE}: look for the missing name"
            ));
        }
        if path.ends_with(".rs") && !text.starts_with("//!") {
            findings.push(format!("{path}: does not open with what it holds (`//!`)"));
        }
        for (word, reason) in FORBIDDEN {
            if is_source && text.contains(word) {
                findings.push(format!("{path}: `{word}` is {reason}"));
            }
        }
    }
    Ok(findings)
}

fn tracked(workspace: &Path) -> Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(workspace)
        .output()
        .context("git ls-files")?;
    if !output.status.success() {
        bail!("git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    }
    let listing = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(listing.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}
