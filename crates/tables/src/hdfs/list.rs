//! Listing: folder by folder in the order of names, files that are in their place only.

use std::sync::Arc;

use hdfs_native::client::FileStatus;
use tokio::sync::mpsc;

use super::client::{Connection, METADATA_DEADLINE, Patience, Step};
use super::failure::{Effect, Result};
use super::write::TEMPORARY;

/// Entries that wait for a reader.
pub(super) const ENTRIES_AHEAD: usize = 1000;

/// Which files of a folder to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Those in their place.
    Published,
    /// Those that were on their way there.
    Leftover,
}

impl Wanted {
    fn takes(self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        name.starts_with(TEMPORARY) == (self == Self::Leftover)
    }
}

/// Sends the files below a folder, at any depth, until the receiver has all or goes away. None when
/// the folder is not there.
pub(super) async fn send(
    connection: Arc<Connection>,
    folder: String,
    wanted: Wanted,
    to: mpsc::Sender<Result<FileStatus>>,
) {
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        let entries = match entries(&connection, &folder).await {
            Ok(entries) => entries,
            // A folder that went away since it was seen holds nothing.
            Err(failure) if failure.is_missing() => continue,
            Err(failure) => {
                let _ = to.send(Err(failure)).await;
                return;
            }
        };
        let first_below = folders.len();
        for entry in entries {
            if entry.isdir {
                folders.push(entry.path);
            } else if wanted.takes(&entry.path) && to.send(Ok(entry)).await.is_err() {
                return;
            }
        }
        // The last is taken first.
        folders[first_below..].reverse();
    }
}

/// What lies directly in a folder, sorted by name as the NameNode keeps it.
pub(super) async fn entries(connection: &Connection, folder: &str) -> Result<Vec<FileStatus>> {
    let mut patience = Patience::new();
    loop {
        match entries_once(connection, folder).await {
            Err(failure) if failure.effect != Effect::Refused => patience.wait_or(failure).await?,
            settled => return settled,
        }
    }
}

async fn entries_once(connection: &Connection, folder: &str) -> Result<Vec<FileStatus>> {
    let step = Step { operation: "list", path: folder };
    let listing = connection
        .attempt(&step, |client| async move { Ok(client.list_status_iter(folder, false)) })
        .await?;
    let mut entries: Vec<FileStatus> = Vec::new();
    loop {
        let listing = &listing;
        let next = |_| async move { listing.next().await.transpose() };
        match connection.within(METADATA_DEADLINE, &step, next).await? {
            // A file lists itself.
            Some(entry) if entry.path == folder && !entry.isdir => return Ok(Vec::new()),
            Some(entry) => entries.push(entry),
            None => return Ok(entries),
        }
    }
}
