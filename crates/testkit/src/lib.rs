//! Development only: temporary data roots, rows for their tables, the binaries of the workspace as
//! processes, comparisons with a tolerance, certificates, and a scanner for secrets.

mod binary;
mod certificates;
mod hdfs;
mod public_data;
mod rows;
mod secrets;
mod small_disk;
mod tolerance;

pub use binary::{Binary, Run, binary_path};
pub use certificates::certificates;
pub use hdfs::Hdfs;
pub use public_data::public_data;
pub use rows::Rows;
pub use secrets::{Secrets, base64};
pub use small_disk::SmallDisk;
pub use tolerance::assert_close;
