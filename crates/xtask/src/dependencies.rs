//! Who may use whom: schema ← tables, pm, kpi, features, metrics; models ← features, metrics;
//! datasets bring tables and models together, scoring makes statements of them; stages and serve use libraries, nobody uses a stage; only four binaries link libtorch.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result};

/// Library crates and the workspace crates they may depend on.
const LIBRARIES: [(&str, &[&str]); 21] = [
    ("schema", &[]),
    ("tables", &["schema"]),
    ("stage", &["schema", "tables"]),
    ("pm", &["schema"]),
    ("kpi", &["schema"]),
    ("features", &["schema"]),
    ("metrics", &["schema"]),
    ("models", &["schema", "features", "metrics"]),
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

/// The only stages that may reach libtorch.
const TORCH_STAGES: [&str; 4] = ["train", "evaluate", "predict", "serve"];

/// The crates that bring libtorch.
const TORCH: [&str; 3] = ["datasets", "models", "scoring"];

/// Whether a stage needs libtorch beside it.
pub(crate) fn links_torch(stage: &str) -> bool {
    TORCH_STAGES.contains(&stage)
}

/// Sentences about every dependency that the rule forbids.
pub(crate) fn broken_rules(workspace: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for (library, allowed) in LIBRARIES {
        for name in workspace_dependencies(&workspace.join("crates").join(library))? {
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
        let needs = workspace_dependencies(&workspace.join("crates/stages").join(stage))?;
        for other in needs.iter().filter(|name| stages.contains(name)) {
            findings.push(format!(
                "crates/stages/{stage} depends on stage {other}; nobody uses a stage"
            ));
        }
        graph.insert(stage.clone(), needs);
    }
    for (stage, needs) in graph {
        let torch = needs.iter().find(|name| TORCH.contains(&name.as_str()));
        if let Some(torch) = torch.filter(|_| !TORCH_STAGES.contains(&stage.as_str())) {
            findings.push(format!(
                "crates/stages/{stage} depends on {torch}; only {} link libtorch",
                TORCH_STAGES.join(", ")
            ));
        }
    }
    Ok(findings)
}

/// Workspace crates in `[dependencies]`, without their `foresite-` prefix.
fn workspace_dependencies(folder: &Path) -> Result<BTreeSet<String>> {
    let path = folder.join("Cargo.toml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let manifest: toml::Table = text.parse().with_context(|| path.display().to_string())?;
    let table = manifest.get("dependencies").and_then(toml::Value::as_table);
    let names = table.into_iter().flat_map(toml::Table::keys);
    Ok(names.filter_map(|name| name.strip_prefix("foresite-")).map(str::to_owned).collect())
}
