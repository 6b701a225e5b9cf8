//! Why a model cannot be stored, read or trusted.

/// Result with [`RegistryError`].
pub type Result<T, E = RegistryError> = std::result::Result<T, E>;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Storage failed.
    #[error(transparent)]
    Storage(#[from] foresite_tables::Error),
    /// A folder is not what its sums, or the signature in it, say.
    #[error("{folder}: {problem}")]
    Sums {
        /// Path of the folder.
        folder: String,
        /// Which file, and what is wrong with it.
        problem: String,
    },
    /// Trusted keys signed the model, and none of their signatures holds.
    #[error("model {model}: no signature of a trusted key holds: {problem}")]
    Signature {
        /// Path of the model.
        model: String,
        /// What is wrong with each.
        problem: String,
    },
    /// No key that is trusted signed the model.
    #[error("model {model}: no trusted key has signed it; signed by {signers}, trusted {trusted}")]
    Untrusted {
        /// Path of the model.
        model: String,
        /// The keys that signed it, as a list for people.
        signers: String,
        /// The keys that are trusted, as a list for people.
        trusted: String,
    },
    /// A key file cannot be used.
    #[error("key {path}: {problem}")]
    Key {
        /// Path of the file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Stored weights do not fit the stored model.
    #[error("weights: {0}")]
    Weights(String),
    /// A row of `registry_events` cannot be read.
    #[error("registry events: {0}")]
    Events(String),
}
