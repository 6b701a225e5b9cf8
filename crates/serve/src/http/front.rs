//! What every request passes before anything looks at it: its trace, the token, and a net for panics.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use foresite_console::Caller;
use futures::FutureExt as _;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Request, Response};
use hyper::body::Incoming;
use tower::Service as _;
use tracing::Instrument as _;

use super::grpc::Methods;
use super::peer::Peer;
use super::punctual::Punctual;
use super::tokens::{Holder, Tokens, TurnedAway};
use super::trace::{TRACEPARENT, Trace};
use crate::logins::Logins;
use crate::metrics::{Metrics, Protocol};
use crate::refusal::{Kind, Refusal};

/// The form of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Grpc,
}

/// What answers behind an entrance.
#[derive(Debug, Clone)]
pub(crate) enum Routes {
    Json(Router),
    Grpc(Methods),
}

impl Routes {
    /// `patience` is how long the body of a call by gRPC may take; REST looks after its own.
    async fn answer(self, request: Request<Incoming>, patience: Duration) -> Response<Body> {
        match self {
            Self::Json(mut router) => {
                let Ok(response) = router.call(request.map(Body::new)).await;
                response
            }
            Self::Grpc(methods) => {
                methods.answer(request.map(|body| Punctual::new(body, patience))).await
            }
        }
    }
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
    pub(crate) routes: Routes,
    pub(crate) tokens: Option<Arc<Tokens>>,
    pub(crate) metrics: Arc<Metrics>,
    /// How long the body of a call by gRPC may take.
    pub(crate) patience: Duration,
    /// Whether the log has a line for who is turned away.
    pub(crate) access_log: bool,
    /// Where log-ins are counted; the log then has a line for the first of an hour alone.
    pub(crate) logins: Option<Arc<Logins>>,
}

impl Front {
    /// The form of its refusals.
    pub(super) fn form(&self) -> Form {
        match self.routes {
            Routes::Json(_) => Form::Json,
            Routes::Grpc(_) => Form::Grpc,
        }
    }

    /// Answers a request, whatever happens behind it.
    pub(crate) async fn answer(self, request: Request<Incoming>, peer: &Peer) -> Response<Body> {
        let trace = Trace::of(request.headers());
        let mut response = self.traced(request, peer).instrument(trace.span()).await;
        if let Some(header) = trace.header() {
            response.headers_mut().insert(TRACEPARENT, header);
        }
        response
    }

    async fn traced(self, mut request: Request<Incoming>, peer: &Peer) -> Response<Body> {
        if !OPEN.contains(&request.uri().path()) {
            match self.admit(request.headers(), peer) {
                Ok(None) => {}
                Ok(person) => drop(request.extensions_mut().insert(Caller(person))),
                Err(refusal) => return self.refused(&refusal),
            }
        }
        let counted = InFlight::begin(&self.metrics);
        let answering = self.routes.clone().answer(request, self.patience);
        let answer = AssertUnwindSafe(answering).catch_unwind().await;
        drop(counted);
        // The panic hook has said where.
        answer.unwrap_or_else(|_| {
            self.refused(&Refusal::new(Kind::Internal, "the request failed; the log says why"))
        })
    }

    /// The person whose token the request carries, where it names one; refuses who has no token, where
    /// one is needed.
    fn admit(&self, headers: &HeaderMap, peer: &Peer) -> Result<Option<String>, Refusal> {
        match self.tokens.as_ref().map(|tokens| tokens.check(headers)).transpose() {
            Ok(holder) => {
                self.count_login(holder.as_deref(), None, peer);
                Ok(holder.and_then(|holder| holder.person.clone()))
            }
            Err(TurnedAway { refusal, holder }) => {
                self.count_login(holder.as_deref(), Some(&refusal.text), peer);
                self.note(&refusal);
                Err(refusal)
            }
        }
    }

    /// Counts a log-in, or that it was refused, where that is asked for.
    pub(super) fn count_login(&self, holder: Option<&Holder>, refused: Option<&str>, peer: &Peer) {
        if let Some(logins) = &self.logins {
            logins.count(peer.caller(holder), refused, peer.address);
        }
    }

    /// Counts and logs who is turned away here; the rest is noted where it is answered.
    fn note(&self, refusal: &Refusal) {
        let protocol = match self.form() {
            Form::Json => Protocol::Rest,
            Form::Grpc => Protocol::Grpc,
        };
        let code = refusal.status().as_u16();
        self.metrics.turned_away(protocol, code);
        if self.access_log && self.logins.is_none() {
            let (protocol, reason) = (protocol.word(), refusal.text.as_str());
            tracing::info!(protocol, code, reason, "request");
        }
    }

    fn refused(&self, refusal: &Refusal) -> Response<Body> {
        match self.form() {
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
