//! Requests, answers and metadata, whatever carried them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::tensor::Nan;
use crate::{BinaryOutputs, Datatype, ProtocolError, Result, Tensor};

/// Parameters by name.
pub type Parameters = BTreeMap<String, Parameter>;

/// Parameter that lets NaN stand for a missing number.
pub(crate) const NAN_IS_MISSING: &str = "nan_is_missing";

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Parameter {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(String),
}

/// What is asked of a model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Request {
    /// Returned with the answer.
    pub id: Option<String>,
    /// Parameters of the whole request.
    pub parameters: Parameters,
    /// Inputs; no two of one name.
    pub inputs: Vec<Tensor>,
    /// Names of the outputs that are wanted, no two the same; `None` = all.
    pub outputs: Option<Vec<String>>,
    /// Which of them are wanted as bytes, where REST carries the answer.
    pub binary: BinaryOutputs,
}

impl Request {
    /// The request, unless it gives an input twice or asks for an output twice.
    pub(crate) fn without_a_name_twice(self) -> Result<Self> {
        let inputs = self.inputs.iter().map(|input| input.name.as_str());
        if let Some(name) = twice(inputs) {
            return Err(ProtocolError::new(format!("input `{name}` is given twice")));
        }
        match twice(self.outputs.iter().flatten().map(String::as_str)) {
            Some(name) => Err(ProtocolError::new(format!("output `{name}` is asked for twice"))),
            None => Ok(self),
        }
    }
}

fn twice<'a>(mut names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = BTreeSet::new();
    names.find(|name| !seen.insert(*name))
}

/// What the parameters of a request say about NaN.
pub(crate) fn nan(parameters: &Parameters) -> Nan {
    match parameters.get(NAN_IS_MISSING) {
        Some(Parameter::Bool(true)) => Nan::IsMissing,
        _ => Nan::IsWrong,
    }
}

/// What the model says.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Name of the model.
    pub model_name: String,
    /// Its version; `None` where several had a part in it.
    pub model_version: Option<String>,
    /// As in the request.
    pub id: Option<String>,
    /// Outputs.
    pub outputs: Vec<Tensor>,
}

/// What a model takes and gives.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metadata {
    /// Name of the model.
    pub name: String,
    /// Versions that are loaded.
    pub versions: Vec<String>,
    /// What computes.
    pub platform: String,
    /// Inputs.
    pub inputs: Vec<TensorMetadata>,
    /// Outputs.
    pub outputs: Vec<TensorMetadata>,
    /// What the protocol has no word for, such as the meaning of columns.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    pub parameters: serde_json::Map<String, serde_json::Value>,
}

/// One input or output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TensorMetadata {
    /// Its name.
    pub name: String,
    /// Type of its elements.
    pub datatype: Datatype,
    /// -1 = any size.
    pub shape: Vec<i64>,
}

impl TensorMetadata {
    /// Metadata of a tensor.
    pub fn new(name: &str, datatype: Datatype, shape: &[i64]) -> Self {
        Self { name: name.to_owned(), datatype, shape: shape.to_vec() }
    }
}
