//! Counters to KPIs: the catalogue, the mapping of measured objects to entities, the regular grid
//! and the groups above the cell.
//!
//! - [`Catalogue`]: which counters exist, what vendors call them, which KPIs they make
//!   (`catalog/*.toml`).
//! - [`ObjectMap`] and [`Hierarchy`]: which object makes which cell, and what the cell is part of,
//!   both with validity and with the time at which it was known.
//! - [`Derivation`]: takes rows of `pm_counters`, gives rows of `kpis` and `kpi_groups`, one
//!   version per key and distinct `known_at` of its inputs, so that one wide interval and many
//!   small ones give the same rows.
//!
//! No I/O here: the derive and validate stages read and write the tables.

mod accumulator;
mod bitemporal;
pub mod catalogue;
mod columns;
mod counter_rows;
mod counter_sets;
mod counts;
mod derivation;
mod error;
mod grid;
mod groups;
mod hierarchy;
mod lookup;
mod nulling;
mod objects;
mod observations;
mod output;
mod period;
mod resolve;

pub use bitemporal::Known;
pub use catalogue::{Catalogue, channels};
pub use columns::{Columns, micros, of_bucket};
pub use counter_rows::CounterRows;
pub use counter_sets::CounterSets;
pub use counts::Counts;
pub use derivation::{Derivation, Derived, Inputs, Settings};
pub use error::{KpiError, Result};
pub use hierarchy::Hierarchy;
pub use nulling::Nulling;
pub use objects::{ObjectMap, object_dn};
pub use output::Stamp;
pub use resolve::CounterPlan;

/// Microseconds since the epoch, UTC.
pub type Micros = i64;

/// One hour, the period of models and reports.
pub const HOUR: Micros = 3_600_000_000;

/// Bits of the `quality` column of `kpis` and `kpi_groups`.
pub mod quality {
    /// No value arrived for the period.
    pub const MISSING: i32 = 1;
    /// The element marked values as suspect.
    pub const SUSPECT: i32 = 1 << 1;
    /// Only a part of the period, or of the members, was measured.
    pub const PARTLY: i32 = 1 << 2;
    /// A value outside the catalogue's range was left out.
    pub const OUT_OF_RANGE: i32 = 1 << 3;
    /// Validate said that the values must not be used.
    pub const NULLED: i32 = 1 << 4;
    /// The row was imported, not derived.
    pub const IMPORTED: i32 = 1 << 5;
}
