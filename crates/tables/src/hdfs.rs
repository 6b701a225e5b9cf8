//! The object store on HDFS.
//!
//! Everything that is read and written on `hdfs://` goes through here: the Delta kernel's reads,
//! commits, data files, plain files, and whole folders that are published at once. What it promises
//! beyond the protocol, and why, stands in `docs/adr/0006-hdfs-store.md`.

mod client;
mod directory;
mod failure;
mod list;
mod multipart;
mod object;
mod read;
mod rename;
mod write;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use hdfs_native::client::FileStatus;
use object_store::ObjectMeta;
use object_store::path::Path;
use tokio::sync::mpsc;
use url::Url;

use self::client::{Connection, Step};
use self::failure::Failure;
use self::list::Wanted;
use self::rename::{Published, Rename};
use self::write::{Manner, Source};
use crate::{FileEntry, Result};

/// The largest file whose bytes decide a doubtful rename; of a larger one its source is enough.
const COMPARED_BYTES: usize = 16 << 20;

/// Files on one name service. Cheap to clone; all clones share one client.
#[derive(Clone, Debug)]
pub(crate) struct HdfsStore {
    connection: Arc<Connection>,
}

impl HdfsStore {
    /// The store of the name service in a URL. Nothing is asked of it yet.
    pub(crate) fn open(url: &Url) -> Result<Self> {
        Ok(Self { connection: Connection::to(url)? })
    }

    /// Whether a directory is there.
    pub(crate) async fn is_directory(&self, location: &Path) -> Result<bool> {
        let path = absolute(location);
        let connection = Arc::clone(&self.connection);
        let status = self.connection.run(async move { connection.status(&path).await }).await?;
        Ok(status.is_some_and(|status| status.isdir))
    }

    /// Makes a directory and those above it; one that is there is fine.
    pub(crate) async fn make_directory(&self, location: &Path) -> Result<()> {
        let path = absolute(location);
        let connection = Arc::clone(&self.connection);
        Ok(self.connection.run(async move { connection.make_directory(&path).await }).await?)
    }

    /// Deletes a directory with all in it; a missing one is fine.
    pub(crate) async fn delete_directory(&self, location: &Path) -> Result<()> {
        let path = absolute(location);
        let connection = Arc::clone(&self.connection);
        self.connection.run(async move { connection.delete(&path).await }).await?;
        Ok(())
    }

    /// Moves a directory that nobody writes any more to a place where nothing stands; `false` when
    /// something does.
    pub(crate) async fn publish_directory(&self, from: &Path, to: &Path) -> Result<bool> {
        let (from, to) = (absolute(from), absolute(to));
        let connection = Arc::clone(&self.connection);
        let published = self.connection.run(async move {
            if let Some((parent, _)) = to.rsplit_once('/').filter(|(parent, _)| !parent.is_empty())
            {
                connection.make_directory(parent).await?;
            }
            let rename = Rename { from: &from, to: &to, replace: false, content: None };
            rename.run(&connection).await
        });
        Ok(published.await? == Published::Ours)
    }

    /// Writes a file whose time of modification is `modified` microseconds after the epoch; HDFS
    /// keeps milliseconds.
    pub(crate) async fn put_as_of(
        &self,
        location: &Path,
        bytes: Bytes,
        modified: i64,
    ) -> Result<()> {
        let (store, path) = (self.clone(), absolute(location));
        let millis = u64::try_from(modified / 1000).unwrap_or(0);
        let source = Source::Memory(bytes.into());
        let written = async move { store.put_whole(&path, source, true, Some(millis)).await };
        self.connection.run(written).await?;
        Ok(())
    }

    /// Files below a directory that were on their way to their place when their writer ended.
    pub(crate) async fn leftovers(&self, location: &Path) -> Result<Vec<FileEntry>> {
        let mut files = Vec::new();
        let mut found = self.files(location, Wanted::Leftover);
        while let Some(status) = found.recv().await {
            let meta = meta_of(&status?);
            files.push(FileEntry {
                path: meta.location.to_string(),
                size: meta.size,
                modified: meta.last_modified.timestamp_micros(),
            });
        }
        Ok(files)
    }

    fn files(
        &self,
        location: &Path,
        wanted: Wanted,
    ) -> mpsc::Receiver<Result<FileStatus, Failure>> {
        let (to, from) = mpsc::channel(list::ENTRIES_AHEAD);
        let connection = Arc::clone(&self.connection);
        self.connection.runtime().spawn(list::send(connection, absolute(location), wanted, to));
        from
    }

    /// Uploads and publishes; how that ended, and the tag of the file. One that gets another time
    /// of modification gets another tag as well, and is not waited for until it lies on disks.
    async fn put_whole(
        &self,
        path: &str,
        source: Source,
        replace: bool,
        modified_millis: Option<u64>,
    ) -> Result<(Published, Option<String>), Failure> {
        let connection = &self.connection;
        // A file that is replaced keeps the permission that somebody may have given it.
        let before = if replace { connection.status(path).await? } else { None };
        let permission = before.map_or(write::PERMISSION, |file| u32::from(file.permission));
        let manner = Manner { permission, is_durable: modified_millis.is_none() };
        let uploaded = write::upload(connection, path, &source, manner).await?;
        let temporary = uploaded.path.as_str();
        let content = match source {
            Source::Memory(payload) if payload.content_length() <= COMPARED_BYTES => {
                Some(payload.into())
            }
            _ => None,
        };
        if let Some(millis) = modified_millis {
            let step = Step { operation: "date", path };
            let dated = |client: hdfs_native::Client| async move {
                client.set_times(temporary, millis, millis).await
            };
            connection.repeat(&step, dated).await?;
        }
        let rename = Rename { from: temporary, to: path, replace, content };
        let published = rename.run(connection).await.map_err(Failure::of_own_file);
        // Where the outcome is unknown the file stays: a rename under way may still need it.
        if matches!(published, Ok(Published::Theirs)) {
            write::discard(connection, temporary).await;
        }
        Ok((published?, meta_of(&uploaded.status).e_tag))
    }
}

impl fmt::Display for HdfsStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.connection.service())
    }
}

fn absolute(location: &Path) -> String {
    format!("/{location}")
}

fn meta_of(status: &FileStatus) -> ObjectMeta {
    let millis = i64::try_from(status.modification_time).unwrap_or(i64::MAX);
    ObjectMeta {
        // HDFS forbids the names that the parser refuses.
        location: Path::parse(status.path.trim_matches('/')).unwrap_or_default(),
        last_modified: chrono::DateTime::from_timestamp_millis(millis).unwrap_or_default(),
        size: status.length as u64,
        e_tag: Some(format!("{millis:x}-{:x}", status.length)),
        version: None,
    }
}
