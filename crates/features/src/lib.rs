//! From KPIs, events and inventory to what a model sees: windows, profiles, encodings, event
//! counts, labels, slices and leak guards. Batches in, numbers out; no I/O, no networks.

pub mod task;
