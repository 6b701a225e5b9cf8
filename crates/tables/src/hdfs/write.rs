//! Writing: a file is uploaded beside its place under a name of its own, synced, and renamed.
//!
//! While a DataNode is dead and the NameNode does not know it yet, a new block may be given to it
//! and the write fails; nothing can be mended then but to write another file. So a write that
//! fails is abandoned whole, and tried again under a new name.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hdfs_native::client::FileStatus;
use hdfs_native::file::FileWriter;
use hdfs_native::{HdfsError, WriteOptions};
use object_store::PutPayload;

use super::client::{Connection, IDLE_LIMIT, Patience, Step};
use super::failure::{Effect, Failure, Result};
use crate::ErrorKind;

/// Bytes that are handed to HDFS at a time.
const CHUNK: usize = 1 << 20;

/// How long DataNodes may take to put nothing on their disks.
const SYNC_LIMIT: Duration = Duration::from_secs(20);

/// Bytes a second that the slowest disks take.
const SLOWEST_DISK: u64 = 4 << 20;

/// How names of files begin that are not yet in their place. Readers of Delta tables and Hadoop's
/// own tools pass over names with a leading dot.
pub(super) const TEMPORARY: &str = ".tmp-";

/// Permission of new files, as Hadoop's own client has it under its usual umask.
pub(super) const PERMISSION: u32 = 0o644;

/// What is written: at hand, so that a failed write can be done again from the start.
#[derive(Clone)]
pub(super) enum Source {
    /// In memory.
    Memory(PutPayload),
    /// In a local file of that many bytes.
    Spool(Arc<File>, u64),
}

impl Source {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Memory(payload) => payload.content_length() as u64,
            Self::Spool(_, length) => *length,
        }
    }

    /// Bytes from `offset` on: some, up to a chunk.
    fn chunk(&self, offset: u64) -> Result<Bytes> {
        match self {
            Self::Memory(payload) => {
                let mut skip = offset as usize;
                for part in payload {
                    if skip < part.len() {
                        return Ok(part.slice(skip..part.len().min(skip + CHUNK)));
                    }
                    skip -= part.len();
                }
                Ok(Bytes::new())
            }
            Self::Spool(file, length) => {
                let mut bytes = vec![0; CHUNK.min((length - offset) as usize)];
                file.read_exact_at(&mut bytes, offset).map_err(|error| {
                    let message = format!("read the spooled upload: {error}");
                    Failure::new(ErrorKind::CannotWrite, Effect::Refused, message)
                })?;
                Ok(bytes.into())
            }
        }
    }
}

/// A file that lies beside its place, whole and synced.
pub(super) struct Uploaded {
    pub(super) path: String,
    pub(super) status: FileStatus,
}

/// How a file is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    pub(super) permission: u32,
    /// Whether the DataNodes have it on their disks before it is published.
    pub(super) is_durable: bool,
}

/// Uploads a file beside its place.
pub(super) async fn upload(
    connection: &Connection,
    target: &str,
    source: &Source,
    manner: Manner,
) -> Result<Uploaded> {
    let mut patience = Patience::with_transfers();
    loop {
        let path = temporary_name(target);
        match write(connection, &path, source, manner).await {
            Ok(status) => return Ok(Uploaded { path, status }),
            Err(failure) => {
                discard(connection, &path).await;
                if failure.effect == Effect::Refused {
                    return Err(failure);
                }
                patience.wait_or(failure).await?;
            }
        }
    }
}

/// Deletes what nobody needs; what cannot be deleted is left to the clean-up of leftovers.
pub(super) async fn discard(connection: &Connection, path: &str) {
    let step = Step { operation: "delete", path };
    if let Err(failure) = connection.attempt(&step, |client| client_delete(client, path)).await {
        tracing::debug!(path, %failure, "left behind");
    }
}

async fn client_delete(client: hdfs_native::Client, path: &str) -> hdfs_native::Result<bool> {
    client.delete(path, true).await
}

/// A name beside `target` that no other upload has.
fn temporary_name(target: &str) -> String {
    let (folder, name) = target.rsplit_once('/').unwrap_or(("", target));
    format!("{folder}/{TEMPORARY}{}-{name}", uuid::Uuid::now_v7())
}

