//! Folders of a data root: those that are published whole, and what dead writers left behind.

use std::io::Write as _;
use std::path::Path as LocalPath;

use bytes::Bytes;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use url::Url;

use crate::root::Place;
use crate::{Context as _, Error, ErrorKind, FileEntry, Result, Root};

impl Root {
    /// Publishes files as one folder at `path`, all at once and only where nothing stands; `false`
    /// when something does.
    ///
    /// They are written under `_staging/` first and moved by one rename that never replaces. On HDFS
    /// what is moved keeps its rights, so that folders which go to `models/` lie in
    /// `_staging/models/`, which an administrator can give the rights of `models/`.
    ///
    /// # Errors
    /// `CannotWrite` or `Transient`.
    pub fn publish_folder<'a>(
        &self,
        path: &str,
        files: impl IntoIterator<Item = (&'a str, Bytes)>,
    ) -> Result<bool> {
        let top = path.split('/').next().unwrap_or_default();
        let staging = format!("_staging/{top}/{}", uuid::Uuid::now_v7());
        let write_all = || {
            files
                .into_iter()
                .try_for_each(|(name, bytes)| self.write(&format!("{staging}/{name}"), bytes))
        };
        let published = write_all().and_then(|()| self.move_folder(&staging, path));
        if !matches!(published, Ok(true)) {
            // Best effort: maintain takes away what stays.
            if let Err(error) = self.delete_folder(&staging) {
                tracing::debug!(staging, %error, "left behind");
            }
        }
        published.context(|| format!("publish {path}"))
    }

    /// Writes a file under a name that nobody else has.
    pub(crate) async fn put_new(&self, url: Url, bytes: Bytes) -> Result<()> {
        let Place::Local = self.place() else {
            let location = Path::from_url_path(url.path()).map_err(object_store::Error::from)?;
            return Ok(self.store().put(&location, bytes.into()).await.map(drop)?);
        };
        let unusable = || Error::new(ErrorKind::Usage, format!("{url}: not a local path"));
        let path = url.to_file_path().map_err(|()| unusable())?;
        let write = move || write_new(&path, &bytes).context(|| path.display().to_string());
        let written = tokio::task::spawn_blocking(write).await;
        written.map_err(|error| Error::new(ErrorKind::Transient, error.to_string()))?
    }

    fn move_folder(&self, from: &str, to: &str) -> Result<bool> {
        match self.place() {
            Place::Local => move_local(&self.local_path(from)?, &self.local_path(to)?),
            Place::Hdfs(store) => {
                let (from, to) = (self.location(from)?, self.location(to)?);
                self.wait(store.publish_directory(&from, &to))
            }
        }
    }

    fn delete_folder(&self, path: &str) -> Result<()> {
        match self.place() {
            Place::Local => match std::fs::remove_dir_all(self.local_path(path)?) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
                _ => Ok(()),
            },
            Place::Hdfs(store) => self.wait(store.delete_directory(&self.location(path)?)),
        }
    }

    /// Files that were on their way to their place when their writer was killed, below `directory`
    /// and sorted by path. [`Root::list`] passes over them; [`Root::delete_leftover`] deletes one.
    ///
    /// # Errors
    /// Storage errors.
    pub fn leftovers(&self, directory: &str) -> Result<Vec<FileEntry>> {
        let mut found = match self.place() {
            Place::Local => {
                let mut found = Vec::new();
                let base = self.local_path("")?;
                local_leftovers(&self.local_path(directory)?, &base, &mut found)?;
                found
            }
            Place::Hdfs(store) => {
                let base = self.location("")?;
                let mut found = self.wait(store.leftovers(&self.location(directory)?))?;
                for file in &mut found {
                    let below = file.path.strip_prefix(base.as_ref()).unwrap_or(&file.path);
                    file.path = below.trim_start_matches('/').to_owned();
                }
                found
            }
        };
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// Deletes what [`Root::leftovers`] found.
    ///
    /// # Errors
    /// Storage errors other than its absence.
    pub fn delete_leftover(&self, file: &FileEntry) -> Result<()> {
        match self.place() {
            // The store refuses the names that it gives to files on their way.
            Place::Local => match std::fs::remove_file(self.local_path(&file.path)?) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(Error::from(error).while_doing(format!("delete {}", file.path)))
                }
                _ => Ok(()),
            },
            Place::Hdfs(_) => self.delete(&file.path),
        }
    }
}

