//! What machines that watch the service read: metrics, and the probes once more on a port that
//! clients cannot fill.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};

use super::front::response;
use crate::service::Service;

/// The pages.
pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/v2/health/live", get(async || StatusCode::OK))
        .route("/v2/health/ready", get(ready))
        .with_state(service)
}

async fn metrics(State(service): State<Arc<Service>>) -> Response<Body> {
    let mut response = Response::new(Body::from(service.metrics().page(&service.state())));
    let text = HeaderValue::from_static("text/plain; version=0.0.4");
    response.headers_mut().insert(CONTENT_TYPE, text);
    response
}

/// Says also why not: to who watches, and to nobody else without a token.
async fn ready(State(service): State<Arc<Service>>) -> Response<Body> {
    service.obstacle().map_or_else(Response::default, |refusal| response(&refusal))
}
