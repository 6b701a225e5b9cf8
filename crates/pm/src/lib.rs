//! Parsers of performance-measurement files: bytes in, record batches out, no I/O.
//!
//! [`PmReader`] reads one file, plain or gzipped, of any of the forms in [`Format`] into a
//! [`MeasFile`]: blocks of objects × counters. [`Batcher`] turns such files into record batches of
//! the tables `pm_counters`, `counter_sets` and `pm_histograms`. Every value in the file is
//! accounted for in [`Counts`]; what cannot be used becomes a [`Reject`] that names its place and
//! reason, and a file that cannot be read at all is one [`ReadError`].
//!
//! Deciding which values to trust (suspect objects, truncated periods, wrong units) is left to
//! the stages that follow.

mod batch;
mod block;
mod columns;
mod dn;
mod error;
mod fast;
mod inflate;
mod limits;
pub mod mapping;
mod mdc;
mod meas;
mod model;
mod omes;
mod peek;
mod reader;
mod rejects;
mod text;
mod time;
mod unique;
mod value;
mod xml;

pub use batch::{Batcher, Batches, Load, Written};
pub use dn::{class_of, dn_below, join_dn};
pub use error::{ReadError, ReadErrorKind};
pub use limits::Limits;
pub use model::{Block, Counts, Element, Format, ListValue, MeasFile, Object, flags};
pub use peek::Peek;
pub use reader::{PmReader, ValuePath};
pub use rejects::{Reject, RejectReason};
pub use time::{Micros, Stamp, parse_duration_s, parse_stamp};
pub use value::{Value, parse_value};
