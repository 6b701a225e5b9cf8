//! Requests as JSON.

mod elements;
mod number;
mod quick;

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

use elements::Elements;

use crate::message::Parameters;
use crate::tensor::shape;
use crate::{Answer, Datatype, ProtocolError, Request, Result, Tensor};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonRequest {
    id: Option<String>,
    #[serde(default)]
    parameters: Parameters,
    inputs: Vec<JsonInput>,
    outputs: Option<Vec<JsonOutput>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonInput {
    name: String,
    shape: Vec<i64>,
    datatype: String,
    #[serde(default, rename = "parameters")]
    _parameters: Parameters,
    data: Elements,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonOutput {
    name: String,
    #[serde(default, rename = "parameters")]
    _parameters: Parameters,
}

impl Request {
    /// Reads a request from JSON. `null` in `data` is a missing number.
    ///
    /// # Errors
    /// For JSON that is malformed, and for tensors whose type, shape and elements disagree.
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        quick::read(bytes).map_or_else(|| Self::of_any_form(bytes), Ok)
    }

    /// Reads whatever the protocol allows, and says what is wrong with anything else.
    fn of_any_form(bytes: &[u8]) -> Result<Self> {
        let read: JsonRequest = serde_json::from_slice(bytes)
            .map_err(|error| ProtocolError::new(format!("request: {error}")))?;
        let inputs: Vec<Tensor> =
            read.inputs.into_iter().map(JsonInput::tensor).collect::<Result<_>>()?;
        no_name_twice(&inputs)?;
        let outputs = read.outputs.filter(|outputs| !outputs.is_empty());
        let outputs =
            outputs.map(|outputs| outputs.into_iter().map(|output| output.name).collect());
        Ok(Self { id: read.id, parameters: read.parameters, inputs, outputs })
    }
}

impl Answer {
    /// The answer as JSON; numbers read back to the same bits.
    pub fn to_json(&self) -> Vec<u8> {
        // Texts and numbers alone: nothing here can fail to serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

pub(crate) fn no_name_twice(inputs: &[Tensor]) -> Result<()> {
    let mut names = BTreeSet::new();
    match inputs.iter().find(|input| !names.insert(input.name.as_str())) {
        Some(twice) => Err(ProtocolError::new(format!("input `{}` is given twice", twice.name))),
        None => Ok(()),
    }
}

impl JsonInput {
    fn tensor(self) -> Result<Tensor> {
        let Self { name, shape: dimensions, datatype, data, .. } = self;
        let wrong = |what: &dyn fmt::Display| ProtocolError::new(format!("input `{name}`: {what}"));
        let datatype = Datatype::parse(&datatype).map_err(|error| wrong(&error))?;
        let is_nested = data.depth > 1 && data.depth == dimensions.len();
        if data.is_ragged || (is_nested && dimensions.last() != data.row.map(|n| n as i64).as_ref())
        {
            return Err(wrong(&format!("the arrays in `data` do not have shape {dimensions:?}")));
        }
        let shape = shape(&name, &dimensions, data.count)?;
        let data = data.of(datatype).map_err(|what| wrong(&what))?;
        Ok(Tensor { name, datatype, shape, data })
    }
}

#[cfg(test)]
mod tests;
