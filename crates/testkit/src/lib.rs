//! Development only: temporary data roots, rows for their tables, the binaries of the workspace as
//! processes, and comparisons with a tolerance.

mod binary;
mod hdfs;
mod public_data;
mod rows;
mod small_disk;
mod tolerance;

pub use binary::{Binary, Run, binary_path};
pub use hdfs::Hdfs;
pub use public_data::public_data;
pub use rows::Rows;
pub use small_disk::SmallDisk;
pub use tolerance::assert_close;