/// Moves where nothing stands, and makes sure that a power cut does not undo it.
fn move_local(from: &LocalPath, to: &LocalPath) -> Result<bool> {
    if let Some(parent) = to.parent() {
        make_durably(parent)?;
    }
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => {
            [to, from].into_iter().filter_map(LocalPath::parent).try_for_each(sync)?;
            Ok(true)
        }
        Err(rustix::io::Errno::EXIST | rustix::io::Errno::NOTEMPTY) => Ok(false),
        Err(error) => Err(std::io::Error::from(error).into()),
    }
}

/// Writes a file under a name that nobody else has; it is on the disk when the call returns.
///
/// Nobody looks for such a file before a commit names it, so it needs no rename, and one flush of
/// the file system's journal stands for the file, its name and the folders made for it. What a
/// killed writer leaves is an orphan for vacuum.
fn write_new(path: &LocalPath, bytes: &[u8]) -> std::io::Result<()> {
    let missing = |folder: &&LocalPath| !folder.is_dir();
    let made: Vec<&LocalPath> = path.ancestors().skip(1).take_while(missing).collect();
    if let Some(folder) = made.first() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = std::fs::File::options().write(true).create_new(true).open(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        // Best effort: the error says what matters.
        drop(std::fs::remove_file(path));
        return written;
    }
    // Where the journal holds the names already, this costs next to nothing.
    let mut named = std::iter::once(path).chain(made).filter_map(LocalPath::parent);
    named.try_for_each(|folder| std::fs::File::open(folder)?.sync_all())
}

/// Makes a directory and those above it, each written to disk before the next is made in it.
fn make_durably(directory: &LocalPath) -> Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    if let Some(parent) = directory.parent() {
        make_durably(parent)?;
    }
    match std::fs::create_dir(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error.into()),
        _ => {}
    }
    directory.parent().map_or(Ok(()), sync)
}

fn sync(directory: &LocalPath) -> Result<()> {
    Ok(std::fs::File::open(directory)?.sync_all()?)
}

/// The local store writes `name#1` and renames it to `name`.
fn is_leftover(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(_, number)| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn local_leftovers(
    directory: &LocalPath,
    base: &LocalPath,
    found: &mut Vec<FileEntry>,
) -> Result<()> {
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.context(|| format!("list {}", directory.display()))?,
    };
    for entry in entries {
        let path = entry?.path();
        // What goes away while it is looked at is no leftover.
        let Ok(metadata) = path.symlink_metadata() else { continue };
        if metadata.is_dir() {
            local_leftovers(&path, base, found)?;
        } else if path.file_name().and_then(|name| name.to_str()).is_some_and(is_leftover) {
            let modified = metadata.modified()?.duration_since(std::time::UNIX_EPOCH);
            found.push(FileEntry {
                path: path.strip_prefix(base).unwrap_or(&path).to_string_lossy().into_owned(),
                size: metadata.len(),
                modified: modified.map_or(0, |since| since.as_micros() as i64),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::open(folder.path().to_str().unwrap()).unwrap();
        (folder, root)
    }

    #[test]
    fn a_folder_is_published_once_and_whole() {
        let (folder, root) = root();
        let files = |text: &'static str| [("a", Bytes::from(text)), ("b", Bytes::from("b"))];
        assert!(root.publish_folder("models/t/m/bundle", files("first")).unwrap());
        assert!(!root.publish_folder("models/t/m/bundle", files("second")).unwrap());
        assert_eq!(root.read("models/t/m/bundle/a").unwrap(), "first");
        let staged = std::fs::read_dir(folder.path().join("_staging/models")).unwrap().count();
        assert_eq!(staged, 0, "the loser cleans up");
    }

    #[test]
    fn leftovers_of_a_killed_writer_are_found_and_deleted() {
        let (folder, root) = root();
        root.write("tables/t/part-1", "whole").unwrap();
        std::fs::write(folder.path().join("tables/t/part-2#7"), "half").unwrap();
        std::fs::write(folder.path().join("tables/t/note#"), "whole").unwrap();
        let found = root.leftovers("tables").unwrap();
        let paths: Vec<&str> = found.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["tables/t/part-2#7"]);
        root.delete_leftover(&found[0]).unwrap();
        assert!(root.leftovers("").unwrap().is_empty());
        assert_eq!(root.list("").unwrap().len(), 2);
    }
}
