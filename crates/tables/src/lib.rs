//! Delta tables on `file://` and `hdfs://`: what a stage published is there, whole, once.
//!
//! [`Root`] opens tables and plain files below a data root. A [`Table`] is read as of a time
//! ([`Read`]), and written slot by slot: [`Table::append`] for raw and log tables,
//! [`Table::replace`] for derived ones, [`Table::stage`] and [`Table::commit_staged`] where several
//! processes write one commit. The kernel replays the log; commits, conflicts and versions of facts
//! are ours, because slots need more than the kernel gives.

mod chunks;
mod clock;
mod columns;
mod commit;
mod compare;
mod constant;
mod create;
mod data_file;
mod encoding;
mod error;
mod file_writer;
mod files;
mod filter;
mod folders;
mod hdfs;
mod local;
mod log;
mod maintain;
mod memory;
mod newest;
mod protocol;
mod read;
mod recovery;
mod root;
mod scan;
mod sha256;
mod slot;
mod snapshot;
mod stats;
mod succession;
mod table;
mod time;
mod verify;
mod versions;
mod write;

pub use commit::{Commit, Outcome};
pub use compare::{Comparison, Digest};
pub use error::{Context, Error, ErrorKind, Result};
pub use files::FileEntry;
pub use log::StagedFile;
pub use maintain::{
    Compacted, Compaction, CompactionJob, Expired, HeldDays, RETENTION, Vacuum, Volume,
};
pub use read::Read;
pub use root::Root;
pub use scan::{ReadCounters, Scan};
pub use sha256::sha256_hex;
pub use slot::{Micros, Slot};
pub use stats::Value;
pub use table::{HistoryEntry, Table};
pub use time::date_of;
pub use verify::{Fault, Unreadable, Verified};
