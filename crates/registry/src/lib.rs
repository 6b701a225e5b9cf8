//! Model bundles, signatures, and the events that aliases follow from.
//!
//! ```text
//! models/<task>/<model_id>/bundle/                    by train      model.json weights.safetensors
//!                                                                   card.md metrics.txt SHA256SUMS
//!                                                                   network.pt where a network ships
//!                         evaluation/<lineage_id>/    by evaluate   metrics.txt … SHA256SUMS
//!                         signatures/<key_id>/        by promote    statement statement.sig
//! ```
//! Every folder is published once, whole, by a rename that never replaces. A reader refuses a folder
//! whose sums do not hold and a model whose signature does not.

mod error;
mod events;
mod folder;
mod keys;
mod signing;
mod weights;

pub use error::{RegistryError, Result};
pub use events::{Alias, Aliases, Event, EventKind};
pub use folder::{Folder, model_path, models};
pub use keys::{Signer, TrustedKeys};
pub use signing::{sign, verify};
pub use weights::{from_parts, to_parts};

/// Files of a bundle.
pub mod files {
    /// What the model is, without its long arrays.
    pub const MODEL: &str = "model.json";
    /// The long arrays.
    pub const WEIGHTS: &str = "weights.safetensors";
    /// The network that ships, as TorchScript, for other programs; absent where none does. Export only:
    /// no stage reads it.
    pub const NETWORK: &str = "network.pt";
    /// For people: what it is for, how good, how it was made.
    pub const CARD: &str = "card.md";
    /// `name value` per line.
    pub const METRICS: &str = "metrics.txt";
    /// Sums of all other files, as `sha256sum` writes them.
    pub const SUMS: &str = "SHA256SUMS";
}
