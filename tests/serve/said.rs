//! What a row of the table, an answer by REST and one by gRPC say, in one form with every bit.

use std::collections::BTreeMap;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::Float64Type;
use foresite_inference::proto::ModelInferResponse;
use serde_json::{Value as Json, json};

/// What is said about a device, with every bit of its numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    pub(crate) prediction_id: String,
    pub(crate) score: u64,
    probability: u64,
    value: u64,
    pub(crate) drivers: Vec<String>,
}

pub(crate) fn batch(rows: &RecordBatch) -> BTreeMap<String, Said> {
    let text = |name: &str, row: usize| {
        rows.column_by_name(name).unwrap().as_string::<i32>().value(row).to_owned()
    };
    let number = |name: &str, row: usize| {
        rows.column_by_name(name).unwrap().as_primitive::<Float64Type>().value(row).to_bits()
    };
    let list =
        |name: &str, row: usize| rows.column_by_name(name).unwrap().as_list::<i32>().value(row);
    let said = |row: usize| Said {
        prediction_id: text("prediction_id", row),
        score: number("score", row),
        probability: number("probability", row),
        value: list("values", row).as_primitive::<Float64Type>().value(0).to_bits(),
        drivers: list("drivers", row)
            .as_string::<i32>()
            .iter()
            .flatten()
            .map(str::to_owned)
            .collect(),
    };
    (0..rows.num_rows()).map(|row| (text("entity_id", row), said(row))).collect()
}

/// The data of an output, or what serialises as such.
pub(crate) fn rest(answer: &Json) -> BTreeMap<String, Said> {
    let output = |name: &str| {
        let outputs = answer["outputs"].as_array().unwrap();
        let found = outputs.iter().find(|output| output["name"] == name);
        found.unwrap_or_else(|| panic!("no output {name}: {answer}"))
    };
    let data = |name: &str| output(name)["data"].as_array().unwrap().clone();
    let text = |name: &str, row: usize| data(name)[row].as_str().unwrap().to_owned();
    let bits = |name: &str, row: usize| data(name)[row].as_f64().unwrap().to_bits();
    let columns = output("drivers")["shape"][1].as_u64().unwrap() as usize;
    let said = |row: usize| Said {
        prediction_id: text("prediction_id", row),
        score: bits("score", row),
        probability: bits("probability", row),
        value: bits("values", row),
        drivers: (row * columns..(row + 1) * columns)
            .map(|at| text("drivers", at))
            .filter(|driver| !driver.is_empty())
            .collect(),
    };
    (0..data("entity_id").len()).map(|row| (text("entity_id", row), said(row))).collect()
}

/// Typed contents as the JSON that REST would have sent.
pub(crate) fn as_json(answer: &ModelInferResponse) -> Json {
    let outputs = answer.outputs.iter().map(|output| {
        let contents = output.contents.as_ref().unwrap();
        let texts: Vec<_> =
            contents.bytes_contents.iter().map(|text| String::from_utf8_lossy(text)).collect();
        let data = match output.datatype.as_str() {
            "FP64" => json!(contents.fp64_contents),
            "INT64" => json!(contents.int64_contents),
            _ => json!(texts),
        };
        json!({ "name": output.name, "shape": output.shape, "data": data })
    });
    json!({ "outputs": outputs.collect::<Vec<_>>() })
}

/// The same from raw contents.
pub(crate) fn raw_as_json(answer: &ModelInferResponse) -> Json {
    let outputs = answer.outputs.iter().zip(&answer.raw_output_contents).map(|(output, raw)| {
        let data = elements(&output.datatype, raw);
        json!({ "name": output.name, "shape": output.shape, "data": data })
    });
    json!({ "outputs": outputs.collect::<Vec<_>>() })
}

fn elements(datatype: &str, raw: &[u8]) -> Json {
    let words = raw.as_chunks::<8>().0.iter();
    match datatype {
        "FP64" => json!(words.map(|word| f64::from_le_bytes(*word)).collect::<Vec<_>>()),
        "INT64" => json!(words.map(|word| i64::from_le_bytes(*word)).collect::<Vec<_>>()),
        _ => json!(texts(raw)),
    }
}

fn texts(mut raw: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    while let Some((length, rest)) = raw.split_first_chunk::<4>() {
        let (text, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
        texts.push(String::from_utf8(text.to_vec()).unwrap());
        raw = rest;
    }
    texts
}

/// An answer with bytes behind its JSON as the JSON that it would have been without.
pub(crate) fn behind_as_json((mut answer, behind): (Json, Vec<u8>)) -> Json {
    let mut behind = behind.as_slice();
    for output in answer["outputs"].as_array_mut().unwrap() {
        let size = output["parameters"]["binary_data_size"].as_u64().unwrap() as usize;
        let (taken, rest) = behind.split_at(size);
        output["data"] = elements(output["datatype"].as_str().unwrap(), taken);
        behind = rest;
    }
    assert!(behind.is_empty(), "bytes that are no output's");
    answer
}

pub(crate) fn raw(values: &[String]) -> Vec<u8> {
    let length = |value: &String| (value.len() as u32).to_le_bytes();
    values.iter().flat_map(|value| [&length(value)[..], value.as_bytes()].concat()).collect()
}
