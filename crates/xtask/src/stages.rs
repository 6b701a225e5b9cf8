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

/// What a stage lacks: a sample that people can start from, an image.
pub(crate) fn incomplete(workspace: &Path) -> Result<Vec<String>> {
    let recipe = workspace.join("docker/Dockerfile");
    let recipe = std::fs::read_to_string(&recipe).with_context(|| recipe.display().to_string())?;
    let mut findings = Vec::new();
    for stage in names(workspace)? {
        let sample = format!("docs/samples/{stage}/default.json");
        if !workspace.join(&sample).is_file() {
            findings.push(format!("{sample}: missing, every stage has a default configuration"));
        }
        let target = target(&stage, super::dependencies::links_torch(&stage));
        if !recipe.contains(&target) {
            findings.push(format!("docker/Dockerfile: expected the target\n{target}"));
        }
    }
    Ok(findings)
}

/// The lines of the Dockerfile that make the image of a stage.
fn target(stage: &str, links_torch: bool) -> String {
    let below = if links_torch { "torch" } else { "base" };
    format!(
        "FROM {below} AS {stage}\n\
         COPY --from=build /out/{stage} /\n\
         ENTRYPOINT [\"/opt/foresite/bin/foresite-{stage}\"]\n"
    )
}
