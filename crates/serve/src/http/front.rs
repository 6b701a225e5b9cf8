//! What every request passes before anything looks at it: its trace, the token, and a net for panics.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use foresite_console::Caller;
use futures::FutureExt as _;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use tower::Service as _;
use tracing::Instrument as _;

use super::punctual::Punctual;
use super::tokens::Tokens;
use super::trace::{TRACEPARENT, Trace};
use crate::metrics::{Metrics, Protocol};
use crate::refusal::{Kind, Refusal};

/// The form of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Grpc,
}

/// Paths that need no token: probes have none.
const OPEN: [&str; 4] = [
    "/v2/health/live",
    "/v2/health/ready",
    "/inference.GRPCInferenceService/ServerLive",
    "/inference.GRPCInferenceService/ServerReady",
];

/// The entrance of a listener.
#[derive(Debug, Clone)]
pub(crate) struct Front {
    pub(crate) form: Form,
    pub(crate) router: Router,
    pub(crate) tokens: Option<Arc<Tokens>>,
    pub(crate) metrics: Arc<Metrics>,
    /// How long the body of a call by gRPC may take; REST looks after its own.
    pub(crate) patience: Duration,
    /// Whether the log has a line for who is turned away.
    pub(crate) access_log: bool,
}

impl Front {
    /// Answers a request, whatever happens behind it.
    pub(crate) async fn answer(self, request: Request<Incoming>) -> Response<Body> {
        let trace = Trace::of(request.headers());
        let mut response = self.traced(request).instrument(trace.span()).await;
        if let Some(header) = trace.header() {
            response.headers_mut().insert(TRACEPARENT, header);
        }
        response
    }

    async fn traced(self, mut request: Request<Incoming>) -> Response<Body> {
        if let Some(tokens) = &self.tokens
            && !OPEN.contains(&request.uri().path())
        {
            match tokens.check(request.headers()) {
                Ok(person) => drop(request.extensions_mut().insert(Caller(person))),
                Err(refusal) => {
                    self.note(&refusal);
                    return self.refused(&refusal);
                }
            }
        }
        let counted = InFlight::begin(&self.metrics);
        let mut router = self.router.clone();
        let request = request.map(|body| match self.form {
            Form::Json => Body::new(body),
            Form::Grpc => Body::new(Punctual::new(body, self.patience)),
        });
        let answer = AssertUnwindSafe(router.call(request)).catch_unwind().await;
        drop(counted);
        match answer {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => never_happens(never),
            // The panic hook has said where.
            Err(_) => {
                self.refused(&Refusal::new(Kind::Internal, "the request failed; the log says why"))
            }
        }
    }

    /// Counts and logs who is turned away here; the rest is noted where it is answered.
    fn note(&self, refusal: &Refusal) {
        let protocol = match self.form {
            Form::Json => Protocol::Rest,
            Form::Grpc => Protocol::Grpc,
        };
        let code = refusal.status().as_u16();
        self.metrics.turned_away(protocol, code);
        if self.access_log {
            let (protocol, reason) = (protocol.word(), refusal.text.as_str());
            tracing::info!(protocol, code, reason, "request");
        }
    }

    fn refused(&self, refusal: &Refusal) -> Response<Body> {
        match self.form {
            Form::Json => response(refusal),
            Form::Grpc => tonic::Status::from(refusal.clone()).into_http(),
        }
    }
}

/// An open request; it ends also where who asked hangs up.
struct InFlight(Arc<Metrics>);

impl InFlight {
    fn begin(metrics: &Arc<Metrics>) -> Self {
        metrics.in_flight.fetch_add(1, Relaxed);
        Self(Arc::clone(metrics))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

fn never_happens(never: Infallible) -> Response<Body> {
    match never {}
}

/// A refusal by REST: one line of JSON.
pub(super) fn response(refusal: &Refusal) -> Response<Body> {
    let body = serde_json::json!({ "error": refusal.text }).to_string();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = refusal.status();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    match refusal.kind {
        Kind::Unauthorized => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        Kind::Busy | Kind::Unavailable => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        _ => {}
    }
    response
}
