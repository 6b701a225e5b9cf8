//! Why a request is not one.

/// Characters of a message; foreign names may be long.
const LONGEST: usize = 300;

/// Result with [`ProtocolError`].
pub type Result<T, E = ProtocolError> = std::result::Result<T, E>;

/// One line that says what is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ProtocolError(String);

impl ProtocolError {
    /// An error of this text, on one line.
    pub fn new(text: impl std::fmt::Display) -> Self {
        let clean = |c: char| if c.is_control() { ' ' } else { c };
        Self(text.to_string().chars().take(LONGEST).map(clean).collect())
    }
}
