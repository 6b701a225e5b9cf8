//! The error of storage: what went wrong, where, and whether trying again can help.

use std::error::Error as StdError;
use std::fmt;

/// Result with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure it is; the runtime maps each to one exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The caller asked for something impossible: a bad URI, an unknown column.
    Usage,
    /// A data root, table or file that must be there is not.
    Missing,
    /// What is stored cannot be understood or contradicts the schema.
    BadData,
    /// The store refuses: disk full, quota, permission to write or read, no ticket.
    CannotWrite,
    /// Somebody else changed the same slot; a retry starts from the new state.
    Conflict,
    /// The store did not answer or answered with a passing fault.
    Transient,
    /// The store knows the file, and no place that should have its bytes gave them: these are down,
    /// or the bytes are corrupt.
    Unreadable,
}

impl ErrorKind {
    /// Whether the same call may succeed later without anybody's help.
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::Conflict | Self::Transient | Self::Unreadable)
    }
}

/// A storage failure with its place.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<&'static str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error without a cause below it.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, source: None }
    }

    /// Adds what the reader can do about it.
    #[must_use]
    pub fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
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
    pub fn advice(&self) -> Option<&'static str> {
        self.hint
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
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

impl<T, E: Into<Error>> Context<T> for std::result::Result<T, E> {
    fn context<D: fmt::Display>(self, what: impl FnOnce() -> D) -> Result<T> {
        self.map_err(|error| error.into().while_doing(what()))
    }
}

impl From<object_store::Error> for Error {
    fn from(error: object_store::Error) -> Self {
        of_store(&error)
    }
}

fn of_store(error: &object_store::Error) -> Error {
    use object_store::Error as Store;
    if let Some(own) = of_own_store(error) {
        return own;
    }
    let kind = match error {
        Store::NotFound { .. } => ErrorKind::Missing,
        Store::AlreadyExists { .. } | Store::Precondition { .. } => ErrorKind::Conflict,
        Store::InvalidPath { .. } | Store::NotSupported { .. } | Store::NotImplemented { .. } => {
            ErrorKind::Usage
        }
        Store::PermissionDenied { .. } | Store::Unauthenticated { .. } => ErrorKind::CannotWrite,
        _ => io_kind(error).unwrap_or(ErrorKind::Transient),
    };
    Error::new(kind, error.to_string())
}

/// What a store of our own said, which is all there is to say, however it was wrapped on the way.
fn of_own_store(error: &(dyn StdError + 'static)) -> Option<Error> {
    let own = cause::<Error>(error)?;
    Some(Error { kind: own.kind, message: own.message.clone(), hint: own.hint, source: None })
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::new(kind_of_io(&error), error.to_string())
    }
}

impl From<arrow::error::ArrowError> for Error {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::new(ErrorKind::BadData, error.to_string())
    }
}

impl From<parquet::errors::ParquetError> for Error {
    fn from(error: parquet::errors::ParquetError) -> Self {
        Self::new(ErrorKind::BadData, error.to_string())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::new(ErrorKind::BadData, error.to_string())
    }
}

impl From<delta_kernel::KernelError> for Error {
    fn from(error: delta_kernel::KernelError) -> Self {
        use delta_kernel::KernelError as Kernel;
        let mut inner = &error;
        while let Kernel::Backtraced { source, .. } = inner {
            inner = source;
        }
        let kind = match inner {
            Kernel::FileNotFound(_) | Kernel::EmptyLog => ErrorKind::Missing,
            // The kernel does not name the store's error as its cause.
            Kernel::ObjectStore(error) => return of_store(error),
            other => match of_own_store(other) {
                Some(own) => return own,
                None => io_kind(other).unwrap_or(ErrorKind::BadData),
            },
        };
        // The display of a backtraced error carries its backtrace; the inner one is the message.
        Self::new(kind, inner.to_string())
    }
}

/// The kind of the first I/O error in the chain of causes.
fn io_kind(error: &(dyn StdError + 'static)) -> Option<ErrorKind> {
    cause::<std::io::Error>(error).map(kind_of_io)
}

/// The first error of a type in the chain of causes.
fn cause<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if let Some(found) = current.downcast_ref::<E>() {
            return Some(found);
        }
        cause = current.source();
    }
    None
}

fn kind_of_io(error: &std::io::Error) -> ErrorKind {
    use std::io::ErrorKind as Io;
    match error.kind() {
        Io::NotFound => ErrorKind::Missing,
        Io::PermissionDenied
        | Io::StorageFull
        | Io::QuotaExceeded
        | Io::ReadOnlyFilesystem
        | Io::NotADirectory => ErrorKind::CannotWrite,
        Io::InvalidData | Io::UnexpectedEof => ErrorKind::BadData,
        _ => ErrorKind::Transient,
    }
}

#[cfg(test)]
mod tests {
    use parquet::errors::ParquetError;

    use super::*;

    /// As a checkpoint that a store refuses comes back: through the writer of Parquet, as I/O.
    #[test]
    fn a_refusal_stays_one_through_the_writer_of_checkpoints() {
        let own = Error::new(ErrorKind::CannotWrite, "create /log/1").hint("ask for the right");
        let store = object_store::Error::Generic { store: "hdfs", source: Box::new(own) };
        let wrapped = ParquetError::from(std::io::Error::other(store));
        let error = Error::from(delta_kernel::KernelError::from(wrapped));
        assert_eq!(
            (error.kind(), error.advice()),
            (ErrorKind::CannotWrite, Some("ask for the right"))
        );
        assert_eq!(error.to_string(), "create /log/1");
    }
}
