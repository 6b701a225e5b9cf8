//! Folders that are published once and verified whenever they are read.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use foresite_tables::{Root, sha256_hex};

use crate::files::SUMS;
use crate::{RegistryError, Result};

/// Path of a model below the data root.
pub fn model_path(task: &str, model_id: &str) -> String {
    format!("models/{task}/{model_id}")
}

/// Ids of the models of a task, sorted.
///
/// # Errors
/// Storage errors.
pub fn models(root: &Root, task: &str) -> Result<Vec<String>> {
    let prefix = format!("models/{task}/");
    let mut ids: Vec<String> = root
        .list(&prefix)?
        .into_iter()
        .filter_map(|entry| {
            let rest = entry.path.strip_prefix(&prefix)?.to_owned();
            rest.split_once('/').map(|(id, _)| id.to_owned())
        })
        .collect();
    ids.dedup();
    Ok(ids)
}

/// The files of a folder by name, sums left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Folder {
    files: BTreeMap<String, Vec<u8>>,
}

impl Folder {
    /// No files yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file.
    #[must_use]
    pub fn with(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.insert(name.to_owned(), bytes.into());
        self
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// [`RegistryError::Sums`] when the folder has none of that name.
    pub fn file(&self, name: &str) -> Result<&[u8]> {
        self.files.get(name).map(Vec::as_slice).ok_or_else(|| RegistryError::Sums {
            folder: name.to_owned(),
            problem: "the folder was published without this file".into(),
        })
    }

    /// The sums as `sha256sum` writes them, sorted by name.
    pub fn sums(&self) -> String {
        self.files.iter().fold(String::new(), |mut text, (name, bytes)| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}  {name}", sha256_hex(bytes));
            text
        })
    }

    /// Publishes the folder at once; `false` when something is there already.
    ///
    /// # Errors
    /// Storage errors.
    pub fn publish(&self, root: &Root, path: &str) -> Result<bool> {
        let own = self.files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone().into()));
        let sums = (SUMS, self.sums().into());
        Ok(root.publish_folder(path, own.chain([sums]))?)
    }

    /// Reads a folder and checks every file against the sums.
    ///
    /// # Errors
    /// [`RegistryError::Sums`] for a file that is missing, changed, or not listed.
    pub fn read(root: &Root, path: &str) -> Result<Self> {
        let wrong = |problem: String| RegistryError::Sums { folder: path.to_owned(), problem };
        let mut folder = Self::new();
        let mut sums = None;
        for entry in root.list(path)? {
            let bytes = root.read(&entry.path)?;
            match entry.path.rsplit_once('/').map_or(entry.path.as_str(), |(_, name)| name) {
                SUMS => sums = Some(bytes),
                name => folder = folder.with(name, bytes),
            }
        }
        let sums = sums.ok_or_else(|| wrong(format!("no `{SUMS}`")))?;
        if folder.sums().as_bytes() == &*sums {
            return Ok(folder);
        }
        let listed = String::from_utf8_lossy(&sums);
        let changed = folder.sums();
        let differs = changed.lines().find(|line| !listed.contains(*line));
        let missing = listed.lines().find(|line| !changed.contains(*line));
        let line = differs.or(missing).and_then(|line| line.split("  ").nth(1));
        Err(wrong(format!("file `{}` is not what `{SUMS}` says", line.unwrap_or("?"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> (tempfile::TempDir, Root) {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path().to_str().unwrap()).unwrap();
        (directory, root)
    }

    fn folder() -> Folder {
        Folder::new().with("model.json", "{}").with("card.md", "# Card\n")
    }

    #[test]
    fn a_folder_is_published_once_and_read_back() {
        let (_keep, root) = root();
        let path = "models/anomaly/abc/bundle";
        assert!(folder().publish(&root, path).unwrap());
        assert!(!folder().with("card.md", "other").publish(&root, path).unwrap());
        assert_eq!(Folder::read(&root, path).unwrap(), folder());
        assert_eq!(models(&root, "anomaly").unwrap(), ["abc"]);
    }

    #[test]
    fn a_changed_file_is_named() {
        let (directory, root) = root();
        let path = "models/anomaly/abc/bundle";
        folder().publish(&root, path).unwrap();
        std::fs::write(directory.path().join(path).join("card.md"), "# Lies\n").unwrap();
        let error = Folder::read(&root, path).unwrap_err().to_string();
        assert_eq!(error, format!("{path}: file `card.md` is not what `SHA256SUMS` says"));
        std::fs::remove_file(directory.path().join(path).join("card.md")).unwrap();
        assert!(Folder::read(&root, path).is_err());
    }
}
