//! What a killed writer leaves half written on a local disk.
//!
//! The local store writes beside the target, as `name#1`, and hides such names from then on: no
//! reader ever sees them, and no listing finds them when it is time to clean up.

use std::fs;
use std::path::Path;

use crate::slot::Micros;
use crate::{Context as _, FileEntry, Result, Root};

impl Root {
    /// Half-written files below `directory`; none on stores other than a local disk, where they
    /// have names of their own that listings show.
    ///
    /// # Errors
    /// Storage errors other than the directory's absence.
    pub fn partial_uploads(&self, directory: &str) -> Result<Vec<FileEntry>> {
        let mut found = Vec::new();
        if self.url().scheme() == "file" {
            let base = self.local_path("")?;
            collect(&self.local_path(directory)?, &base, &mut found)
                .context(|| format!("look for half-written files in {directory}"))?;
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// Deletes a half-written file; a missing one is fine.
    ///
    /// # Errors
    /// `CannotWrite` where the file system refuses.
    pub fn delete_partial_upload(&self, file: &FileEntry) -> Result<()> {
        match fs::remove_file(self.local_path(&file.path)?) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(crate::Error::from(error).while_doing(format!("delete {}", file.path)))
            }
            _ => Ok(()),
        }
    }
}

fn collect(folder: &Path, base: &Path, found: &mut Vec<FileEntry>) -> std::io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), base, found)?;
        } else if is_partial(&entry.file_name().to_string_lossy()) {
            let meta = entry.metadata()?;
            let path = entry.path();
            let path = path.strip_prefix(base).unwrap_or(&path);
            found.push(FileEntry {
                path: path.to_string_lossy().into_owned(),
                size: meta.len(),
                modified: micros(meta.modified()?),
            });
        }
    }
    Ok(())
}

/// Whether the local store would give a file that it is writing such a name.
fn is_partial(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(_, number)| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn micros(at: std::time::SystemTime) -> Micros {
    let since = at.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
