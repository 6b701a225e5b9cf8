//! The landing folder: what lies there and is complete.

use bytes::Bytes;
use foresite_stage::{Context, ErrorKind, Result, StageError};
use foresite_tables::{FileEntry, Micros, Root, sha256_hex};

use crate::config::Config;
use crate::walk::{Found, walk};

/// Endings of files that somebody is still writing.
const UNFINISHED: [&str; 4] = [".tmp", ".partial", ".part", ".filepart"];

/// The landing folder of a run.
#[derive(Debug)]
pub(crate) struct Landing {
    root: Root,
    as_of: Micros,
    now: Micros,
    settle: Micros,
    /// Bytes above which a file is not read.
    most: u64,
}

/// What the landing folder held.
#[derive(Debug, Default)]
pub(crate) struct Landed {
    /// Complete files that landed by the as-of, in the order of their arrival.
    pub(crate) files: Vec<FileEntry>,
    /// Files that wait for a later plan.
    pub(crate) waiting: u64,
}

impl Landing {
    /// Opens the folder.
    ///
    /// # Errors
    /// `Missing` when it is not there.
    pub(crate) fn open(cx: &Context, config: &Config) -> Result<Self> {
        let is_elsewhere = config.landing.starts_with('/') || config.landing.contains("://");
        let root = if is_elsewhere {
            Root::open(&config.landing)?
        } else {
            Root::open(&format!("{}{}", cx.root().url(), config.landing))?
        };
        root.require().map_err(|error| {
            if error.kind() != foresite_tables::ErrorKind::Missing {
                return error.into();
            }
            let message = format!("landing folder {}: no such directory", root.url());
            StageError::new(ErrorKind::Missing, message).hint("create it, or set `landing`")
        })?;
        let settle = i64::from(config.settle_seconds) * 1_000_000;
        let most = u64::from(config.max_file_mib) << 20;
        Ok(Self { root, as_of: cx.as_of(), now: cx.now(), settle, most })
    }

    /// Lists the folder. What cannot be looked at waits until somebody puts it right.
    pub(crate) fn list(&self) -> Result<Landed> {
        let found = self.walk()?;
        for (path, reason) in &found.unusable {
            tracing::warn!(?path, reason, "cannot be looked at, waits");
        }
        let mut landed = Landed { waiting: found.unusable.len() as u64, ..Landed::default() };
        for file in found.files {
            if is_hidden(&file.path) {
                continue;
            }
            if self.is_complete(&file) {
                landed.files.push(file);
            } else {
                landed.waiting += 1;
            }
        }
        landed.files.sort_by(|a, b| (a.modified, &a.path).cmp(&(b.modified, &b.path)));
        Ok(landed)
    }

    /// Local folders have links and names that a store does not have.
    fn walk(&self) -> Result<Found> {
        if self.root.url().scheme() != "file" {
            return Ok(Found { files: self.root.list("")?, unusable: Vec::new() });
        }
        walk(&self.root.local_path("")?).map_err(|error| {
            let message = format!("list landing folder {}: {error}", self.root.url());
            StageError::new(ErrorKind::CannotWrite, message).hint("check its permissions")
        })
    }

    /// A file waits while its name says so, while it landed after the as-of, and while it may still
    /// grow. A time of modification in the future says nothing about growing.
    fn is_complete(&self, file: &FileEntry) -> bool {
        let age = self.now - file.modified;
        let is_settling = (0..self.settle).contains(&age);
        let is_named_so = UNFINISHED.iter().any(|ending| file.path.ends_with(ending));
        file.modified <= self.as_of && !is_settling && !is_named_so
    }

    /// The bytes of a file, or `None` when it changed or went away since it was listed.
    pub(crate) fn read(&self, path: &str, size: u64) -> Result<Option<Bytes>> {
        let bytes = if_there(self.root.read(path))?;
        Ok(bytes.filter(|bytes| bytes.len() as u64 == size))
    }

    /// The sha256 of a file, or `None` when it changed or went away since it was listed. A file that
    /// is too large to be read is hashed piece by piece.
    pub(crate) fn sha256(&self, path: &str, size: u64) -> Result<Option<String>> {
        if self.refuses(size).is_none() {
            return Ok(self.read(path, size)?.map(|bytes| sha256_hex(&bytes)));
        }
        let found = if_there(self.root.digest(path))?;
        Ok(found.filter(|(have, _)| *have == size).map(|(_, sha256)| sha256))
    }

    /// Why a file of `size` bytes is not read, if it is not.
    pub(crate) fn refuses(&self, size: u64) -> Option<String> {
        let most = self.most;
        (size > most).then(|| format!("too large: expected at most {most} bytes, got {size}"))
    }
}

/// `None` for a file that is not there, or that may not be read: it waits.
fn if_there<T>(read: foresite_tables::Result<T>) -> Result<Option<T>> {
    use foresite_tables::ErrorKind::{CannotWrite, Missing};
    match read {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == Missing => Ok(None),
        Err(error) if error.kind() == CannotWrite => {
            tracing::warn!(%error, "may not be read");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// What file managers and archives leave behind.
fn is_hidden(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.') || part == "__MACOSX")
}
