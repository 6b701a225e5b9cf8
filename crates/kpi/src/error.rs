//! What can go wrong: a catalogue that does not hold together, a batch of the wrong shape.

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, KpiError>;

/// An error of the catalogue or of an input batch; retrying does not help.
#[derive(Debug, thiserror::Error)]
pub enum KpiError {
    /// A catalogue file is not valid TOML of the expected shape.
    #[error("catalogue file `{file}`: {reason}")]
    Syntax {
        /// Name of the file.
        file: &'static str,
        /// What the parser said.
        reason: String,
    },
    /// A catalogue entry contradicts another one.
    #[error("catalogue entry `{entry}`: {reason}")]
    Entry {
        /// Counter, KPI or dialect concerned.
        entry: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A batch lacks a column or has it in another type.
    #[error("column `{column}`: expected {expected}, got {got}")]
    Column {
        /// Name of the column.
        column: String,
        /// Arrow type that was expected.
        expected: &'static str,
        /// What is there.
        got: String,
    },
    /// `pm_counters` names a counter set that `counter_sets` does not hold.
    #[error("counter set `{0}` of `pm_counters` is not in `counter_sets`")]
    UnknownCounterSet(String),
    /// Arrow refused to build a batch.
    #[error("building a batch: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
}

impl KpiError {
    pub(crate) fn entry(entry: &str, reason: impl Into<String>) -> Self {
        Self::Entry { entry: entry.into(), reason: reason.into() }
    }
}
