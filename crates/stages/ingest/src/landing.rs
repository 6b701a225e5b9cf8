//! The landing folder: what lies there and is complete.

use bytes::Bytes;
use foresite_stage::{Context, ErrorKind, Result, StageError};
use foresite_tables::{FileEntry, Micros, Root};

use crate::config::Config;

/// Endings of files that somebody is still writing.
const UNFINISHED: [&str; 4] = [".tmp", ".partial", ".part", ".filepart"];

/// The landing folder of a run.
#[derive(Debug)]
pub(crate) struct Landing {
    root: Root,
    as_of: Micros,
    now: Micros,
    settle: Micros,
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
        root.require().map_err(|_| {
            let message = format!("landing folder {}: no such directory", root.url());
            StageError::new(ErrorKind::Missing, message).hint("create it, or set `landing`")
        })?;
        let settle = i64::from(config.settle_seconds) * 1_000_000;
        Ok(Self { root, as_of: cx.as_of(), now: cx.now(), settle })
    }

    /// Lists the folder.
    pub(crate) fn list(&self) -> Result<Landed> {
        let mut landed = Landed::default();
        for file in self.root.list("")? {
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
        match self.root.read(path) {
            Ok(bytes) if bytes.len() as u64 == size => Ok(Some(bytes)),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == foresite_tables::ErrorKind::Missing => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// What file managers and archives leave behind.
fn is_hidden(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.') || part == "__MACOSX")
}
