//! What JSON requests may look like, and what is said about those that may not.

use proptest::prelude::*;

use super::*;
use crate::{Answer, Data};

fn input(tensor: &str) -> Result<Tensor> {
    let text = format!(r#"{{"inputs": [{tensor}]}}"#);
    Request::from_json(text.as_bytes()).map(|mut request| request.inputs.remove(0))
}

fn fp64(shape: &str, data: &str) -> Result<Tensor> {
    input(&format!(r#"{{"name": "x", "shape": {shape}, "datatype": "FP64", "data": {data}}}"#))
}

#[test]
fn flat_and_nested_elements_are_the_same() {
    let flat = fp64("[2, 3]", "[1, 2.5, 3, 4, 5, 6]").unwrap();
    assert_eq!(flat, fp64("[2, 3]", "[[1, 2.5, 3], [4, 5, 6]]").unwrap());
    assert_eq!(flat.data, Data::Float(vec![1.0, 2.5, 3.0, 4.0, 5.0, 6.0]));
    assert_eq!((flat.shape.as_slice(), flat.rows()), ([2, 3].as_slice(), 2));
    let empty = fp64("[0]", "[]").unwrap();
    assert!(empty.data.is_empty());
}

#[test]
fn null_is_a_missing_number() {
    let Data::Float(data) = fp64("[3]", "[1, null, 3]").unwrap().data else { panic!("no floats") };
    assert!(data[1].is_nan() && data[0] == 1.0 && data[2] == 3.0);
}

#[test]
fn whole_numbers_stay_whole() {
    let tensor = r#"{"name": "t", "shape": [1], "datatype": "INT64", "data": [1767225600000001]}"#;
    assert_eq!(input(tensor).unwrap().data, Data::Int(vec![1_767_225_600_000_001]));
}

#[test]
fn what_does_not_fit_is_named() {
    let cases = [
        (fp64("[2]", "[1]"), "input `x`: shape [2] does not fit 1 elements"),
        (fp64("[-1]", "[1]"), "input `x`: shape [-1]: a negative size"),
        (fp64("[3]", "[[1, 2], [3]]"), "input `x`: the arrays in `data` do not have shape [3]"),
        (fp64("[1, 2]", "[[1], [2]]"), "input `x`: the arrays in `data` do not have shape [1, 2]"),
        (fp64("[4611686018427387904, 8]", "[1]"), "does not fit 1 elements"),
        (fp64("[1]", r#"["1"]"#), "input `x`: expected FP64, got text"),
        (fp64("[2]", "[1, true]"), "elements of different types in one `data`"),
        (fp64("[1]", "[NaN]"), "request: expected value"),
        (fp64("[1]", "[1e999]"), "request: number out of range"),
        (fp64("[1]", "[[[[[[[[[[1]]]]]]]]]]"), "`data` nests too deep"),
        (fp64("[1]", "1"), "expected an array of elements"),
        (
            input(r#"{"name": "x", "shape": [1], "datatype": "INT8", "data": [300]}"#),
            "input `x`: 300 is no INT8",
        ),
        (
            input(r#"{"name": "x", "shape": [1], "datatype": "INT8", "data": [0.5]}"#),
            "input `x`: expected INT8, got a number with a fraction, or null",
        ),
        (
            input(r#"{"name": "x", "shape": [1], "datatype": "FLOAT", "data": [0.5]}"#),
            "input `x`: datatype `FLOAT`: expected one of BOOL, INT8",
        ),
        (input(r#"{"name": "x", "shape": [1]}"#), "missing field `datatype`"),
        (input(r#"{"nam": "x"}"#), "unknown field `nam`"),
        (Request::from_json(b"{").map(|mut r| r.inputs.remove(0)), "request: EOF"),
    ];
    for (outcome, expected) in cases {
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains('\n'), "{error}");
    }
    let x = r#"{"name": "x", "shape": [1], "datatype": "FP64", "data": [1]}"#;
    let twice = input(&format!("{x}, {x}")).unwrap_err().to_string();
    assert_eq!(twice, "input `x` is given twice");
    let twice = br#"{"inputs": [], "outputs": [{"name": "y"}, {"name": "y"}]}"#;
    let error = Request::from_json(twice).unwrap_err().to_string();
    assert_eq!(error, "output `y` is asked for twice");
}

#[test]
fn parameters_and_outputs_are_read() {
    let text = br#"{"id": "7", "parameters": {"explain": true, "as_of": 5, "n": 0.5, "s": "t"},
        "inputs": [], "outputs": [{"name": "score"}]}"#;
    let request = Request::from_json(text).unwrap();
    assert_eq!(request.id.as_deref(), Some("7"));
    assert_eq!(request.outputs, Some(vec!["score".to_owned()]));
    use crate::Parameter::{Bool, Float, Int, Text};
    let values: Vec<_> = request.parameters.into_values().collect();
    assert_eq!(values, [Int(5), Bool(true), Float(0.5), Text("t".into())]);
}

/// What both readers make of a text; NaN and zeros print apart.
fn both(text: &[u8]) -> (Option<String>, Option<String>) {
    let printed = |request: Request| format!("{request:?}");
    (quick::read(text).map(printed), Request::of_any_form(text, &[]).ok().map(printed))
}

#[test]
fn the_usual_form_is_read_in_one_pass() {
    for text in [
        r#"{"inputs":[{"name":"features","shape":[2,2],"datatype":"FP64","data":[1,-2.5,null,1e-3]}]}"#,
        r#"{"inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[[1,2],[3,4e0]]}]}"#,
        r#" { "id" : "7" , "outputs" : [ { "name" : "score" } ] , "inputs" : [
            { "data" : [ "north/N001" , "é" ] , "datatype" : "BYTES" , "name" : "entity" , "shape" : [ 2 ] } ] } "#,
        r#"{"inputs":[],"outputs":[]}"#,
        r#"{"model_name":"m","inputs":[]}"#,
        r#"{"inputs":[{"name":"x","shape":[],"datatype":"FP64","data":[7]}]}"#,
        r#"{"inputs":[{"name":"x","shape":[0],"datatype":"FP64","data":[]}]}"#,
    ] {
        let (quick, other) = both(text.as_bytes());
        assert!(quick.is_some() && quick == other, "{text}: {quick:?} {other:?}");
    }
}

#[test]
fn any_other_form_is_left_to_the_other_reader() {
    for tensor in [
        r#"{"name":"x","shape":[1],"datatype":"INT64","data":[1]}"#,
        r#"{"name":"x","shape":[1],"datatype":"FP64","data":["1"]}"#,
        r#"{"name":"x","shape":[2],"datatype":"FP64","data":[[1,2]]}"#,
        r#"{"name":"x","shape":[2,1],"datatype":"FP64","data":[[1],[2,3]]}"#,
        r#"{"name":"x","shape":[1,1,1],"datatype":"FP64","data":[[[1]]]}"#,
        r#"{"name":"x","shape":[01],"datatype":"FP64","data":[1]}"#,
        r#"{"name":"x","shape":[2],"datatype":"FP64","data":[1]}"#,
        r#"{"name":"x","shape":[1],"datatype":"FP64","data":[1e999]}"#,
        r#"{"name":"x","shape":[1],"datatype":"FP64","data":[nul]}"#,
        r#"{"name":"x","shape":[1],"datatype":"FP64","data":[1],"data":[1]}"#,
        r#"{"name":"x","shape":[1],"datatype":"FP64","parameters":{},"data":[1]}"#,
        r#"{"name":"x\n","shape":[1],"datatype":"FP64","data":[1]}"#,
        r#"{"name":"x","shape":[1],"datatype":"FP64","data":[1,]}"#,
        r#"{"name":"x","shape":[1],"datatype":"FP64"}"#,
        "{\"name\":\"\u{1}\",\"shape\":[1],\"datatype\":\"FP64\",\"data\":[1]}",
    ] {
        for text in [format!(r#"{{"inputs":[{tensor}]}}"#), format!(r#"{{"inputs":[{tensor}]"#)] {
            assert_eq!(quick::read(text.as_bytes()), None, "{text}");
        }
    }
    let x = r#"{"name":"x","shape":[1],"datatype":"FP64","data":[1]}"#;
    for text in [
        format!(r#"{{"inputs":[{x},{x}]}}"#),
        format!(r#"{{"inputs":[{x}]}} 1"#),
        format!(r#"{{"inputs":[{x}],"parameters":{{"explain":true}}}}"#),
        format!(r#"{{"inputs":[{x}],"id":null}}"#),
        r#"{"outputs":[]}"#.to_owned(),
        r#"{"inputs":[],"outputs":[{"name":"y"},{"name":"y"}]}"#.to_owned(),
    ] {
        assert_eq!(quick::read(text.as_bytes()), None, "{text}");
    }
}

/// Texts that are nearly requests.
fn nearly() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        any::<f64>().prop_map(|value| format!("{value:?}")),
        any::<i64>().prop_map(|value| value.to_string()),
        Just("null".to_owned()),
        Just("1e5".to_owned()),
        Just("\"a\"".to_owned()),
    ];
    let list = proptest::collection::vec(number, 0..5).prop_map(|of| format!("[{}]", of.join(",")));
    let rows =
        proptest::collection::vec(list.clone(), 0..4).prop_map(|of| format!("[{}]", of.join(", ")));
    let datatype = prop_oneof![Just("FP64"), Just("FP32"), Just("BYTES"), Just("INT64")];
    let shape = proptest::collection::vec(0..5, 0..4);
    (prop_oneof![list, rows], datatype, shape, any::<bool>()).prop_map(|(data, datatype, shape, has_id)| {
        let id = if has_id { r#""id": "a", "# } else { "" };
        format!(
            r#"{{{id}"inputs": [{{"name": "x", "shape": {shape:?}, "datatype": "{datatype}", "data": {data}}}]}}"#
        )
    })
}

proptest! {
    #[test]
    fn both_readers_read_the_same(text in nearly(), at in any::<usize>(), byte in any::<u8>()) {
        let (quick, other) = both(text.as_bytes());
        prop_assert!(quick.is_none() || quick == other, "{text}: {quick:?} {other:?}");
        let mut bytes = text.into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        let (quick, other) = both(&bytes);
        prop_assert!(quick.is_none() || quick == other, "{:?}: {quick:?} {other:?}", bytes);
    }

    #[test]
    fn any_bytes_are_a_request_or_one_line(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Err(error) = Request::from_json(&bytes) {
            prop_assert!(!error.to_string().contains('\n'));
        }
    }

    #[test]
    fn numbers_come_back_to_the_last_bit(values in proptest::collection::vec(any::<f64>(), 1..20)) {
        prop_assume!(values.iter().all(|value| value.is_finite()));
        let answer = Answer {
            model_name: "m".into(),
            model_version: None,
            id: None,
            outputs: vec![Tensor::floats("x", values.clone())],
        };
        let json: serde_json::Value = serde_json::from_slice(&answer.to_body(&BinaryOutputs::default()).0).unwrap();
        let tensor = json["outputs"][0].to_string();
        prop_assert_eq!(input(&tensor).unwrap().data, Data::Float(values));
    }
}
