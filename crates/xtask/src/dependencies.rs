//! Who may use whom: schema ← tables, pm, kpi, features, metrics; models ← features, metrics;
//! training ← models, and it alone names libtorch; datasets bring tables and models together, scoring
//! makes statements of them; stages and serve use libraries, nobody uses a stage; only train links
//! libtorch (`docs/adr/0019-training-crate.md`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result};

/// Library crates and the workspace crates they may depend on.
const LIBRARIES: [(&str, &[&str]); 22] = [
    ("schema", &[]),
    ("tables", &["schema"]),
    ("stage", &["schema", "tables"]),
    ("pm", &["schema"]),
    ("kpi", &["schema"]),
    ("features", &["schema"]),
    ("metrics", &["schema"]),
    ("models", &["schema", "features", "metrics"]),
    (TORCH, &["models"]),
    ("registry", &["schema", "tables"]),
    ("feedback", &["schema", "tables"]),
    ("pseudonyms", &["schema", "tables"]),
    ("console", &["schema", "tables", "registry", "feedback"]),
    ("report", &[]),
    ("simulator", &[]),
    ("revision", &[]),
    ("testkit", &["schema", "tables"]),
    ("xtask", &["schema", "stage", "tables", "kpi"]),
    ("datasets", &["schema", "tables", "stage", "features", "metrics", "models", "registry"]),
    ("scoring", &["schema", "tables", "stage", "features", "models", "registry", "datasets"]),
    ("inference", &[]),
    (
        "serve",
        &[
            "schema",
            "tables",
            "stage",
            "features",
            "models",
            "registry",
            "datasets",
            "scoring",
            "inference",
            "console",
        ],
    ),
];

/// The crate that brings libtorch.
const TORCH: &str = "training";

/// The crates by whose names libtorch is linked.
const TORCH_BINDINGS: [&str; 2] = ["tch", "torch-sys"];

/// The only stage that may reach libtorch.
const TORCH_STAGE: &str = "train";

/// Whether a stage needs libtorch beside it.
pub(crate) fn links_torch(stage: &str) -> bool {
    stage == TORCH_STAGE
}

/// Sentences about every dependency that the rule forbids.
pub(crate) fn broken_rules(workspace: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for (library, allowed) in LIBRARIES {
        let folder = workspace.join("crates").join(library);
        if library != TORCH {
            findings.extend(torch_by_name(&folder, &format!("crates/{library}"))?);
        }
        for name in workspace_dependencies(&folder)? {
            if !allowed.contains(&name.as_str()) {
                findings.push(format!(
                    "crates/{library} depends on {name}, which the layering forbids"
                ));
            }
        }
    }
    let stages = super::stages::names(workspace)?;
    let mut graph = BTreeMap::new();
    for stage in &stages {
        let folder = workspace.join("crates/stages").join(stage);
        findings.extend(torch_by_name(&folder, &format!("crates/stages/{stage}"))?);
        let needs = workspace_dependencies(&folder)?;
        for other in needs.iter().filter(|name| stages.contains(name)) {
            findings.push(format!(
                "crates/stages/{stage} depends on stage {other}; nobody uses a stage"
            ));
        }
        graph.insert(stage.clone(), needs);
    }
    for (stage, needs) in graph {
        if needs.contains(TORCH) && stage != TORCH_STAGE {
            findings.push(format!(
                "crates/stages/{stage} depends on {TORCH}; only {TORCH_STAGE} links libtorch"
            ));
        }
    }
    Ok(findings)
}

/// A sentence where a crate names libtorch, which is for one crate.
fn torch_by_name(folder: &Path, shown: &str) -> Result<Option<String>> {
    let names = dependencies(folder)?;
    let binding = TORCH_BINDINGS.iter().find(|binding| names.contains(**binding));
    Ok(binding.map(|name| format!("{shown} depends on {name}; only crates/{TORCH} names libtorch")))
}

/// Workspace crates in `[dependencies]`, without their `foresite-` prefix.
fn workspace_dependencies(folder: &Path) -> Result<BTreeSet<String>> {
    let names = dependencies(folder)?;
    Ok(names.iter().filter_map(|name| name.strip_prefix("foresite-")).map(str::to_owned).collect())
}

/// Every crate in `[dependencies]`.
fn dependencies(folder: &Path) -> Result<BTreeSet<String>> {
    let path = folder.join("Cargo.toml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let manifest: toml::Table = text.parse().with_context(|| path.display().to_string())?;
    let table = manifest.get("dependencies").and_then(toml::Value::as_table);
    Ok(table.into_iter().flat_map(toml::Table::keys).cloned().collect())
}
