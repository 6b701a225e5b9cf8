//! What is wrong gets a 4xx and one line that says why; the service never falls over.

use std::io::Write as _;

use foresite_inference::proto::infer_parameter::ParameterChoice;
use foresite_inference::proto::model_infer_request::InferInputTensor;
use foresite_inference::proto::{InferParameter, InferTensorContents, ModelInferRequest};
use serde_json::{Value as Json, json};

use crate::client::{answer, ask, ask_with, block, connect, get, grpc, infer};
use crate::server::{Server, copy};
use crate::toy::END;

fn entity(data: Json) -> Json {
    let count = data.as_array().map_or(0, Vec::len);
    json!({ "name": "entity", "shape": [count], "datatype": "BYTES", "data": data })
}

fn cutoff(text: &str) -> Json {
    json!({ "name": "cutoff", "shape": [1], "datatype": "BYTES", "data": [text] })
}

fn features_of(shape: Json, data: Json) -> Json {
    json!({ "name": "features", "shape": shape, "datatype": "FP64", "data": data })
}

/// An output of an answer by its name.
fn output<'a>(answer: &'a Json, name: &str) -> &'a Json {
    let mut outputs = answer["outputs"].as_array().unwrap().iter();
    outputs.find(|output| output["name"] == name).unwrap()
}

fn cases() -> Vec<(Json, &'static str)> {
    let one = entity(json!(["device-00"]));
    let with = |inputs: Json| json!({ "inputs": inputs });
    vec![
        (with(json!([])), "no input `entity` and no input `features`"),
        (with(json!([{ "name": "x" }])), "missing field `shape`"),
        (json!({ "input": [] }), "unknown field `input`"),
        (with(json!([one, one])), "input `entity` is given twice"),
        (with(json!([entity(json!([]))])), "0 rows: expected at least 1"),
        (with(json!([entity(json!([""]))])), "input `entity`: an empty name"),
        (
            with(json!([{ "name": "entity", "shape": [1], "datatype": "FP64", "data": [1] }])),
            "input `entity`: expected BYTES, got FP64",
        ),
        (with(json!([one, cutoff("yesterday")])), "`cutoff`: `yesterday` is no RFC 3339 time"),
        (
            with(json!([one, cutoff("1970-03-12T01:00:00Z")])),
            "input `cutoff`: 1970-03-12T01:00:00Z is no cutoff of the task, 1970-03-12T00:00:00Z is",
        ),
        (with(json!([one, cutoff("2999-01-01T00:00:00Z")])), "lies in the future"),
        (
            with(json!([features_of(json!([1, 1]), json!([1]))])),
            "input `features`: expected shape [rows, 2], got [1, 1]; the metadata of `toy` names",
        ),
        (
            with(json!([features_of(json!([2]), json!([1, 2]))])),
            "expected shape [rows, 2], got [2]",
        ),
        (
            with(json!([features_of(json!([1, 2]), json!([1]))])),
            "input `features`: shape [1, 2] does not fit 1 elements",
        ),
        (
            with(json!([features_of(json!([1, 2]), json!(["a", "b"]))])),
            "input `features`: expected FP64, got text",
        ),
        (
            with(json!([entity(json!(["a", "b"])), features_of(json!([1, 2]), json!([1, 2]))])),
            "input `entity`: 2 rows, expected 1",
        ),
        (
            with(json!([{ "name": "history", "shape": [1], "datatype": "FP64", "data": [1] }])),
            "input `history`: expected one of entity, cutoff, features",
        ),
    ]
}

/// What is wanted beside an answer about the given inputs.
fn wishes() -> Vec<(Json, &'static str)> {
    let one = entity(json!(["device-00"]));
    vec![
        (
            json!({ "inputs": [one], "outputs": [{ "name": "verdict" }] }),
            "output `verdict`: expected one of prediction_id",
        ),
        (
            json!({ "inputs": [one], "outputs": [{ "name": "score" }, { "name": "score" }] }),
            "output `score` is asked for twice",
        ),
        (
            json!({ "inputs": [one], "parameters": { "verbose": true } }),
            "parameter `verbose`: expected one of as_of, explain, nan_is_missing",
        ),
        (
            json!({ "inputs": [one], "parameters": { "as_of": i64::MIN } }),
            "parameter `as_of`: -9223372036854775808 is no time",
        ),
        (
            json!({ "inputs": [one], "parameters": { "explain": "yes" } }),
            "parameter `explain`: expected true or false",
        ),
    ]
}

