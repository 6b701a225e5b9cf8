//! Too much, too late, and defects: every request gets its own answer, and the next one is served.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};

use foresite_inference::proto::model_infer_request::InferInputTensor;
use foresite_inference::proto::{InferTensorContents, ModelInferRequest};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::client::{Answer, answer, block, connect, grpc, infer};
use crate::server::{Server, copy};
use crate::toy::END;
use crate::trust::{self, signed_again};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn by_features(x: f64) -> Json {
    json!({ "inputs": [
        { "name": "features", "shape": [1, 2], "datatype": "FP64", "data": [x, 0.5] },
    ] })
}

fn by_entity() -> Json {
    json!({ "inputs": [
        { "name": "entity", "shape": [1], "datatype": "BYTES", "data": ["device-00"] },
        { "name": "cutoff", "shape": [1], "datatype": "BYTES", "data": [END] },
    ] })
}

/// Sends a request and leaves its answer alone.
fn asked(mut stream: &TcpStream, body: &Json) {
    let body = body.to_string();
    let head = format!(
        "POST /v2/models/toy/infer HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\
         traceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
}

/// The same call by gRPC; its code and message.
fn called(server: &Server, inputs: Vec<InferInputTensor>) -> (tonic::Code, String) {
    let request = ModelInferRequest { model_name: "toy".into(), inputs, ..Default::default() };
    match block(async { grpc(server.address("grpc")).model_infer(request).await }) {
        Ok(_) => (tonic::Code::Ok, String::new()),
        Err(status) => (status.code(), status.message().to_owned()),
    }
}

fn feature_tensor(x: f64) -> Vec<InferInputTensor> {
    let contents = InferTensorContents { fp64_contents: vec![x, 0.5], ..Default::default() };
    vec![InferInputTensor {
        name: "features".into(),
        datatype: "FP64".into(),
        shape: vec![1, 2],
        contents: Some(contents),
        ..Default::default()
    }]
}

fn entity_tensor() -> Vec<InferInputTensor> {
    let bytes_contents = vec![b"device-00".to_vec()];
    vec![InferInputTensor {
        name: "entity".into(),
        datatype: "BYTES".into(),
        shape: vec![1],
        contents: Some(InferTensorContents { bytes_contents, ..Default::default() }),
        ..Default::default()
    }]
}

#[test]
fn who_comes_when_too_many_wait_is_sent_away_at_once() {
    let root = copy();
    let cache = TempDir::new().unwrap();
    let more = ["--cache-dir", cache.path().to_str().unwrap()];
    let server = Server::ready(root.path(), &json!({}), &more);
    server.wait("the copy", |_| cache.path().join("toy/aliases.json").exists());
    drop(server);

    // Takes connections and says nothing: what a NameNode looks like that hangs.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let data_root = format!("hdfs://{}/data", silent.local_addr().unwrap());
    let limits = json!({ "limits": { "readers": 1, "waiting": 1, "request_seconds": 12.0 } });
    let server = Server::start(&data_root, &limits, &more);
    server.wait("ready", |server| server.get("/v2/health/ready").status == 200);
    let rest = server.rest();
    let has = |words: &'static str| move |server: &Server| server.metrics().contains(words);
    let hung_up = connect(rest);
    asked(&hung_up, &by_entity());
    server.wait("the reader is busy", has("foresite_serve_batch_rows_count{} 1\n"));
    drop(hung_up);
    server.wait("nobody to be left", has("foresite_serve_in_flight 0\n"));
    assert!(server.metrics().contains("requests_total{protocol=\"rest\",code=\"499\"} 1\n"));
    std::thread::scope(|scope| {
        let second = scope.spawn(|| infer(rest, &by_entity()));
        server.wait("one waits", has("foresite_serve_waiting{pool=\"reading\"} 1\n"));

        let third = infer(rest, &by_entity());
        assert_eq!(third.refusal(429), "1 requests wait already; try again later");
        assert_eq!(third.header("retry-after"), Some("1"));
        let (code, text) = called(&server, entity_tensor());
        assert_eq!(code, tonic::Code::ResourceExhausted, "{text}");
        assert_eq!(infer(rest, &by_features(0.9)).status, 200, "nothing is read for this one");

        let text = second.join().unwrap().refusal(503);
        assert!(text.starts_with("the tables could not be read in time"), "{text}");
    });
    assert!(server.metrics().contains("requests_total{protocol=\"rest\",code=\"429\"} 1\n"));
    assert_eq!(infer(rest, &by_features(0.9)).status, 200);
}

#[test]
fn what_takes_too_long_is_told_so() {
    let root = copy();
    // Nobody can be that quick.
    let limits = json!({ "limits": { "request_seconds": 1e-6 } });
    let server = Server::ready(root.path(), &limits, &[]);
    let late = infer(server.rest(), &by_features(0.9));
    assert_eq!(late.refusal(504), "no prediction in time");
    let (code, text) = called(&server, feature_tensor(0.9));
    assert_eq!((code, text.as_str()), (tonic::Code::DeadlineExceeded, "no prediction in time"));
    assert!(server.metrics().contains("requests_total{protocol=\"grpc\",code=\"504\"} 1\n"));
    assert_eq!(server.get("/v2/health/ready").status, 200);
}

/// A table that ends too early: scores beyond its second step have no value.
fn cut_short(model: &mut Json) {
    model["fitted"]["model"]["calibrators"] =
        json!([{ "kind": "isotonic", "at": [0.3, 0.6, 0.9], "value": [0.1, 0.5] }]);
}

#[test]
fn a_defect_ends_one_request_alone() {
    let root = copy();
    signed_again(root.path(), cut_short);
    let server = Server::ready(root.path(), &json!({ "limits": { "workers": 1 } }), &[]);
    let rest = server.rest();
    let score = |answer: &Answer| answer.json()["outputs"][6]["data"][0].clone();
    let usual = infer(rest, &by_features(0.1));
    assert_eq!((usual.status, score(&usual)), (200, json!(0.1)), "{}", usual.body);

    let mut stream = connect(rest);
    asked(&stream, &by_features(0.95));
    let broken = answer(&mut stream);
    assert_eq!(broken.refusal(500), "the prediction failed; the log says why");
    let why = "index out of bounds";
    server.wait("the reason", |server| server.line(why).is_some());
    let line = server.line(why).unwrap();
    assert!(line.contains(TRACE) && line.contains("calibration.rs"), "{line}");
    let (code, text) = called(&server, feature_tensor(0.95));
    assert_eq!(code, tonic::Code::Internal, "{text}");

    assert_eq!(score(&infer(rest, &by_features(0.1))), json!(0.1), "the only worker lives");
    assert_eq!(server.get("/v2/health/ready").status, 200);
    assert!(server.metrics().contains("requests_total{protocol=\"rest\",code=\"500\"} 1\n"));
}

#[test]
fn a_model_that_breaks_at_its_own_usual_row_is_not_taken() {
    let root = copy();
    signed_again(root.path(), |model| model["fitted"]["model"]["calibrators"] = json!([]));
    let server = Server::start(root.path().to_str().unwrap(), &json!({}), &[]);
    server.wait("a refusal", |server| server.metrics().contains("{outcome=\"refused\"} 1"));
    let text = infer(server.rest(), &by_features(0.9)).refusal(503);
    assert!(text.contains("it breaks at its own usual row"), "{text}");
    signed_again(root.path(), cut_short);
    server.wait("a better one", |server| server.get("/v2/health/ready").status == 200);
    trust::assert_signed(root.path());
}

#[test]
fn a_hundred_megabytes_are_refused_and_take_no_memory() {
    const HUNDRED: usize = 100 << 20;
    let root = copy();
    let server = Server::ready(root.path(), &json!({}), &[]);
    assert_eq!(infer(server.rest(), &by_features(0.9)).status, 200);
    let before = server.peak_mib();
    let said = format!("the request has more than {} bytes", 8 << 20);
    let head = "POST /v2/models/toy/infer HTTP/1.1\r\nhost: t\r\nconnection: close\r\n";

    let mut announced = connect(server.rest());
    let head_only = format!("{head}content-length: {HUNDRED}\r\n\r\n");
    announced.write_all(head_only.as_bytes()).unwrap();
    assert_eq!(answer(&mut announced).refusal(413), said);

    let mut chunked = connect(server.rest());
    let head = format!("{head}transfer-encoding: chunked\r\n\r\n");
    chunked.write_all(head.as_bytes()).unwrap();
    let chunk = [b"100000\r\n", vec![b' '; 1 << 20].as_slice(), b"\r\n"].concat();
    for _ in 0..HUNDRED >> 20 {
        // Refused before its end.
        if chunked.write_all(&chunk).is_err() {
            break;
        }
    }
    assert_eq!(answer(&mut chunked).refusal(413), said);

    let request = ModelInferRequest {
        model_name: "toy".into(),
        inputs: vec![InferInputTensor { contents: None, ..feature_tensor(0.0).remove(0) }],
        raw_input_contents: vec![vec![0; HUNDRED]],
        ..Default::default()
    };
    let status = block(async { grpc(server.address("grpc")).model_infer(request).await });
    assert_eq!(status.unwrap_err().code(), tonic::Code::OutOfRange);

    let grown = server.peak_mib() - before;
    assert!(grown < 50, "{grown} MiB more");
    assert_eq!(infer(server.rest(), &by_features(0.9)).status, 200);
}
