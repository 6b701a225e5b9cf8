//! A seeded mobile network that writes the raw files a real one would, and knows the truth.
//!
//! [`Network::generate`] draws the whole story from a [`Config`]: sites and carriers, failures,
//! sleeping cells, planned work. [`simulate_hour`] computes any hour of it, independently of all
//! others. The `write` module turns hours into files below `landing/` and the truth below
//! `truth/`. Nothing is shared with the crates that read these files: a mistake in one would
//! otherwise hide the same mistake in the other.

pub mod alarms;
pub mod calendar;
pub mod capacity;
pub mod config;
pub mod demand;
pub mod equipment;
pub mod faults;
pub mod hour;
pub mod kpi;
pub mod layout;
pub mod neighbours;
pub mod network;
pub mod noise;
pub mod oracle;
pub mod radio;
pub mod random;
pub mod sleeping;
pub mod state;
pub mod tickets;
pub mod work;
pub mod write;

pub use config::{Config, ConfigError};
pub use hour::{Period, simulate_hour};
pub use network::Network;