#[test]
fn every_wrong_request_gets_one_line() {
    let root = copy();
    let server = Server::ready(root.path(), &json!({ "limits": { "body_bytes": 100_000 } }), &[]);
    let rest = server.rest();
    for (body, expected) in cases().into_iter().chain(wishes()) {
        let text = infer(rest, &body).refusal(400);
        assert!(text.contains(expected), "{text}\n{body}");
    }
    let post = "POST /v2/models/toy/infer";
    for (bytes, expected) in [
        (&b""[..], "request: EOF while parsing"),
        (b"{", "request: EOF while parsing"),
        (b"\xff\xfe", "request: expected value"),
        (br#"{"inputs": [{"name": "features", "shape": [1, 2], "datatype": "FP64", "data": [1, NaN]}]}"#, "request: expected value"),
        (br#"{"inputs": [{"name": "features", "shape": [1, 2], "datatype": "FP64", "data": [1, 1e999]}]}"#, "number out of range"),
    ] {
        let text = ask(rest, post, bytes).refusal(400);
        assert!(text.contains(expected), "{text}");
    }
    for (json_bytes, expected) in [
        ("many", "header `inference-header-content-length`: expected a number of bytes"),
        ("3", "3 bytes of JSON announced, 2 bytes sent"),
    ] {
        let header = format!("inference-header-content-length: {json_bytes}\r\n");
        assert_eq!(ask_with(rest, post, &header, b"{}").refusal(400), expected);
    }
    let deep = "[".repeat(50_000);
    ask(rest, post, deep.as_bytes()).refusal(400);
    let large = vec![b' '; 200_000];
    let text = ask(rest, post, &large).refusal(413);
    assert_eq!(text, "the request has more than 100000 bytes");

    for (path, expected) in [
        ("/v2/models/other", "model `other`: unknown; this service has `toy`"),
        ("/v2/models/toy/versions/00", "version `00`: not loaded; loaded: "),
        ("/v2/models/toy/versions/challenger/ready", "version `challenger`: not loaded"),
        ("/v3", "no such path; GET /v2 says what is here"),
        ("/v2/models/", "no such path"),
    ] {
        let text = get(rest, path).refusal(404);
        assert!(text.contains(expected), "{text}");
    }
    get(rest, "/v2/models/toy/infer").refusal(405);
    get(rest, "/v2/models/%ff%fe").refusal(400);
    let known = json!({ "inputs": [entity(json!(["device-00"])), cutoff(END)] });
    assert_eq!(infer(rest, &known).status, 200, "it still answers");
}

#[test]
fn a_body_without_an_announced_end_is_bounded_too() {
    let root = copy();
    let server = Server::ready(root.path(), &json!({ "limits": { "body_bytes": 100_000 } }), &[]);
    let mut stream = connect(server.rest());
    let head = "POST /v2/models/toy/infer HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\
                transfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = format!("8000\r\n{}\r\n", " ".repeat(0x8000));
    for _ in 0..10 {
        // Refused before the end.
        drop(stream.write_all(chunk.as_bytes()));
    }
    assert_eq!(answer(&mut stream).refusal(413), "the request has more than 100000 bytes");
}

#[test]
fn grpc_says_it_in_its_own_words() {
    let root = copy();
    let server = Server::ready(root.path(), &json!({ "limits": { "body_bytes": 100_000 } }), &[]);
    let features = |values: Vec<f64>| InferInputTensor {
        name: "features".into(),
        datatype: "FP64".into(),
        shape: vec![(values.len() / 2) as i64, 2],
        contents: Some(InferTensorContents { fp64_contents: values, ..Default::default() }),
        ..Default::default()
    };
    let request = |model: &str, version: &str, values: Vec<f64>| ModelInferRequest {
        model_name: model.into(),
        model_version: version.into(),
        inputs: vec![features(values)],
        ..Default::default()
    };
    use tonic::Code::{InvalidArgument, NotFound, OutOfRange};
    let cases = [
        (request("toy", "", vec![1.0, f64::NAN]), InvalidArgument, "NaN is no number"),
        (request("toy", "", vec![]), InvalidArgument, "0 rows"),
        (request("other", "", vec![1.0, 2.0]), NotFound, "model `other`: unknown"),
        (request("toy", "00", vec![1.0, 2.0]), NotFound, "version `00`: not loaded"),
        (request("toy", "", vec![0.5; 40_000]), OutOfRange, "decoded message length too large"),
    ];
    block(async {
        let mut client = grpc(server.address("grpc"));
        for (request, code, expected) in cases {
            let status = client.model_infer(request).await.unwrap_err();
            assert_eq!(status.code(), code, "{status}");
            assert!(status.message().contains(expected), "{status}");
        }
        let answer = client.model_infer(request("toy", "", vec![0.5, 0.5])).await.unwrap();
        assert_eq!(answer.into_inner().model_name, "toy");
        // What is missing may be said by NaN, and only where the request says so.
        let mut missing = request("toy", "", vec![0.9, f64::NAN]);
        let yes = InferParameter { parameter_choice: Some(ParameterChoice::BoolParam(true)) };
        missing.parameters.insert("nan_is_missing".into(), yes);
        let answer = client.model_infer(missing.clone()).await.unwrap().into_inner();
        let score = answer.outputs.iter().position(|output| output.name == "score").unwrap();
        let score = answer.outputs[score].contents.clone().unwrap().fp64_contents[0];
        let body = json!({ "inputs": [features_of(json!([1, 2]), json!([0.9, null]))] });
        let by_rest = infer(server.rest(), &body).json();
        let by_rest = output(&by_rest, "score")["data"][0].as_f64().unwrap();
        assert_eq!(score.to_bits(), by_rest.to_bits());
        missing.inputs = vec![features(vec![0.9, f64::INFINITY])];
        let status = client.model_infer(missing).await.unwrap_err();
        assert!(status.message().contains("inf is no number"), "{status}");
    });
}
