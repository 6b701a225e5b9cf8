//! Uploads in parts: spooled to a local file that has no name, so that memory is bounded and a
//! write that fails half-way can be done again.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt as _;
use object_store::path::Path;
use object_store::{MultipartUpload, PutPayload, PutResult, UploadPart};

use super::HdfsStore;
use super::write::Source;
use crate::{Error, ErrorKind};

/// An upload whose parts lie in a local file until it is complete.
#[derive(Debug)]
pub(super) struct SpooledUpload {
    store: HdfsStore,
    location: Path,
    spool: Arc<File>,
    length: u64,
}

impl SpooledUpload {
    pub(super) fn begin(store: HdfsStore, location: Path) -> object_store::Result<Self> {
        let spool = Arc::new(tempfile::tempfile().map_err(spool_error)?);
        Ok(Self { store, location, spool, length: 0 })
    }
}

fn spool_error(error: std::io::Error) -> object_store::Error {
    let folder = std::env::temp_dir();
    let message = format!("spool an upload in {}: {error}", folder.display());
    let source = Error::new(ErrorKind::CannotWrite, message)
        .hint("give TMPDIR a folder with room for the largest file");
    object_store::Error::Generic { store: "hdfs", source: Box::new(source) }
}

#[async_trait]
impl MultipartUpload for SpooledUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (spool, mut offset) = (Arc::clone(&self.spool), self.length);
        self.length += data.content_length() as u64;
        let written = self.store.connection.runtime().spawn_blocking(move || {
            for bytes in &data {
                spool.write_all_at(bytes, offset).map_err(spool_error)?;
                offset += bytes.len() as u64;
            }
            Ok(())
        });
        async move { written.await? }.boxed()
    }

    async fn complete(&mut self) -> object_store::Result<PutResult> {
        let source = Source::Spool(Arc::clone(&self.spool), self.length);
        self.store.put_source(&self.location, source, true).await
    }

    async fn abort(&mut self) -> object_store::Result<()> {
        // The spool has no name: it goes away with its last handle.
        Ok(())
    }
}
