//! Plain files of a data root: plans, lineage documents, reports.

use std::io::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt as _, PutMode, PutOptions};
use sha2::{Digest as _, Sha256};

use crate::root::Place;
use crate::sha256::hex;
use crate::{Context as _, ErrorKind, Micros, Result, Root};

/// Plain files that are written to HDFS side by side.
const WRITES_AT_ONCE: usize = 16;

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

    /// Writes a plain file whose time of modification is `modified`, replacing one that is there.
    ///
    /// For files that stand for others, such as simulated ones. Unlike the others, it may be lost
    /// in a power cut. HDFS keeps milliseconds.
    ///
    /// # Errors
    /// `CannotWrite` or `Transient`.
    pub fn write_as_of(&self, path: &str, bytes: impl Into<Bytes>, modified: Micros) -> Result<()> {
        let written = match self.place() {
            Place::Local => write_local(&self.local_path(path)?, &bytes.into(), modified),
            Place::Hdfs(store) => {
                self.wait(store.put_as_of(&self.location(path)?, bytes.into(), modified))
            }
        };
        written.context(|| format!("write {path}"))
    }

    /// How many plain files are best written side by side: on HDFS each mostly waits for answers, on
    /// local disks there is nothing to wait for.
    pub fn writes_at_once(&self) -> usize {
        match self.place() {
            Place::Local => 1,
            Place::Hdfs(_) => WRITES_AT_ONCE,
        }
    }

    /// Whether a plain file is there.
    ///
    /// # Errors
    /// Storage errors other than its absence.
    pub fn exists(&self, path: &str) -> Result<bool> {
        Ok(self.entry(path)?.is_some())
    }

    /// A plain file, if it is there.
    ///
    /// # Errors
    /// Storage errors other than its absence.
    pub fn entry(&self, path: &str) -> Result<Option<FileEntry>> {
        let location = self.location(path)?;
        match self.block(self.store().head(&location)) {
            Ok(meta) => Ok(Some(entry(path.to_owned(), &meta))),
            Err(error) if error.kind() == ErrorKind::Missing => Ok(None),
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
        let mut entries: Vec<_> =
            found.into_iter().map(|meta| entry(relative(&base, &meta.location), &meta)).collect();
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }
}

fn entry(path: String, meta: &ObjectMeta) -> FileEntry {
    FileEntry { path, size: meta.size, modified: meta.last_modified.timestamp_micros() }
}

/// Writes beside and renames, so that a reader sees the whole file or none.
fn write_local(path: &std::path::Path, bytes: &[u8], modified: Micros) -> Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".tmp");
    let mut file = std::fs::File::create(&beside)?;
    file.write_all(bytes)?;
    let since_epoch = Duration::from_micros(u64::try_from(modified).unwrap_or(0));
    file.set_modified(UNIX_EPOCH + since_epoch)?;
    drop(file);
    Ok(std::fs::rename(&beside, path)?)
}

fn relative(base: &Path, location: &Path) -> String {
    let text = location.as_ref();
    text.strip_prefix(base.as_ref()).unwrap_or(text).trim_start_matches('/').to_owned()
}
