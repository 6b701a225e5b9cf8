//! The exit table: one code per kind of failure, and what the orchestrator does with it.

use crate::{ErrorKind, StageError};

/// How a stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing had to change.
    Success,
    /// Unclassified failure.
    Internal,
    /// Wrong arguments or configuration.
    Usage,
    /// Bad data.
    BadData,
    /// Input root, table or file missing.
    Missing,
    /// Storage refuses to write, or to read for want of permission.
    CannotWrite,
    /// Transient: try again.
    Transient,
    /// A panic was caught.
    Panic,
    /// Stopped by SIGTERM.
    Stopped,
}

/// What the orchestrator does after an exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Goes on.
    GoOn,
    /// Fails at once: a second try would end the same.
    Never,
    /// Five tries in all, 30 s to 10 min apart.
    Patiently,
    /// Two tries in all.
    Once,
}

impl Exit {
    /// Every row of the table.
    pub const ALL: [Self; 9] = [
        Self::Success,
        Self::Internal,
        Self::Usage,
        Self::BadData,
        Self::Missing,
        Self::CannotWrite,
        Self::Transient,
        Self::Panic,
        Self::Stopped,
    ];

    /// The process's exit code (sysexits where one fits; 128 + signal for a stop).
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::BadData => 65,
            Self::Missing => 66,
            Self::CannotWrite => 73,
            Self::Transient => 75,
            Self::Panic => 101,
            Self::Stopped => 143,
        }
    }

    /// What the orchestrator does.
    pub fn retry(self) -> Retry {
        match self {
            Self::Success => Retry::GoOn,
            Self::Usage | Self::BadData | Self::Missing | Self::CannotWrite => Retry::Never,
            Self::Transient => Retry::Patiently,
            Self::Internal | Self::Panic | Self::Stopped => Retry::Once,
        }
    }
}

impl From<&StageError> for Exit {
    fn from(error: &StageError) -> Self {
        match error.kind() {
            ErrorKind::Usage => Self::Usage,
            ErrorKind::BadData => Self::BadData,
            ErrorKind::Missing => Self::Missing,
            ErrorKind::CannotWrite => Self::CannotWrite,
            ErrorKind::Transient => Self::Transient,
            ErrorKind::Stopped => Self::Stopped,
            ErrorKind::Internal => Self::Internal,
        }
    }
}
