//! `cargo xtask evaluate-public`: the stages, as they are, on public data.
//!
//! Each set is a mapping and a task file; `docs/samples/public/sets.json` names them with protocol
//! and reference numbers. The sets lie below `FORESITE_DATA_DIR`; no row of them is ever copied
//! into the repository, and what the stages make of them stays below `.foresite/public`.

mod counts;
mod set;
mod stages;
mod table;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use set::PublicSet;
use stages::Chain;

/// Runs all sets, or those whose names hold one of `names`.
pub(crate) fn evaluate(workspace: &Path, names: &[&str]) -> Result<()> {
    let data = data_dir()?;
    let is_asked = |name: &str| names.is_empty() || names.iter().any(|part| name.contains(part));
    let mut failed = Vec::new();
    let mut results = Vec::new();
    if is_asked("pm") {
        match measurement_files(workspace, &data) {
            Ok(lines) => lines.iter().for_each(|line| println!("{line}")),
            Err(error) => failed.push(format!("pm: {error:#}")),
        }
    }
    for set in set::all(workspace)?.into_iter().filter(|set| is_asked(&set.name)) {
        match evaluate_set(workspace, &data, &set) {
            Ok(found) => results.push(found),
            Err(error) => failed.push(format!("{}: {error:#}", set.name)),
        }
    }
    results.iter().for_each(table::Results::print);
    if failed.is_empty() {
        return Ok(());
    }
    bail!("{} of the sets failed\n  {}", failed.len(), failed.join("\n  "))
}

fn data_dir() -> Result<PathBuf> {
    let hint = "FORESITE_DATA_DIR does not name a folder with public data sets";
    let folder = std::env::var_os("FORESITE_DATA_DIR").map(PathBuf::from).context(hint)?;
    std::fs::canonicalize(&folder).ok().filter(|path| path.is_dir()).context(hint)
}

fn evaluate_set(workspace: &Path, data: &Path, set: &PublicSet) -> Result<table::Results> {
    let chain = Chain::new(workspace, &set.task, (&set.interval, &set.as_of))?;
    chain.run("ingest", None, &set.ingest(workspace, data)?)?;
    let tasks = set::with_tasks(workspace);
    chain.run("featurize", Some("samples"), &tasks)?;
    chain.run("train", None, &tasks)?;
    chain.run("evaluate", None, &json!({}))?;
    table::results(&chain.root, set, set.metrics(workspace)?)
}

/// Takes the four performance files and counts what the tables hold of them.
fn measurement_files(workspace: &Path, data: &Path) -> Result<Vec<String>> {
    let interval = ["2022-01-01T00:00:00Z".to_owned(), "2025-01-01T00:00:00Z".to_owned()];
    let chain = Chain::new(workspace, "pm", (&interval, &interval[1]))?;
    chain.run("ingest", None, &set::measurement_ingest(data))?;
    counts::of(&chain.root)
}
