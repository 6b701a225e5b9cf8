//! The Open Inference Protocol by REST.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use bytes::Bytes;
use foresite_inference::{
    BINARY_TENSOR_DATA, BinaryOutputs, INFERENCE_HEADER_CONTENT_LENGTH, Request,
};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::front::response;
use crate::asked::Asked;
use crate::metrics::Protocol;
use crate::refusal::{Kind, Refusal};
use crate::service::Service;

/// Requests from so many bytes on are parsed on a thread of their own.
const LARGE: usize = 64 << 10;

/// Model and version in a path.
#[derive(Debug, Deserialize)]
struct Names {
    model: String,
    version: Option<String>,
}

type NamesOf = Result<Path<Names>, PathRejection>;

/// All paths of the protocol.
pub(crate) fn router(service: Arc<Service>) -> Router {
    // No nested routers: each would write the path of every request anew.
    Router::new()
        .route("/v2", get(server))
        .route("/v2/health/live", get(live))
        .route("/v2/health/ready", get(ready))
        .route("/v2/models/{model}", get(metadata))
        .route("/v2/models/{model}/ready", get(model_ready))
        .route("/v2/models/{model}/infer", post(infer))
        .route("/v2/models/{model}/versions/{version}", get(metadata))
        .route("/v2/models/{model}/versions/{version}/ready", get(model_ready))
        .route("/v2/models/{model}/versions/{version}/infer", post(infer))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .with_state(service)
}

fn answered(status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

fn said(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    // Texts, numbers and maps of them alone: nothing here can fail to serialise.
    answered(status, serde_json::to_vec(value).unwrap_or_default())
}

async fn unknown() -> Response<Body> {
    response(&Refusal::new(Kind::Unknown, "no such path; GET /v2 says what is here"))
}

async fn wrong_method() -> Response<Body> {
    let text = "this path takes another method: POST for infer, otherwise GET";
    response(&Refusal::new(Kind::Method, text))
}

async fn server() -> Response<Body> {
    let server = json!({
        "name": "foresite-serve",
        "version": env!("FORESITE_REVISION"),
        "extensions": [BINARY_TENSOR_DATA],
    });
    said(StatusCode::OK, &server)
}

async fn live() -> Response<Body> {
    said(StatusCode::OK, &json!({ "live": true }))
}

async fn ready(State(service): State<Arc<Service>>) -> Response<Body> {
    let is_ready = service.is_ready();
    said(readiness(is_ready), &json!({ "ready": is_ready, "live": true }))
}

fn readiness(is_ready: bool) -> StatusCode {
    if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn model_ready(State(service): State<Arc<Service>>, names: NamesOf) -> Response<Body> {
    let looked = named(names).and_then(|names| {
        match service.model(&names.model, names.version.as_deref()) {
            Ok(_) => Ok((names.model, service.is_ready())),
            Err(refusal) if refusal.kind == Kind::Unavailable => Ok((names.model, false)),
            Err(refusal) => Err(refusal),
        }
    });
    match looked {
        Ok((name, ready)) => said(readiness(ready), &json!({ "name": name, "ready": ready })),
        Err(refusal) => response(&refusal),
    }
}

async fn metadata(State(service): State<Arc<Service>>, names: NamesOf) -> Response<Body> {
    let found =
        named(names).and_then(|names| service.metadata(&names.model, names.version.as_deref()));
    match found {
        Ok(metadata) => said(StatusCode::OK, &metadata),
        Err(refusal) => response(&refusal),
    }
}

async fn infer(
    State(service): State<Arc<Service>>,
    names: NamesOf,
    request: http::Request<Body>,
) -> Response<Body> {
    let asked = Asked::begin(&service, Protocol::Rest);
    let (parts, body) = request.into_parts();
    let (outcome, binary) = match asked_for(&service, names, &parts.headers, body).await {
        Ok((Names { model, version }, request)) => {
            (service.infer(&model, version.as_deref(), &request).await, request.binary)
        }
        Err(refusal) => (Err(refusal), BinaryOutputs::default()),
    };
    asked.end(&outcome);
    match outcome {
        Ok(answer) => {
            let (body, json_bytes) = answer.to_body(&binary);
            json_ends(answered(StatusCode::OK, body), json_bytes)
        }
        Err(refusal) => response(&refusal),
    }
}

/// Tells where the JSON of an answer ends, where bytes stand behind it.
fn json_ends(mut response: Response<Body>, json_bytes: Option<usize>) -> Response<Body> {
    if let Some(json_bytes) = json_bytes {
        let binary = HeaderValue::from_static("application/octet-stream");
        response.headers_mut().insert(CONTENT_TYPE, binary);
        response.headers_mut().insert(INFERENCE_HEADER_CONTENT_LENGTH, json_bytes.into());
    }
    response
}

async fn asked_for(
    service: &Service,
    names: NamesOf,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Names, Request), Refusal> {
    let names = named(names)?;
    let json_bytes = json_bytes(headers)?;
    let bytes = read(service, headers, body).await?;
    Ok((names, parse(bytes, json_bytes).await?))
}

/// How many bytes of JSON a body begins with; `None` = it is nothing else.
fn json_bytes(headers: &HeaderMap) -> Result<Option<usize>, Refusal> {
    let Some(value) = headers.get(INFERENCE_HEADER_CONTENT_LENGTH) else { return Ok(None) };
    let bytes = value.to_str().ok().and_then(|text| text.parse().ok());
    let wrong = || {
        Refusal::bad(format!(
            "header `{INFERENCE_HEADER_CONTENT_LENGTH}`: expected a number of bytes"
        ))
    };
    bytes.map(Some).ok_or_else(wrong)
}

fn named(names: NamesOf) -> Result<Names, Refusal> {
    names.map(|Path(names)| names).map_err(|_| Refusal::bad("the path is not UTF-8"))
}

/// The body, as far as it is small enough and comes in time.
async fn read(service: &Service, headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    let limits = &service.config().limits;
    let most = limits.body_bytes;
    let too_large =
        || Refusal::new(Kind::TooLarge, format!("the request has more than {most} bytes"));
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|bytes: u64| bytes > most as u64) {
        return Err(too_large());
    }
    let patience = Duration::from_secs_f64(limits.receive_seconds);
    match tokio::time::timeout(patience, Limited::new(body, most).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Refusal::bad("the request ended before its end")),
        Err(_) => {
            let seconds = limits.receive_seconds;
            Err(Refusal::new(Kind::Slow, format!("the request took longer than {seconds} s")))
        }
    }
}

async fn parse(bytes: Bytes, json_bytes: Option<usize>) -> Result<Request, Refusal> {
    let is_large = bytes.len() >= LARGE;
    let parse = move || match json_bytes {
        Some(json_bytes) => Request::from_binary(&bytes, json_bytes),
        None => Request::from_json(&bytes),
    };
    if !is_large {
        return Ok(parse()?);
    }
    let span = tracing::Span::current();
    let parsed = tokio::task::spawn_blocking(move || span.in_scope(parse)).await;
    let failed = |_| Refusal::new(Kind::Internal, "the request could not be parsed");
    Ok(parsed.map_err(failed)??)
}
