//! The error of a stage: what was attempted, on what, what went wrong, and what to do next.

use std::error::Error as StdError;
use std::fmt;

/// Result with [`StageError`].
pub type Result<T, E = StageError> = std::result::Result<T, E>;

/// What kind of failure ends the stage; [`crate::Exit`] gives each its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Arguments or configuration are wrong.
    Usage,
    /// The data cannot be used.
    BadData,
    /// An input root, table or file is missing.
    Missing,
    /// Storage refuses: disk full, quota, permission to write or read, no ticket.
    CannotWrite,
    /// Storage unreachable, conflict, GPU busy: try again.
    Transient,
    /// The stage was told to stop.
    Stopped,
    /// Anything else: a defect of Foresite.
    Internal,
}

/// A failure that ends a stage.
#[derive(Debug)]
pub struct StageError {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl StageError {
    /// An error without a cause below it.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, source: None }
    }

    /// Adds what the reader can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Attaches the error that caused this one.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Puts `what` was attempted in front of the message.
    #[must_use]
    pub fn while_doing(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What the reader can do about it.
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The message and those of its causes, each said once.
    pub fn chain(&self) -> String {
        let mut text = self.message.clone();
        let mut cause = self.source();
        while let Some(error) = cause {
            let message = error.to_string();
            if !text.contains(&message) {
                text = format!("{text}: {message}");
            }
            cause = error.source();
        }
        text
    }
}

impl fmt::Display for StageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for StageError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}

/// Says what was attempted, on the way up.
pub trait Context<T> {
    /// Puts `what` in front of the message of the error.
    ///
    /// # Errors
    /// The error it is called on.
    fn context<D: fmt::Display>(self, what: impl FnOnce() -> D) -> Result<T>;
}

impl<T, E: Into<StageError>> Context<T> for std::result::Result<T, E> {
    fn context<D: fmt::Display>(self, what: impl FnOnce() -> D) -> Result<T> {
        self.map_err(|error| error.into().while_doing(what()))
    }
}

impl From<foresite_tables::Error> for StageError {
    fn from(error: foresite_tables::Error) -> Self {
        use foresite_tables::ErrorKind as Tables;
        let kind = match error.kind() {
            Tables::Usage => ErrorKind::Usage,
            Tables::Missing => ErrorKind::Missing,
            Tables::BadData => ErrorKind::BadData,
            Tables::CannotWrite => ErrorKind::CannotWrite,
            Tables::Conflict | Tables::Transient | Tables::Unreadable => ErrorKind::Transient,
        };
        let hint = error.advice().map(str::to_owned);
        Self { hint, ..Self::new(kind, error.to_string()).because(error) }
    }
}

impl From<arrow::error::ArrowError> for StageError {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::new(ErrorKind::BadData, error.to_string())
    }
}

impl From<std::io::Error> for StageError {
    fn from(error: std::io::Error) -> Self {
        foresite_tables::Error::from(error).into()
    }
}

impl From<serde_json::Error> for StageError {
    fn from(error: serde_json::Error) -> Self {
        Self::new(ErrorKind::BadData, error.to_string())
    }
}
