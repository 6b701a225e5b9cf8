//! Reading: one task a file, in bounded memory, and on after a fault where it stopped.
//!
//! `hdfs-native` tries the replicas of a block itself; what is repeated here is the rest: a file is
//! opened anew, which asks the NameNode for the replicas it knows now.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use hdfs_native::client::FileStatus;
use hdfs_native::file::FileReader;
use tokio::sync::mpsc;

use super::client::{Connection, IDLE_LIMIT, Patience, Step};
use super::failure::{Effect, Failure, Result};
use crate::ErrorKind;

/// Packets of 64 KiB that wait for a reader who is slower than HDFS.
pub(super) const PACKETS_AHEAD: usize = 64;

/// Times that a file may be replaced while it is opened.
const OPEN_ATTEMPTS: u32 = 5;

/// A file that is open, with its status when it was opened.
pub(super) struct Opened {
    connection: Arc<Connection>,
    path: String,
    status: FileStatus,
    reader: FileReader,
}

impl Opened {
    /// Opens a file.
    pub(super) async fn open(connection: Arc<Connection>, path: String) -> Result<Self> {
        for _ in 0..OPEN_ATTEMPTS {
            let step = Step { operation: "open", path: &path };
            let (status, reader) = connection
                .repeat(&step, |client| {
                    let path = path.as_str();
                    async move { Ok((client.get_file_info(path).await?, client.read(path).await?)) }
                })
                .await?;
            // Both answers must be about the same file; a rename may come between them.
            if reader.file_length() == status.length {
                return Ok(Self { connection, path, status, reader });
            }
        }
        Err(Failure::new(ErrorKind::Transient, Effect::Unknown, "it is replaced all the time")
            .during(connection.service(), "open", &path))
    }

    pub(super) fn status(&self) -> &FileStatus {
        &self.status
    }

    /// Sends the bytes of a range until the receiver has all or goes away.
    pub(super) async fn send(self, range: Range<u64>, to: mpsc::Sender<Result<Bytes>>) {
        let mut cursor = self.cursor(range);
        loop {
            match cursor.next().await {
                Ok(Some(bytes)) => {
                    if to.send(Ok(bytes)).await.is_err() {
                        return;
                    }
                }
                Ok(None) => return,
                Err(failure) => {
                    // Nobody may be left to hear of it.
                    let _ = to.send(Err(failure)).await;
                    return;
                }
            }
        }
    }

    /// The bytes of a range at once.
    pub(super) async fn range(self, range: Range<u64>) -> Result<Bytes> {
        let mut bytes = BytesMut::with_capacity((range.end - range.start) as usize);
        let mut cursor = self.cursor(range);
        while let Some(more) = cursor.next().await? {
            bytes.extend_from_slice(&more);
        }
        Ok(bytes.freeze())
    }

    fn cursor(self, range: Range<u64>) -> Cursor {
        Cursor { file: self, range, packets: None, patience: Patience::new() }
    }
}

type Packets = futures::stream::BoxStream<'static, hdfs_native::Result<Bytes>>;

/// A place in a file from which reading goes on, over faults too.
struct Cursor {
    file: Opened,
    /// What is still to be read.
    range: Range<u64>,
    packets: Option<Packets>,
    patience: Patience,
}

impl Cursor {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        while !self.range.is_empty() {
            match self.packet().await {
                Ok(bytes) => {
                    self.range.start += bytes.len() as u64;
                    self.patience = Patience::new();
                    return Ok(Some(bytes));
                }
                Err(failure) if failure.effect == Effect::Refused => return Err(failure),
                Err(failure) => {
                    self.patience.wait_or(failure).await?;
                    self.reopen().await?;
                }
            }
        }
        Ok(None)
    }

    /// The next bytes; an early end is a fault.
    async fn packet(&mut self) -> Result<Bytes> {
        let file = &self.file;
        let step = Step { operation: "read", path: &file.path };
        let (start, end) = (self.range.start as usize, self.range.end as usize);
        if end > file.reader.file_length() {
            let message = format!("bytes {start}..{end} of {}", file.reader.file_length());
            return Err(Failure::new(ErrorKind::BadData, Effect::Refused, message).during(
                file.connection.service(),
                "read",
                &file.path,
            ));
        }
        let packets = self
            .packets
            .get_or_insert_with(|| file.reader.read_range_stream(start, end - start).boxed());
        let next = file.connection.within(IDLE_LIMIT, &step, |_| async {
            match packets.next().await {
                Some(bytes) => bytes,
                None => Err(hdfs_native::HdfsError::DataTransferError(
                    "the file ended before its length".to_owned(),
                )),
            }
        });
        next.await
    }

    /// Opens the file anew. Another one in its place is not read on: it has other bytes.
    async fn reopen(&mut self) -> Result<()> {
        let (connection, path) = (Arc::clone(&self.file.connection), self.file.path.clone());
        self.packets = None;
        let again = Opened::open(connection, path).await?;
        let identity = |file: &Opened| (file.status.modification_time, file.status.length);
        if identity(&again) != identity(&self.file) {
            let message = "it was replaced while it was read";
            return Err(Failure::new(ErrorKind::Transient, Effect::Refused, message).during(
                self.file.connection.service(),
                "read",
                &self.file.path,
            ));
        }
        self.file = again;
        Ok(())
    }
}
