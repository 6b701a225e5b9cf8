//! The one error of a file that cannot be read.

use std::fmt;

use thiserror::Error;

/// Why a whole file is unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadErrorKind {
    /// The gzip stream is damaged or cut off.
    Compression,
    /// Not UTF-8 text.
    Encoding,
    /// Not well-formed XML.
    Syntax,
    /// The text ends inside an element.
    Truncated,
    /// A document type declaration, which is never resolved.
    Doctype,
    /// A reference to an entity that XML does not predefine.
    Entity,
    /// Elements nested deeper than [`Limits::max_depth`](crate::Limits::max_depth).
    Depth,
    /// Larger than the limits allow, before or after decompression.
    TooLarge,
    /// Readable XML, but none of the known formats.
    UnknownFormat,
}

impl ReadErrorKind {
    /// The word that ledger and quarantine show.
    pub fn word(self) -> &'static str {
        match self {
            Self::Compression => "compression",
            Self::Encoding => "encoding",
            Self::Syntax => "syntax",
            Self::Truncated => "truncated",
            Self::Doctype => "doctype",
            Self::Entity => "entity",
            Self::Depth => "depth",
            Self::TooLarge => "too large",
            Self::UnknownFormat => "unknown format",
        }
    }
}

impl fmt::Display for ReadErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A file that cannot be read: nothing of it is used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{kind}: {message} at byte {offset}{}", place(.path))]
pub struct ReadError {
    /// What kind of fault it is.
    pub kind: ReadErrorKind,
    /// Byte offset: into the text, or into the compressed file for `Compression`.
    pub offset: u64,
    /// Names of the open elements around the fault, joined by `/`; empty before the root.
    pub path: String,
    /// What was expected and found.
    pub message: String,
}

impl ReadError {
    pub(crate) fn new(kind: ReadErrorKind, offset: u64, message: impl Into<String>) -> Self {
        Self { kind, offset, path: String::new(), message: message.into() }
    }
}

fn place(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!(" in {path}") }
}
