//! The store as `object_store` wants one: its calls, its streams and its errors.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, Error as StoreError, GetOptions, GetResult, GetResultPayload,
    ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions,
    PutPayload, PutResult, RenameOptions, RenameTargetMode, Result as StoreResult,
};
use tokio::sync::mpsc;

use super::failure::Failure;
use super::list::{self, Wanted};
use super::multipart::SpooledUpload;
use super::read::{self, Opened};
use super::rename::{Published, Rename};
use super::write::Source;
use super::{HdfsStore, absolute, meta_of};

/// Ranges of a file that lie closer than this are read as one.
const COALESCE: u64 = 1 << 20;
/// Deletes at once.
const DELETES_AT_ONCE: usize = 16;

impl HdfsStore {
    /// Uploads and publishes; `AlreadyExists` when something stands at the location that may not
    /// be replaced.
    pub(super) async fn put_source(
        &self,
        location: &Path,
        source: Source,
        replace: bool,
    ) -> StoreResult<PutResult> {
        let (store, path) = (self.clone(), absolute(location));
        let put = async move { store.put_whole(&path, source, replace, None).await };
        let published = self.connection.run(put).await.map_err(|f| f.into_store(location.as_ref()));
        match published? {
            (Published::Ours, e_tag) => {
                Ok(PutResult { e_tag, version: None, extensions: Default::default() })
            }
            (Published::Theirs, _) => Err(taken(location)),
        }
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
        Ok(Box::new(SpooledUpload::begin(self.clone(), location.clone())?))
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
