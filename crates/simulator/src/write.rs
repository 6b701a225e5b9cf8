//! Files: what a network's systems write into the landing folder, and the truth beside it.

mod alarms;
mod changes;
mod counters;
mod csv;
mod delivery;
mod events;
mod folder;
mod history;
mod inventory;
mod measurement;
mod months;
mod rows;
mod states;
mod tickets;
mod truth;
mod writer;

pub use counters::VENDOR;
pub use folder::{Folder, Store};
use writer::Writer;

use crate::calendar::{DAY, HOUR, Micros};
use crate::network::Network;

/// Why files could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file system refused.
    #[error("cannot write {path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The Parquet writer refused.
    #[error("cannot write {path}: {source}")]
    Parquet {
        /// The file.
        path: String,
        /// The writer's reason.
        source: parquet::errors::ParquetError,
    },
    /// Somebody asked to stop.
    #[error("stopped")]
    Stopped,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that stood there already, byte for byte.
    pub unchanged: u64,
}

impl std::ops::AddAssign for Written {
    fn add_assign(&mut self, other: Self) {
        self.files += other.files;
        self.bytes += other.bytes;
        self.unchanged += other.unchanged;
    }
}

/// Writes the past: everything known at `config.end`, and the truth to `truth_days` beyond.
///
/// # Errors
/// The first file that could not be written; files already written stay.
pub fn write_history(network: &Network, folder: &Folder<'_>) -> Result<Written, WriteError> {
    folder.written_by(|writer| past(network, writer))
}

fn past(network: &Network, writer: &Writer<'_>) -> Result<Written, WriteError> {
    let [start, end] = [network.config.start.0, network.config.end.0];
    let mut written = history::write(network, writer)?;
    let from = (end - i64::from(network.config.xml_days) * DAY).max(start);
    written += delivery::write(network, writer, [from, end])?;
    written += alarms::write_months(network, writer, [start, end])?;
    written += tickets::write_months(network, writer, [start, end])?;
    written += events::write_months(network, writer, [start, end])?;
    written += inventory::write_days(network, writer, [start, end])?;
    written += truth::write(network, writer)?;
    Ok(written)
}

/// Writes what arrives in the hour that begins at `hour`: its files and late ones of earlier
/// hours, alarms, tickets and changes recorded in it.
///
/// # Errors
/// The first file that could not be written.
pub fn write_hour(
    network: &Network,
    folder: &Folder<'_>,
    hour: Micros,
) -> Result<Written, WriteError> {
    folder.written_by(|writer| {
        let mut written = delivery::write(network, writer, [hour, hour + HOUR])?;
        written += alarms::write_hour(network, writer, hour)?;
        written += tickets::write_hour(network, writer, hour)?;
        written += events::write_hour(network, writer, hour)?;
        written += inventory::write_hour(network, writer, hour)?;
        Ok(written)
    })
}
