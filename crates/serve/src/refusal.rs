//! Why a request gets no prediction, and how REST and gRPC say so.

use foresite_inference::ProtocolError;
use foresite_stage::{ErrorKind, StageError};
use http::StatusCode;

/// What kind of refusal it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The request is wrong.
    Bad,
    /// No valid token.
    Unauthorized,
    /// No such model, version or path.
    Unknown,
    /// The path exists, for another method.
    Method,
    /// The request did not arrive in time.
    Slow,
    /// The request is too large.
    TooLarge,
    /// Too many requests wait.
    Busy,
    /// A defect of the service, or data that the model cannot use.
    Internal,
    /// No model, draining, or the tables cannot be read.
    Unavailable,
    /// No answer in time.
    TimedOut,
}

/// A refusal in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) kind: Kind,
    pub(crate) text: String,
}

impl Refusal {
    pub(crate) fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Self::new(Kind::Bad, text)
    }

    pub(crate) fn unavailable(text: impl Into<String>) -> Self {
        Self::new(Kind::Unavailable, text)
    }

    /// The status by REST.
    pub(crate) fn status(&self) -> StatusCode {
        match self.kind {
            Kind::Bad => StatusCode::BAD_REQUEST,
            Kind::Unauthorized => StatusCode::UNAUTHORIZED,
            Kind::Unknown => StatusCode::NOT_FOUND,
            Kind::Method => StatusCode::METHOD_NOT_ALLOWED,
            Kind::Slow => StatusCode::REQUEST_TIMEOUT,
            Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Kind::Busy => StatusCode::TOO_MANY_REQUESTS,
            Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Kind::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The status by gRPC.
    pub(crate) fn code(&self) -> tonic::Code {
        match self.kind {
            Kind::Bad => tonic::Code::InvalidArgument,
            Kind::Unauthorized => tonic::Code::Unauthenticated,
            Kind::Unknown => tonic::Code::NotFound,
            Kind::Method => tonic::Code::Unimplemented,
            Kind::TooLarge | Kind::Busy => tonic::Code::ResourceExhausted,
            Kind::Internal => tonic::Code::Internal,
            Kind::Unavailable => tonic::Code::Unavailable,
            Kind::Slow | Kind::TimedOut => tonic::Code::DeadlineExceeded,
        }
    }
}

impl From<ProtocolError> for Refusal {
    fn from(error: ProtocolError) -> Self {
        Self::bad(error.to_string())
    }
}

impl From<StageError> for Refusal {
    /// Storage that cannot be read, or lacks a table yet, may be able to answer later.
    fn from(error: StageError) -> Self {
        let kind = match error.kind() {
            ErrorKind::Transient
            | ErrorKind::CannotWrite
            | ErrorKind::Missing
            | ErrorKind::Stopped => Kind::Unavailable,
            ErrorKind::Usage | ErrorKind::BadData | ErrorKind::Internal => Kind::Internal,
        };
        Self::new(kind, error.chain().replace(['\n', '\r'], " "))
    }
}

impl From<Refusal> for tonic::Status {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code(), refusal.text)
    }
}
