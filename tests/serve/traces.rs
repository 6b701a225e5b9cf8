//! Trace context: what a request is a part of stands in its answer and in its lines of the log.

use foresite_inference::proto::model_infer_request::InferInputTensor;
use foresite_inference::proto::{InferTensorContents, ModelInferRequest};
use serde_json::json;

use crate::client::{block, get, get_with, grpc};
use crate::server::{Server, copy};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

fn given() -> String {
    format!("00-{TRACE}-{CALLER}-01")
}

/// Trace, span and flags of a header.
fn parts(header: &str) -> [String; 3] {
    let parts: Vec<&str> = header.split('-').collect();
    let [version, trace, span, flags] = parts.as_slice() else { panic!("{header}") };
    assert_eq!((*version, trace.len(), span.len()), ("00", 32, 16), "{header}");
    [trace, span, flags].map(|part| (*part).to_string())
}

#[test]
fn a_trace_goes_through_rest_and_grpc_and_the_log() {
    let root = copy();
    let server = Server::ready(root.path(), &json!({}), &[]);
    let path = "/v2/models/toy";
    let answer = get_with(server.rest(), path, &format!("traceparent: {}\r\n", given()));
    let [trace, span, flags] = parts(answer.header("traceparent").unwrap());
    assert_eq!((trace.as_str(), flags.as_str()), (TRACE, "01"));
    assert_ne!(span, CALLER, "the service is a span of its own");

    // Whoever brings none gets one; refusals have it too.
    let begun = |path: &str| parts(get(server.rest(), path).header("traceparent").unwrap());
    let (one, other) = (begun(path), begun("/nowhere"));
    assert_ne!(one[0], other[0]);
    assert_eq!(one[2], "00", "nobody has asked for a record");
    let wrong = get_with(server.rest(), path, "traceparent: 00-0-0-01\r\n");
    assert_ne!(parts(wrong.header("traceparent").unwrap())[0], "0");

    let contents = InferTensorContents { fp64_contents: vec![0.9, 0.5], ..Default::default() };
    let features = InferInputTensor {
        name: "features".into(),
        datatype: "FP64".into(),
        shape: vec![1, 2],
        contents: Some(contents),
        ..Default::default()
    };
    let call = ModelInferRequest {
        model_name: "toy".into(),
        inputs: vec![features],
        ..Default::default()
    };
    let mut call = tonic::Request::new(call);
    call.metadata_mut().insert("traceparent", given().parse().unwrap());
    let answer = block(async { grpc(server.address("grpc")).model_infer(call).await }).unwrap();
    let header = answer.metadata().get("traceparent").unwrap().to_str().unwrap();
    let [trace, span, _] = parts(header);
    assert_eq!(trace, TRACE);

    let words = format!("span_id=\"{span}\"");
    server.wait("the line of the request", |server| server.line(&words).is_some());
    let line = server.line(&words).unwrap();
    let own = format!("trace_id=\"{TRACE}\"");
    for word in [own.as_str(), CALLER, "code=200", "protocol=\"grpc\""] {
        assert!(line.contains(word), "{word} in {line}");
    }
}
