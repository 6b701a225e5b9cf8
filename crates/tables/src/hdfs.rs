//! The object store on HDFS.
//!
//! Everything that is read and written on `hdfs://` goes through here: the Delta kernel's reads,
//! commits, data files, plain files, and whole folders that are published at once. What it promises
//! beyond the protocol, and why, stands in `docs/adr/0006-hdfs-store.md`.

mod client;
mod failure;
mod list;
mod multipart;
mod read;
mod rename;
mod write;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use hdfs_native::client::FileStatus;
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, Error as StoreError, GetOptions, GetResult, GetResultPayload,
    ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions,
    PutPayload, PutResult, RenameOptions, RenameTargetMode, Result as StoreResult,
};
use tokio::sync::mpsc;
use url::Url;

use self::client::{Connection, Step};
use self::failure::Failure;
use self::list::Wanted;
use self::read::Opened;
use self::rename::{Published, Rename};
use self::write::Source;
use crate::{FileEntry, Result};

/// Ranges of a file that lie closer than this are read as one.
const COALESCE: u64 = 1 << 20;
/// Deletes at once.
const DELETES_AT_ONCE: usize = 16;
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

    /// Uploads and publishes; `AlreadyExists` when something stands at the location that may not
    /// be replaced.
    async fn put_source(
        &self,
        location: &Path,
        source: Source,
        replace: bool,
    ) -> StoreResult<PutResult> {
        let (store, path) = (self.clone(), absolute(location));
        let put = async move { store.put_whole(&path, source, replace, None).await };
        let published = self.connection.run(put).await.map_err(|f| f.into_store(location.as_ref()));
        match published? {
            Published::Ours => {
                Ok(PutResult { e_tag: None, version: None, extensions: Default::default() })
            }
            Published::Theirs => Err(taken(location)),
        }
    }

    async fn put_whole(
        &self,
        path: &str,
        source: Source,
        replace: bool,
        modified_millis: Option<u64>,
    ) -> Result<Published, Failure> {
        let connection = &self.connection;
        // A file that is replaced keeps the permission that somebody may have given it.
        let before = if replace { connection.status(path).await? } else { None };
        let permission = before.map_or(write::PERMISSION, |file| u32::from(file.permission));
        let temporary = write::upload(connection, path, &source, permission).await?;
        let content = match source {
            Source::Memory(payload) if payload.content_length() <= COMPARED_BYTES => {
                Some(payload.into())
            }
            _ => None,
        };
        if let Some(millis) = modified_millis {
            let (step, temporary) = (Step { operation: "date", path }, temporary.as_str());
            let dated = |client: hdfs_native::Client| async move {
                client.set_times(temporary, millis, millis).await
            };
            connection.repeat(&step, dated).await?;
        }
        let rename = Rename { from: &temporary, to: path, replace, content };
        let published = rename.run(connection).await.map_err(Failure::of_own_file);
        // Where the outcome is unknown the file stays: a rename under way may still need it.
        if matches!(published, Ok(Published::Theirs)) {
            write::discard(connection, &temporary).await;
        }
        published
    }
}

impl fmt::Display for HdfsStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.connection.service())
    }
}

