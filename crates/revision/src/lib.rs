//! The revision of a stage: a hash of its crate closure inside the workspace and of the locked
//! versions behind it.
//!
//! It is part of every lineage id, so that a change of code recomputes exactly what it touches. The
//! git commit would recompute everything for a change of documentation.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// Hexadecimal digits of a revision.
const DIGITS: usize = 12;

/// For a stage's build script: sets `FORESITE_REVISION` for `env!` and names the files that a change
/// of must run the script again.
///
/// # Panics
/// When a manifest, the lock file or a source cannot be read: the build cannot go on.
#[allow(clippy::print_stdout)] // this is how a build script speaks to cargo
pub fn emit() {
    let crate_dir = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let revision = match Closure::of(&crate_dir) {
        Ok(closure) => closure,
        Err(message) => panic!("revision of {}: {message}", crate_dir.display()),
    };
    for path in &revision.watched {
        println!("cargo:rerun-if-changed={}", path.display());
    }
    println!("cargo:rustc-env=FORESITE_REVISION={}", revision.digest);
}

/// The workspace crates a stage is made of.
struct Closure {
    digest: String,
    watched: BTreeSet<PathBuf>,
}

impl Closure {
    fn of(crate_dir: &Path) -> Result<Self, String> {
        let workspace = crate_dir
            .ancestors()
            .find(|folder| folder.join("Cargo.lock").is_file())
            .ok_or("no Cargo.lock above it")?;
        let (mut open, mut crates) = (vec![crate_dir.to_path_buf()], BTreeSet::new());
        let mut externals = BTreeSet::new();
        while let Some(folder) = open.pop() {
            if !crates.insert(folder.clone()) {
                continue;
            }
            for name in dependencies(&folder)? {
                match name
                    .strip_prefix("foresite-")
                    .map(|short| workspace.join("crates").join(short))
                {
                    Some(inner) if inner.is_dir() => open.push(inner),
                    _ => {
                        externals.insert(name);
                    }
                }
            }
        }
        let mut hash = Sha256::new();
        let mut watched = BTreeSet::from([workspace.join("Cargo.lock")]);
        for folder in &crates {
            let mut files = Vec::new();
            collect(folder, &mut files)?;
            files.sort();
            for file in files {
                hash.update(relative(&file, workspace).as_bytes());
                hash.update(
                    std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?,
                );
            }
            watched.insert(folder.clone());
        }
        hash.update(locked(workspace, &externals)?);
        let mut digest = String::new();
        for byte in hash.finalize() {
            // Writing to a String cannot fail.
            let _ = write!(digest, "{byte:02x}");
        }
        digest.truncate(DIGITS);
        Ok(Self { digest, watched })
    }
}

fn relative(file: &Path, workspace: &Path) -> String {
    file.strip_prefix(workspace).unwrap_or(file).to_string_lossy().into_owned()
}

/// Names in `[dependencies]` of a crate's manifest.
fn dependencies(folder: &Path) -> Result<Vec<String>, String> {
    let path = folder.join("Cargo.toml");
    let text =
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let manifest: toml::Table =
        text.parse().map_err(|error| format!("{}: {error}", path.display()))?;
    let table = manifest.get("dependencies").and_then(toml::Value::as_table);
    Ok(table.map(|table| table.keys().cloned().collect()).unwrap_or_default())
}

/// What a crate computes with: sources, catalogues, the report's style, its manifest; no tests, no
/// examples, and nothing that other tools leave behind.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries =
        std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path();
        let name =
            path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() {
            // Caches of linters begin with a dot and hold JSON.
            let is_code = !matches!(name.as_str(), "tests" | "examples" | "benches" | "target");
            if is_code && !name.starts_with('.') {
                collect(&path, files)?;
            }
        } else if name != "tests.rs" && is_source(&path) {
            files.push(path);
        }
    }
    Ok(())
}

fn is_source(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("rs" | "toml" | "json" | "css" | "html" | "js" | "svg"))
}

/// The lock entries of everything that the external dependencies pull in.
fn locked(workspace: &Path, externals: &BTreeSet<String>) -> Result<String, String> {
    let text = std::fs::read_to_string(workspace.join("Cargo.lock"))
        .map_err(|error| format!("Cargo.lock: {error}"))?;
    let lock: toml::Table = text.parse().map_err(|error| format!("Cargo.lock: {error}"))?;
    let packages =
        lock.get("package").and_then(toml::Value::as_array).ok_or("Cargo.lock: no packages")?;
    let field = |package: &toml::Value, name: &str| {
        package.get(name).and_then(toml::Value::as_str).unwrap_or_default().to_owned()
    };
    let (mut open, mut seen): (Vec<String>, BTreeSet<String>) =
        (externals.iter().cloned().collect(), BTreeSet::new());
    let mut entries = BTreeSet::new();
    while let Some(name) = open.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        for package in packages.iter().filter(|package| field(package, "name") == name) {
            entries.insert(format!(
                "{name} {} {}",
                field(package, "version"),
                field(package, "checksum")
            ));
            let needs =
                package.get("dependencies").and_then(toml::Value::as_array).into_iter().flatten();
            open.extend(
                needs
                    .filter_map(toml::Value::as_str)
                    .filter_map(|text| text.split(' ').next())
                    .map(str::to_owned),
            );
        }
    }
    Ok(entries.into_iter().collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_follows_the_code_and_only_the_code() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let once = Closure::of(here).unwrap();
        assert_eq!(once.digest, Closure::of(here).unwrap().digest);
        assert_eq!(once.digest.len(), DIGITS);
        let schema = Closure::of(&here.join("../schema").canonicalize().unwrap()).unwrap();
        assert_ne!(once.digest, schema.digest);
    }

    #[test]
    fn what_other_tools_leave_behind_is_no_code() {
        let folder = tempfile::TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in [".mypy_cache", "__pycache__", "src"] {
            std::fs::create_dir(at(name)).unwrap();
        }
        let code = ["src/style.css", "src/tables.toml", "src/word.rs"];
        let rest = [".mypy_cache/a.json", "__pycache__/a.pyc", "src/tests.rs", "README.md"];
        for name in code.iter().chain(&rest) {
            std::fs::write(at(name), "").unwrap();
        }
        let mut files = Vec::new();
        collect(folder.path(), &mut files).unwrap();
        files.sort();
        assert_eq!(files, code.map(at));
    }

    #[test]
    fn the_closure_reaches_through_the_workspace() {
        let tables =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../tables").canonicalize().unwrap();
        let closure = Closure::of(&tables).unwrap();
        assert!(closure.watched.iter().any(|path| path.ends_with("crates/schema")));
        assert!(!closure.watched.iter().any(|path| path.ends_with("crates/kpi")));
    }
}
