//! What protobuf requests may look like, and what is said about those that may not.

use prost::Message as _;

use super::*;
use crate::proto::model_infer_request::InferRequestedOutputTensor;

fn request(datatype: &str, shape: &[i64], contents: InferTensorContents) -> ModelInferRequest {
    let input = InferInputTensor {
        name: "x".into(),
        datatype: datatype.into(),
        shape: shape.to_vec(),
        contents: Some(contents),
        ..InferInputTensor::default()
    };
    ModelInferRequest { inputs: vec![input], ..ModelInferRequest::default() }
}

fn raw(datatype: &str, shape: &[i64], bytes: &[u8]) -> ModelInferRequest {
    let mut request = request(datatype, shape, InferTensorContents::default());
    request.inputs[0].contents = None;
    request.raw_input_contents = vec![bytes.to_vec()];
    request
}

fn doubles(values: &[f64]) -> ModelInferRequest {
    let contents =
        InferTensorContents { fp64_contents: values.to_vec(), ..InferTensorContents::default() };
    request("FP64", &[values.len() as i64], contents)
}

#[test]
fn raw_and_typed_contents_are_the_same() {
    let bytes: Vec<u8> = [1.5_f64, -2.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    let typed = Request::from_wire(doubles(&[1.5, -2.0])).unwrap();
    assert_eq!(typed, Request::from_wire(raw("FP64", &[2], &bytes)).unwrap());
    let texts = Request::from_wire(raw("BYTES", &[2], b"\x01\0\0\0a\x02\0\0\0bc")).unwrap();
    assert_eq!(texts.inputs[0].data, Data::Text(vec!["a".into(), "bc".into()]));
    let small = Request::from_wire(raw("INT16", &[2], &[1, 0, 255, 255])).unwrap();
    assert_eq!(small.inputs[0].data, Data::Int(vec![1, -1]));
}

#[test]
fn nan_is_refused_unless_it_is_said_to_be_missing() {
    let error = Request::from_wire(doubles(&[f64::NAN])).unwrap_err().to_string();
    assert!(
        error.starts_with("input `x`: NaN is no number; parameter `nan_is_missing`"),
        "{error}"
    );
    let mut missing = doubles(&[f64::NAN]);
    let yes = InferParameter { parameter_choice: Some(ParameterChoice::BoolParam(true)) };
    missing.parameters.insert("nan_is_missing".into(), yes);
    assert!(Request::from_wire(missing.clone()).is_ok());
    let yes = InferParameter { parameter_choice: Some(ParameterChoice::BoolParam(true)) };
    missing.parameters.insert("binary_data_output".into(), yes);
    assert_eq!(Request::from_wire(missing.clone()).unwrap().parameters.len(), 1);
    missing.inputs[0].contents.as_mut().unwrap().fp64_contents[0] = f64::INFINITY;
    assert!(Request::from_wire(missing).is_err(), "infinity is nothing that is missing");
}

#[test]
fn what_does_not_fit_is_named() {
    let mut both = doubles(&[1.0]);
    both.raw_input_contents = vec![vec![0; 8]];
    let mut more = doubles(&[1.0]);
    more.raw_input_contents = vec![vec![0; 8]; 2];
    let cases = [
        (raw("FP64", &[1], &[0; 7]), "input `x`: 7 raw bytes are no multiple of 8"),
        (raw("FP64", &[2], &[0; 8]), "input `x`: shape [2] does not fit 1 elements"),
        (raw("BYTES", &[1], &[9, 0, 0, 0, 1]), "a raw text is longer than the contents"),
        (raw("BYTES", &[1], &[9, 0, 0]), "raw texts end within a length"),
        (raw("BYTES", &[1], &[1, 0, 0, 0, 255]), "an element is not UTF-8"),
        (both, "both `contents` and `raw_input_contents` are given"),
        (more, "raw_input_contents: 2 for 1 inputs"),
        (request("FP16", &[1], InferTensorContents::default()), "datatype `FP16`: expected one of"),
        (
            request(
                "INT8",
                &[1],
                InferTensorContents { int_contents: vec![200], ..Default::default() },
            ),
            "input `x`: 200 is no INT8",
        ),
    ];
    for (wire, expected) in cases {
        let error = Request::from_wire(wire).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn answers_carry_the_same_elements_raw_and_typed() {
    let answer = Answer {
        model_name: "m".into(),
        model_version: Some("v".into()),
        id: None,
        outputs: vec![
            Tensor::floats("a", vec![0.1, f64::NAN]),
            Tensor::texts("b", vec!["p".into(), "qr".into()]),
            Tensor::ints("c", vec![3, 4]),
        ],
    };
    let typed = answer.clone().into_wire(false);
    let raw = answer.into_wire(true);
    assert_eq!(typed.outputs[1].contents.as_ref().unwrap().bytes_contents[1], b"qr");
    assert_eq!(raw.raw_output_contents[1], b"\x01\0\0\0p\x02\0\0\0qr");
    assert_eq!(raw.raw_output_contents[2][..8], 3_i64.to_le_bytes());
    let wanted = InferRequestedOutputTensor { name: "score".into(), ..Default::default() };
    let request = ModelInferRequest { outputs: vec![wanted], id: "7".into(), ..Default::default() };
    let bytes = request.encode_to_vec();
    let again = Request::from_wire(ModelInferRequest::decode(bytes.as_slice()).unwrap()).unwrap();
    assert_eq!((again.id.as_deref(), again.outputs.unwrap()), (Some("7"), vec!["score".into()]));
}
