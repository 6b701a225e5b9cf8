//! The routes.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use foresite_tables::{Error, Result, Root};
use serde::Serialize;

use crate::cache::{Answer, Cached};
use crate::feedback::Desk;
use crate::{completeness, models, worklist};

/// How the console answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How long an answer is given again without a look at the tables.
    pub keep: Duration,
    /// How long a caller waits for storage before it gets 503.
    pub patience: Duration,
    /// How long what `monitor` found is told again without a look at the tables.
    pub keep_findings: Duration,
    /// How long a scrape waits for storage before it gets the last numbers: less than what Prometheus
    /// waits, 10 s by default.
    pub scrape_patience: Duration,
    /// How long after the end of its hour a file counts as late: the lateness of the pipeline.
    pub lateness: Duration,
    /// Whether people's marks are taken.
    pub accepts_feedback: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            keep: Duration::from_secs(30),
            patience: Duration::from_secs(20),
            keep_findings: Duration::from_secs(5 * 60),
            scrape_patience: Duration::from_secs(5),
            lateness: Duration::from_secs(30 * 60),
            accepts_feedback: false,
        }
    }
}

/// Whether the data root can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Health {
    /// Always `ok`; what is not is a 503.
    pub status: &'static str,
}

/// The routes below `/console/v1`, over one data root. To be called inside a Tokio runtime whose
/// timer is on: storage is read by its blocking threads, at most one per route.
pub fn router(root: Root, options: Options) -> Router {
    let lateness = i64::try_from(options.lateness.as_micros()).unwrap_or(i64::MAX / 2);
    let held = Arc::new(Held(Some(root)));
    let desk = Desk::new(Arc::clone(&held), options.accepts_feedback, options.patience);
    let route = |read: fn(&Root, Asked) -> Result<Vec<u8>>| {
        let held = Arc::clone(&held);
        let asked = Asked { lateness, accepts_feedback: options.accepts_feedback };
        let read = move || held.answer(|root| read(root, asked));
        let cached = Cached::new(read, options.keep, options.patience);
        get(move || {
            let cached = cached.clone();
            async move { response(cached.get().await) }
        })
    };
    Router::new()
        .route(
            "/console/v1/worklist",
            route(|root, asked| body(&worklist::read(root, asked.accepts_feedback)?)),
        )
        .route("/console/v1/models", route(|root, _| body(&models::read(root)?)))
        .route(
            "/console/v1/completeness",
            route(|root, asked| body(&completeness::read(root, asked.lateness)?)),
        )
        .route(
            "/console/v1/feedback",
            post(move |caller, request| {
                let desk = desk.clone();
                async move { desk.answer(caller, request).await }
            }),
        )
        .route("/console/v1/health", route(|_, _| body(&Health { status: "ok" })))
}

/// What a summary depends on beside the tables.
#[derive(Debug, Clone, Copy)]
struct Asked {
    lateness: i64,
    accepts_feedback: bool,
}

fn body(summary: &impl Serialize) -> Result<Vec<u8>> {
    Ok(serde_json::to_vec(summary)?)
}

/// The data root. It ends with a runtime of its own, and a router is mostly dropped by asynchronous
/// code, where no runtime may end.
pub(crate) struct Held(pub(crate) Option<Root>);

impl Held {
    /// Reads a data root that must be there: an empty answer about a missing one would be a lie.
    pub(crate) fn answer(&self, read: impl Fn(&Root) -> Result<Vec<u8>>) -> Answer {
        let root = self.0.as_ref().ok_or("the console is ending")?;
        root.require().and_then(|()| read(root)).map(Bytes::from).map_err(|error| {
            let line = one_line(&error);
            tracing::warn!(error = &*line, "a summary could not be read");
            line
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let root = self.0.take();
        std::thread::spawn(move || drop(root));
    }
}

/// The error, its first cause and its hint, without line breaks.
pub(crate) fn one_line(error: &Error) -> Arc<str> {
    let mut text = error.to_string();
    if let Some(cause) = std::error::Error::source(error) {
        text = format!("{text}: {cause}");
    }
    if let Some(hint) = error.advice() {
        text = format!("{text} (hint: {hint})");
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ").into()
}

fn response(answer: Answer) -> Response {
    let (status, body) = match answer {
        Ok(body) => (StatusCode::OK, body),
        Err(line) => {
            let told = serde_json::json!({ "error": &*line });
            (StatusCode::SERVICE_UNAVAILABLE, Bytes::from(told.to_string()))
        }
    };
    json(status, body)
}

/// An answer that nobody keeps.
pub(crate) fn json(status: StatusCode, body: impl Into<Body>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, body.into()).into_response()
}
