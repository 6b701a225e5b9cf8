//! The peer that is most like ours: the same protocol by axum, the network by ONNX Runtime.
//!
//! ```text
//! twin LIBRARY MODEL ADDRESS
//! ```
//! `LIBRARY` is the shared library of ONNX Runtime, opened at run time. One thread, as ours has one
//! core. It is as plain as a service can be: no limits, no log, no metrics.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::TensorRef;
use serde::{Deserialize, Serialize};

/// As far as the protocol is needed.
#[derive(Deserialize)]
struct Request {
    inputs: Vec<Input>,
}

#[derive(Deserialize)]
struct Input {
    shape: [usize; 2],
    data: Vec<f32>,
}

#[derive(Serialize)]
struct Answer {
    model_name: &'static str,
    outputs: [Output; 1],
}

#[derive(Serialize)]
struct Output {
    name: &'static str,
    shape: [usize; 1],
    datatype: &'static str,
    data: Vec<f32>,
}

type Shared = Arc<Mutex<Session>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [library, model, address] = &arguments[..] else {
        anyhow::bail!("twin LIBRARY MODEL ADDRESS");
    };
    let session = session(library, model).map_err(|error| anyhow::anyhow!("{model}: {error}"))?;
    let app = Router::new()
        .route("/v2/health/ready", get(|| async { "ready" }))
        .route("/v2/models/{model}/infer", post(infer))
        .with_state(Arc::new(Mutex::new(session)));
    let socket = tokio::net::TcpListener::bind(address).await.context("listen")?;
    let socket = socket.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(socket, app).await.context("serve")
}

fn session(library: &str, model: &str) -> Result<Session, Box<dyn std::error::Error>> {
    let environment = ort::init_from(library)?.build()?;
    let session = Session::builder(&environment)?
        .with_intra_threads(1)?
        .with_optimization_level(GraphOptimizationLevel::Level3)?
        .commit_from_file(model)?;
    Ok(session)
}

async fn infer(
    State(session): State<Shared>,
    Json(request): Json<Request>,
) -> Result<Json<Answer>, (StatusCode, String)> {
    let wrong = |text: String| (StatusCode::BAD_REQUEST, text);
    let [input] = &request.inputs[..] else {
        return Err(wrong("expected one input".into()));
    };
    let data = scores(&session, input).map_err(|error| wrong(error.to_string()))?;
    let shape = [data.len()];
    let output = Output { name: "score", shape, datatype: "FP32", data };
    Ok(Json(Answer { model_name: "serving", outputs: [output] }))
}

fn scores(session: &Mutex<Session>, input: &Input) -> ort::Result<Vec<f32>> {
    let rows = TensorRef::from_array_view((input.shape, input.data.as_slice()))?;
    let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
    let outputs = session.run(ort::inputs![rows])?;
    let (_, scores) = outputs["score"].try_extract_tensor::<f32>()?;
    Ok(scores.to_vec())
}
