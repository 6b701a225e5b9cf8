//! Requests and answers as JSON, with or without bytes behind it.

pub(crate) mod binary;
mod elements;
mod number;
mod quick;

use std::fmt;

use serde::Deserialize;

use binary::{Behind, BinaryOutputs};
use elements::Elements;

use crate::message::{Parameters, nan};
use crate::tensor::shape;
use crate::{Data, Datatype, ProtocolError, Request, Result, Tensor};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonRequest {
    /// Clients of `KServe` repeat what the path says, which counts.
    #[serde(rename = "model_name")]
    _model_name: Option<String>,
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
    #[serde(default)]
    parameters: Parameters,
    data: Option<Elements>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonOutput {
    name: String,
    #[serde(default)]
    parameters: Parameters,
}

impl Request {
    /// Reads a request from JSON. `null` in `data` is a missing number.
    ///
    /// # Errors
    /// For JSON that is malformed, and for tensors whose type, shape and elements disagree.
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        quick::read(bytes).map_or_else(|| Self::of_any_form(bytes, &[]), Ok)
    }

    /// Reads whatever the protocol allows, and says what is wrong with anything else.
    fn of_any_form(json: &[u8], behind: &[u8]) -> Result<Self> {
        let JsonRequest { id, mut parameters, inputs, outputs, .. } =
            serde_json::from_slice(json).map_err(|error| malformed(&error))?;
        let mut behind = Behind::new(behind, nan(&parameters));
        let inputs: Vec<Tensor> =
            inputs.into_iter().map(|input| input.tensor(&mut behind)).collect::<Result<_>>()?;
        behind.is_taken()?;
        let outputs = outputs.filter(|outputs| !outputs.is_empty());
        let named = outputs.iter().flatten().map(|output| (&output.name, &output.parameters));
        let binary = BinaryOutputs::taken(&mut parameters, named)?;
        let outputs =
            outputs.map(|outputs| outputs.into_iter().map(|output| output.name).collect());
        Self { id, parameters, inputs, outputs, binary }.without_a_name_twice()
    }
}

fn malformed(error: &serde_json::Error) -> ProtocolError {
    let text = error.to_string();
    // What bytes behind the JSON look like to who was not told of them.
    let hint = if text.starts_with("trailing characters") { binary::HINT } else { "" };
    ProtocolError::new(format!("request: {text}{hint}"))
}

impl JsonInput {
    fn tensor(self, behind: &mut Behind<'_>) -> Result<Tensor> {
        let Self { name, shape: dimensions, datatype, parameters, data } = self;
        let wrong = |what: &dyn fmt::Display| ProtocolError::new(format!("input `{name}`: {what}"));
        let datatype = Datatype::parse(&datatype).map_err(|error| wrong(&error))?;
        let given = match (data, parameters.get(binary::BINARY_DATA_SIZE)) {
            (Some(data), None) => data.shaped(&dimensions, datatype),
            (None, Some(size)) => behind.take(size, datatype),
            (Some(_), Some(_)) => Err(binary::BOTH.to_owned()),
            (None, None) => Err("missing field `data`".to_owned()),
        };
        let data = given.map_err(|what| wrong(&what))?;
        let shape = shape(&name, &dimensions, data.len())?;
        Ok(Tensor { name, datatype, shape, data })
    }
}

impl Elements {
    /// The elements, where their arrays are what the shape says.
    fn shaped(self, dimensions: &[i64], datatype: Datatype) -> Result<Data, String> {
        let is_nested = self.depth > 1 && self.depth == dimensions.len();
        if self.is_ragged || (is_nested && dimensions.last() != self.row.map(|n| n as i64).as_ref())
        {
            return Err(format!("the arrays in `data` do not have shape {dimensions:?}"));
        }
        self.of(datatype)
    }
}

#[cfg(test)]
mod tests;
