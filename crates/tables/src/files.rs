//! Plain files of a data root: plans, lineage documents, reports, model bundles.

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutMode, PutOptions};
use sha2::{Digest as _, Sha256};

use crate::table::hex;
use crate::{Context as _, Error, ErrorKind, Result, Root};

/// A plain file below the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Path relative to the root, `/`-separated.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// Modification time in microseconds since the epoch, by the store's clock.
    pub modified: i64,
}

impl Root {
    /// Reads a plain file.
    ///
    /// # Errors
    /// `Missing` when it is not there.
    pub fn read(&self, path: &str) -> Result<Bytes> {
        let location = self.location(path)?;
        self.block(async { self.store().get(&location).await?.bytes().await })
            .context(|| format!("read {path}"))
    }

    /// Size and sha256 of a plain file of any size, read piece by piece.
    ///
    /// # Errors
    /// `Missing` when it is not there.
    pub fn digest(&self, path: &str) -> Result<(u64, String)> {
        let location = self.location(path)?;
        self.block(async {
            let mut pieces = self.store().get(&location).await?.into_stream();
            let (mut size, mut hash) = (0, Sha256::new());
            while let Some(piece) = pieces.try_next().await? {
                size += piece.len() as u64;
                hash.update(&piece);
            }
            Ok((size, hex(&hash.finalize())))
        })
        .context(|| format!("read {path}"))
    }

    /// Writes a plain file atomically, replacing one that is there.
    ///
    /// # Errors
    /// `CannotWrite` or `Transient`.
    pub fn write(&self, path: &str, bytes: impl Into<Bytes>) -> Result<()> {
        self.put(path, bytes.into(), PutMode::Overwrite).map(|_| ())
    }

    /// Writes a plain file unless one is there; `false` when it was.
    ///
    /// # Errors
    /// `CannotWrite` or `Transient`.
    pub fn write_new(&self, path: &str, bytes: impl Into<Bytes>) -> Result<bool> {
        self.put(path, bytes.into(), PutMode::Create)
    }

    fn put(&self, path: &str, bytes: Bytes, mode: PutMode) -> Result<bool> {
        let location = self.location(path)?;
        let options = PutOptions { mode, ..PutOptions::default() };
        match self.block(self.store().put_opts(&location, bytes.into(), options)) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
            Err(error) => Err(error.while_doing(format!("write {path}"))),
        }
    }

    /// Whether a plain file is there.
    ///
    /// # Errors
    /// Storage errors other than its absence.
    pub fn exists(&self, path: &str) -> Result<bool> {
        let location = self.location(path)?;
        match self.block(self.store().head(&location)) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Missing => Ok(false),
            Err(error) => Err(error.while_doing(format!("look for {path}"))),
        }
    }

    /// Deletes a plain file; a missing one is fine.
    ///
    /// # Errors
    /// Storage errors other than its absence.
    pub fn delete(&self, path: &str) -> Result<()> {
        let location = self.location(path)?;
        match self.block(self.store().delete(&location)) {
            Err(error) if error.kind() != ErrorKind::Missing => {
                Err(error.while_doing(format!("delete {path}")))
            }
            _ => Ok(()),
        }
    }

    /// All plain files below a directory, sorted by path; empty when it is not there.
    ///
    /// # Errors
    /// Storage errors.
    pub fn list(&self, directory: &str) -> Result<Vec<FileEntry>> {
        let prefix = self.location(directory)?;
        let found: Vec<_> = self
            .block(self.store().list(Some(&prefix)).try_collect())
            .context(|| format!("list {directory}"))?;
        let base = self.location("")?;
        let mut entries: Vec<_> = found
            .into_iter()
            .map(|meta| FileEntry {
                path: relative(&base, &meta.location),
                size: meta.size,
                modified: meta.last_modified.timestamp_micros(),
            })
            .collect();
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }

    /// Publishes a prepared local directory at `path` by a rename that never replaces; `false` when
    /// something is there already (`prepared` is removed then).
    ///
    /// # Errors
    /// `CannotWrite` where the file system refuses.
    pub fn publish_directory(&self, prepared: &std::path::Path, path: &str) -> Result<bool> {
        let target = self.local_path(path)?;
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)?;
        }
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        sync_folder(prepared)?;
        match renameat_with(CWD, prepared, CWD, &target, RenameFlags::NOREPLACE) {
            Ok(()) => {
                // What was published is there after a power cut, too.
                target.ancestors().skip(1).take(3).try_for_each(sync_folder)?;
                Ok(true)
            }
            Err(rustix::io::Errno::EXIST | rustix::io::Errno::NOTEMPTY) => {
                std::fs::remove_dir_all(prepared)?;
                Ok(false)
            }
            Err(error) => {
                Err(Error::from(std::io::Error::from(error)).while_doing(format!("publish {path}")))
            }
        }
    }
}

fn sync_folder(folder: &std::path::Path) -> Result<()> {
    let synced = std::fs::File::open(folder).and_then(|open| open.sync_all());
    synced.context(|| format!("sync {}", folder.display()))
}

fn relative(base: &Path, location: &Path) -> String {
    let text = location.as_ref();
    text.strip_prefix(base.as_ref()).unwrap_or(text).trim_start_matches('/').to_owned()
}
