//! The tables that the stages pass to each other: name, columns with unit and meaning, keys, layout
//! and retention, and from these the Arrow schema and the data dictionary.
//!
//! Nothing here does I/O. A column exists when it stands in [`catalog`]; the Delta schema, the
//! readers' projections and `docs/data_dictionary.md` all follow from it.

pub mod arrivals;
mod bucket;
pub mod catalog;
mod dictionary;
pub mod local_events;
pub mod marks;
mod model;
pub mod suppressions;

pub use bucket::{BUCKETS, bucket_of, concerns, is_above, site_of};
pub use dictionary::data_dictionary;
pub use model::{Column, DataKind, Keep, Nullability, TableDef, TableKind};
