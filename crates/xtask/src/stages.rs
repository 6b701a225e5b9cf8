//! The stages: one word goes through crate, binary, samples and pages.

use std::path::Path;

use anyhow::{Context as _, Result};

/// Names of the stages, sorted.
pub(crate) fn names(workspace: &Path) -> Result<Vec<String>> {
    let folder = workspace.join("crates/stages");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// What a stage lacks: a sample that people can start from.
pub(crate) fn incomplete(workspace: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for stage in names(workspace)? {
        let sample = format!("docs/samples/{stage}/default.json");
        if !workspace.join(&sample).is_file() {
            findings.push(format!("{sample}: missing, every stage has a default configuration"));
        }
    }
    Ok(findings)
}