/// One try.
async fn write(
    connection: &Connection,
    path: &str,
    source: &Source,
    manner: Manner,
) -> Result<FileStatus> {
    let step = Step { operation: "create", path };
    let options = WriteOptions::default().permission(manner.permission);
    let mut writer = connection
        .attempt(&step, |client| async move { client.create(path, options).await })
        .await?;
    let block = match source.len() {
        length if length > CHUNK as u64 => block_size(connection, path).await?,
        _ => u64::MAX,
    };
    let mut transfer = Transfer { connection, path, writer: &mut writer };
    let (mut offset, mut synced) = (0, 0);
    while offset < source.len() {
        let mut chunk = source.chunk(offset)?;
        chunk.truncate((block - offset % block).min(chunk.len() as u64) as usize);
        offset += chunk.len() as u64;
        transfer.write(chunk).await?;
        let ends_block = offset.is_multiple_of(block) || offset == source.len();
        if manner.is_durable && ends_block {
            transfer.sync(offset - synced).await?;
            synced = offset;
        }
    }
    transfer.close().await?;
    written(connection, path, source.len()).await
}

async fn block_size(connection: &Connection, path: &str) -> Result<u64> {
    let status = connection.status(path).await?;
    Ok(status.and_then(|status| status.blocksize).filter(|size| *size > 0).unwrap_or(u64::MAX))
}

/// The file as the NameNode has it, if it is whole.
async fn written(connection: &Connection, path: &str, expected: u64) -> Result<FileStatus> {
    let found = connection.status(path).await?;
    let length = found.as_ref().map(|status| status.length as u64);
    if let Some(status) = found.filter(|_| length == Some(expected)) {
        return Ok(status);
    }
    let message = format!("expected {expected} bytes after writing, got {length:?}");
    Err(Failure::new(ErrorKind::Transient, Effect::Unknown, message).during(
        connection.service(),
        "write",
        path,
    ))
}

/// A file that is being written; each step may stand still for the idle limit, the whole takes as
/// long as it takes.
struct Transfer<'a> {
    connection: &'a Connection,
    path: &'a str,
    writer: &'a mut FileWriter,
}

impl Transfer<'_> {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let step = Step { operation: "write", path: self.path };
        let writer = &mut *self.writer;
        let written = |_| async move { writer.write_bytes(bytes).await.map(drop) };
        self.connection.within(IDLE_LIMIT, &step, written).await.map_err(Failure::of_own_file)
    }

    /// Asks the DataNodes to put the block on their disks: a rename publishes what a power cut
    /// cannot take away. Only the block that is being written can be synced.
    ///
    /// `hdfs-native` waits for ever when a DataNode of the pipeline dies before it has answered: to
    /// mend the pipeline it waits for its sender, which waits for packets. So the limit is what
    /// `bytes` need on slow disks, and a file that missed it is written again.
    async fn sync(&mut self, bytes: u64) -> Result<()> {
        let step = Step { operation: "sync", path: self.path };
        let writer = &mut *self.writer;
        let synced = |_| async move {
            match writer.hsync().await {
                // Striped files cannot be synced; their bytes lie on more nodes instead.
                Err(HdfsError::OperationFailed(why)) if why.contains("erasure-coded") => Ok(()),
                done => done,
            }
        };
        let limit = SYNC_LIMIT + Duration::from_secs(bytes / SLOWEST_DISK);
        self.connection.within(limit, &step, synced).await.map_err(Failure::of_own_file)
    }

    async fn close(&mut self) -> Result<()> {
        let step = Step { operation: "close", path: self.path };
        let writer = &mut *self.writer;
        let closed = |_| async move { writer.close().await };
        self.connection.within(IDLE_LIMIT, &step, closed).await.map_err(Failure::of_own_file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_cover_a_payload_of_many_parts_and_a_spooled_file() {
        use std::io::Write as _;
        let parts = [vec![1_u8; 3], vec![], vec![2; CHUNK + 5], vec![3; 7]];
        let whole: Vec<u8> = parts.concat();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&whole).unwrap();
        let memory = Source::Memory(PutPayload::from_iter(parts.map(Bytes::from)));
        for source in [memory, Source::Spool(Arc::new(file), whole.len() as u64)] {
            let mut read = Vec::new();
            while (read.len() as u64) < source.len() {
                let chunk = source.chunk(read.len() as u64).unwrap();
                assert!(!chunk.is_empty() && chunk.len() <= CHUNK);
                read.extend_from_slice(&chunk);
            }
            assert_eq!(read, whole);
        }
    }

    #[test]
    fn a_temporary_name_lies_beside_its_target_and_is_hidden() {
        let name = temporary_name("/data/tables/kpis/part-1.parquet");
        assert!(name.starts_with("/data/tables/kpis/.tmp-"), "{name}");
        assert!(name.ends_with("-part-1.parquet") && name != temporary_name("/data/a"));
    }
}
