//! Why marks are not taken: a status and one line.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::router::json;

/// A refusal of a whole request: none of its marks was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) line: String,
    /// Seconds after which to ask again.
    pub(super) again: Option<u64>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, line: impl AsRef<str>) -> Self {
        let line = line.as_ref().split_whitespace().collect::<Vec<_>>().join(" ");
        Self { status, line, again: None }
    }

    /// A mark that cannot be taken; `number` counts from 1.
    pub(super) fn mark(number: usize, why: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, format!("mark {number}: {why}"))
    }

    pub(super) fn unavailable(line: impl AsRef<str>) -> Self {
        Self { again: Some(1), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, line) }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let told = serde_json::json!({ "error": self.line });
        let mut response = json(self.status, told.to_string());
        if let Some(seconds) = self.again {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