#[async_trait]
impl ObjectStore for HdfsStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> StoreResult<PutResult> {
        let replace = match options.mode {
            PutMode::Overwrite => true,
            PutMode::Create => false,
            PutMode::Update(_) => return Err(unsupported("put if unchanged")),
        };
        self.put_source(location, Source::Memory(payload), replace).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        Ok(Box::new(multipart::SpooledUpload::begin(self.clone(), location.clone())?))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> StoreResult<GetResult> {
        let failed = |failure: Failure| failure.into_store(location.as_ref());
        let path = absolute(location);
        let connection = Arc::clone(&self.connection);
        if options.head {
            let status = self.connection.run(async move { connection.status(&path).await });
            let status = status.await.map_err(failed)?.filter(|status| !status.isdir);
            let meta = status.map(|status| meta_of(&status)).ok_or_else(|| missing(location))?;
            options.check_preconditions(&meta)?;
            let range = 0..meta.size;
            return Ok(result_of(stream::empty().boxed(), meta, range));
        }
        let opened = self.connection.run(Opened::open(connection, path)).await.map_err(failed)?;
        let meta = meta_of(opened.status());
        options.check_preconditions(&meta)?;
        let range = match &options.range {
            Some(range) => range
                .as_range(meta.size)
                .map_err(|error| StoreError::Generic { store: "hdfs", source: Box::new(error) })?,
            None => 0..meta.size,
        };
        let (to, from) = mpsc::channel(read::PACKETS_AHEAD);
        self.connection.runtime().spawn(opened.send(range.clone(), to));
        let place = location.clone();
        let packets = received(from)
            .map(move |packet| packet.map_err(|failure| failure.into_store(place.as_ref())));
        Ok(result_of(packets.boxed(), meta, range))
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> StoreResult<Vec<Bytes>> {
        let (store, place) = (self.clone(), location.clone());
        let fetch = |range: Range<u64>| {
            let (store, place) = (store.clone(), place.clone());
            async move {
                let options = GetOptions::new().with_range(Some(range));
                store.get_opts(&place, options).await?.bytes().await
            }
        };
        object_store::coalesce_ranges(ranges, fetch, COALESCE).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, StoreResult<Path>>,
    ) -> BoxStream<'static, StoreResult<Path>> {
        let connection = Arc::clone(&self.connection);
        let delete = move |location: StoreResult<Path>| {
            let connection = Arc::clone(&connection);
            async move {
                let location = location?;
                let (path, worker) = (absolute(&location), Arc::clone(&connection));
                let deleted = connection.run(async move { worker.delete(&path).await }).await;
                match deleted.map_err(|failure| failure.into_store(location.as_ref()))? {
                    true => Ok(location),
                    false => Err(missing(&location)),
                }
            }
        };
        locations.map(delete).buffered(DELETES_AT_ONCE).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        let prefix = prefix.cloned().unwrap_or_default();
        let found = received(self.files(&prefix, Wanted::Published));
        found
            .map(move |status| match status {
                Ok(status) => Ok(meta_of(&status)),
                Err(failure) => Err(failure.into_store(prefix.as_ref())),
            })
            .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> StoreResult<ListResult> {
        let prefix = prefix.cloned().unwrap_or_default();
        let (path, connection) = (absolute(&prefix), Arc::clone(&self.connection));
        let listed =
            self.connection.run(async move { list::entries(&connection, &path).await }).await;
        let entries = match listed {
            Err(failure) if failure.is_missing() => Vec::new(),
            other => other.map_err(|failure| failure.into_store(prefix.as_ref()))?,
        };
        let (folders, files): (Vec<_>, Vec<_>) =
            entries.iter().map(|entry| (entry.isdir, meta_of(entry))).partition(|entry| entry.0);
        Ok(ListResult {
            common_prefixes: folders.into_iter().map(|(_, meta)| meta.location).collect(),
            objects: files.into_iter().map(|(_, meta)| meta).collect(),
            extensions: Default::default(),
        })
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> StoreResult<()> {
        Err(unsupported("copy"))
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> StoreResult<()> {
        let replace = options.target_mode == RenameTargetMode::Overwrite;
        let (source, target) = (absolute(from), absolute(to));
        let connection = Arc::clone(&self.connection);
        let renamed = self.connection.run(async move {
            Rename { from: &source, to: &target, replace, content: None }.run(&connection).await
        });
        match renamed.await.map_err(|failure| failure.into_store(from.as_ref()))? {
            Published::Ours => Ok(()),
            Published::Theirs => Err(taken(to)),
        }
    }
}

/// What a channel brings, as a stream; readers ask on after its end.
fn received<T: Send + 'static>(from: mpsc::Receiver<T>) -> BoxStream<'static, T> {
    stream::unfold(from, |mut from| async move { Some((from.recv().await?, from)) }).fuse().boxed()
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

fn result_of(
    packets: BoxStream<'static, StoreResult<Bytes>>,
    meta: ObjectMeta,
    range: Range<u64>,
) -> GetResult {
    let payload = GetResultPayload::Stream(packets);
    let attributes = Attributes::default();
    GetResult { payload, meta, range, attributes, extensions: Default::default() }
}

fn missing(location: &Path) -> StoreError {
    let path = location.to_string();
    StoreError::NotFound { source: format!("no file /{path}").into(), path }
}

fn taken(location: &Path) -> StoreError {
    let path = location.to_string();
    StoreError::AlreadyExists { source: format!("/{path} is there already").into(), path }
}

fn unsupported(what: &str) -> StoreError {
    StoreError::NotSupported { source: format!("hdfs: no {what}").into() }
}
