//! From KPIs, events and inventory to what a model sees: windows, profiles, encodings, event
//! counts, labels, slices and leak guards. Batches in, numbers out; no I/O, no networks.

mod batch;
pub mod clock;
pub mod cube;
pub mod deviations;
pub mod encode;
pub mod events;
pub mod holidays;
pub mod kernel;
pub mod labels;
pub mod leaks;
pub mod network;
pub mod profile;
pub mod series;
pub mod slices;
pub mod task;
pub mod windows;
pub use batch::BatchError;
