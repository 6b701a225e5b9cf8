//! Why a model could not be fitted, kept or used.

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A slice has too few usable rows.
    #[error("expected at least {needed} rows, got {found}")]
    TooFewRows {
        /// Rows that the method needs.
        needed: usize,
        /// Rows that were there.
        found: usize,
    },
    /// A normal matrix could not be factored even with its penalty.
    #[error("normal matrix is not positive definite at column {column}")]
    NotPositiveDefinite {
        /// Column of the first bad pivot.
        column: usize,
    },
    /// Inputs do not have the shape that the model was fitted on.
    #[error("expected {expected} {what}, got {found}")]
    Shape {
        /// What was counted.
        what: &'static str,
        /// What the model was fitted on.
        expected: usize,
        /// What it was given.
        found: usize,
    },
    /// The task asks for something that no model does.
    #[error("task `{task}`: {problem}")]
    Task {
        /// Name of the task.
        task: String,
        /// What does not fit.
        problem: String,
    },
    /// A stored state cannot be read back.
    #[error("stored model state: {0}")]
    State(String),
    /// An export could not be written on its way through a temporary folder.
    #[error("export of a network: {0}; name a folder with space in TMPDIR")]
    Export(std::io::Error),
    /// A GPU is asked for and not there, or busy.
    #[error("GPU: {0}")]
    Gpu(String),
    /// libtorch failed.
    #[error("libtorch: {0}")]
    Torch(String),
}
