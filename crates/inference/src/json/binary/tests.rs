//! Tensors behind the JSON, and what is said about those that do not fit.

use super::*;

const PAIR: &str = r#"{"name": "x", "shape": [2], "datatype": "FP64",
    "parameters": {"binary_data_size": 16}}"#;

fn bytes(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// A request of these members of its JSON, with bytes behind it.
fn read(members: &str, behind: &[u8]) -> Result<Request> {
    let json = format!("{{{members}}}");
    Request::from_binary(&[json.as_bytes(), behind].concat(), json.len())
}

fn inputs(of: &str) -> String {
    format!(r#""inputs": [{of}]"#)
}

#[test]
fn tensors_stand_behind_the_json_in_their_order() {
    let text = r#"{"name": "e", "shape": [2], "datatype": "BYTES",
        "parameters": {"binary_data_size": 11}}"#;
    let flat = r#"{"name": "f", "shape": [1], "datatype": "FP64", "data": [null]}"#;
    let members = format!(r#""model_name": "m", {}"#, inputs(&[PAIR, flat, text].join(",")));
    let behind = [bytes(&[1.5, -2.0]), b"\x01\0\0\0a\x02\0\0\0bc".to_vec()].concat();
    let request = read(&members, &behind).unwrap();
    assert_eq!(request.inputs[0], Tensor::floats("x", vec![1.5, -2.0]));
    assert_eq!(request.inputs[2], Tensor::texts("e", vec!["a".into(), "bc".into()]));
    let Data::Float(missing) = &request.inputs[1].data else { panic!("no floats") };
    assert!(missing[0].is_nan(), "null stays a missing number");
}

#[test]
fn what_does_not_fit_is_named() {
    let sized = |size: &str| PAIR.replace("16", size);
    let both = PAIR.replace("\"shape\"", "\"data\": [1, 2], \"shape\"");
    let neither = r#"{"name": "x", "shape": [1], "datatype": "FP64"}"#;
    let nan = bytes(&[1.0, f64::NAN]);
    for (members, behind, expected) in [
        (inputs(PAIR), &nan[..8], "input `x`: `binary_data_size` is 16, 8 bytes are left behind"),
        (
            inputs(PAIR),
            &[0; 17],
            "1 bytes behind the last input belong to none; `binary_data_size` tells",
        ),
        (inputs(&sized("9")), &[0; 9], "input `x`: 9 raw bytes are no multiple of 8"),
        (inputs(&sized("8")), &[0; 8], "input `x`: shape [2] does not fit 1 elements"),
        (inputs(&sized("-1")), &[], "input `x`: `binary_data_size`: expected a number of bytes"),
        (inputs(&sized("true")), &[], "input `x`: `binary_data_size`: expected a number of bytes"),
        (inputs(&both), &[0; 16], "input `x`: both `data` and `binary_data_size` are given"),
        (inputs(neither), &[], "input `x`: missing field `data`"),
        (inputs(PAIR), &nan, "input `x`: NaN is no number; parameter `nan_is_missing`"),
        (
            r#""inputs": [], "parameters": {"binary_data_output": 1}"#.into(),
            &[],
            "parameter `binary_data_output`: expected true or false",
        ),
        (
            r#""inputs": [], "outputs": [{"name": "y", "parameters": {"binary_data": "yes"}}]"#
                .into(),
            &[],
            "parameter `binary_data`: expected true or false",
        ),
    ] {
        let error = read(&members, behind).unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains('\n'), "{error}");
    }
    let missing = format!(r#"{}, "parameters": {{"nan_is_missing": true}}"#, inputs(PAIR));
    assert!(read(&missing, &nan).is_ok(), "NaN may be said to be missing");
    let error = Request::from_binary(b"{}", 3).unwrap_err().to_string();
    assert_eq!(error, "3 bytes of JSON announced, 2 bytes sent");
    let json = format!("{{{}}}", inputs(PAIR));
    for without_header in [json.as_bytes(), &[json.as_bytes(), &nan].concat()] {
        let error = Request::from_json(without_header).unwrap_err().to_string();
        assert!(error.contains("header `Inference-Header-Content-Length` tells"), "{error}");
    }
}

#[test]
fn outputs_come_as_they_were_asked_for() {
    let answer = Answer {
        model_name: "m".into(),
        model_version: Some("v".into()),
        id: None,
        outputs: vec![
            Tensor::floats("a", vec![0.1, f64::NAN]),
            Tensor::texts("b", vec!["p".into(), "qr".into()]),
        ],
    };
    let asked = |members: &str| {
        let request = read(&format!(r#""inputs": [], {members}"#), &[]).unwrap();
        assert!(
            request.parameters.is_empty(),
            "what is the protocol's is no parameter of the model"
        );
        answer.to_body(&request.binary)
    };
    let (json, behind) = asked(r#""outputs": [{"name": "a"}]"#);
    assert!(behind.is_none() && json.ends_with(b"\"data\":[\"p\",\"qr\"]}]}"), "JSON alone");
    let (body, json_bytes) = asked(
        r#""parameters": {"binary_data_output": true},
           "outputs": [{"name": "a"}, {"name": "b", "parameters": {"binary_data": false}}]"#,
    );
    let (json, behind) = body.split_at(json_bytes.expect("bytes stand behind the JSON"));
    assert_eq!(
        std::str::from_utf8(json).unwrap(),
        r#"{"model_name":"m","model_version":"v","outputs":[{"name":"a","shape":[2],"datatype":"FP64","parameters":{"binary_data_size":16}},{"name":"b","shape":[2],"datatype":"BYTES","data":["p","qr"]}]}"#
    );
    assert_eq!(behind, bytes(&[0.1, f64::NAN]));
    let (body, json_bytes) =
        asked(r#""outputs": [{"name": "b", "parameters": {"binary_data": true}}]"#);
    assert_eq!(&body[json_bytes.unwrap()..], b"\x01\0\0\0p\x02\0\0\0qr");
}
