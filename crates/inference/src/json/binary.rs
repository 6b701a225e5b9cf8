//! The binary tensor data extension: tensors as bytes behind the JSON of a request or an answer.
//!
//! A header of HTTP tells where the JSON ends. In the order of their tensors, the bytes of each that
//! has a parameter `binary_data_size` follow; clients of Triton and of `KServe` send numbers so unless
//! told otherwise.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::message::Parameters;
use crate::{Answer, Data, Datatype, Parameter, ProtocolError, Request, Result, Tensor, raw};

/// Header with the number of bytes of JSON that a body begins with.
pub const JSON_BYTES: &str = "inference-header-content-length";
/// The name of the extension in the metadata of a server.
pub const BINARY_TENSOR_DATA: &str = "binary_tensor_data";
/// Parameter of a tensor: how many bytes of the body it takes.
pub(super) const SIZE: &str = "binary_data_size";
/// Parameter of a request: whether outputs come as bytes that say nothing themselves.
const EVERY: &str = "binary_data_output";
/// Parameter of a wanted output: whether it comes as bytes.
const ONE: &str = "binary_data";

impl Request {
    /// Reads a request of so many bytes of JSON and the tensors behind it.
    ///
    /// # Errors
    /// As from [`Request::from_json`]; for sizes that do not fit the body, and for numbers behind the
    /// JSON that are not finite.
    pub fn from_binary(body: &[u8], json_bytes: usize) -> Result<Self> {
        let (json, behind) = body.split_at_checked(json_bytes).ok_or_else(|| {
            let have = body.len();
            ProtocolError::new(format!("{json_bytes} bytes of JSON announced, {have} bytes sent"))
        })?;
        Self::of_any_form(json, behind)
    }
}

/// What stands behind the JSON and was not taken yet.
pub(super) struct Behind<'a> {
    bytes: &'a [u8],
    /// Whether NaN stands for a missing number.
    pub(super) may_miss: bool,
}

impl<'a> Behind<'a> {
    pub(super) fn new(bytes: &'a [u8], may_miss: bool) -> Self {
        Self { bytes, may_miss }
    }

    /// The next tensor, whose size in bytes a parameter tells.
    pub(super) fn take(&mut self, size: &Parameter, datatype: Datatype) -> Result<Data, String> {
        let size = match size {
            Parameter::Int(size) => usize::try_from(*size).ok(),
            _ => None,
        };
        let size = size.ok_or_else(|| format!("`{SIZE}`: expected a number of bytes"))?;
        let (taken, rest) = self.bytes.split_at_checked(size).ok_or_else(|| {
            let left = self.bytes.len();
            format!(
                "`{SIZE}` is {size}, {left} bytes are left behind the JSON; header `{JSON_BYTES}` \
                 tells where it ends"
            )
        })?;
        self.bytes = rest;
        raw::elements(datatype, taken)
    }

    /// Refuses bytes that belong to no tensor.
    pub(super) fn is_taken(&self) -> Result<()> {
        match self.bytes.len() {
            0 => Ok(()),
            left => Err(ProtocolError::new(format!("{left} bytes behind the last input"))),
        }
    }
}

/// Which outputs of an answer come as bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BinaryOutputs {
    every: bool,
    /// Outputs that were asked for one by one.
    named: BTreeMap<String, bool>,
}

impl BinaryOutputs {
    /// Takes what the protocol says about outputs out of the parameters of a request.
    pub(super) fn taken<'a>(
        parameters: &mut Parameters,
        outputs: impl Iterator<Item = (&'a String, &'a Parameters)>,
    ) -> Result<Self> {
        let every = parameters.remove(EVERY).map_or(Ok(false), |value| flag(EVERY, &value))?;
        let said = |(name, parameters): (&String, &Parameters)| {
            let value = parameters.get(ONE)?;
            Some(flag(ONE, value).map(|is_binary| (name.clone(), is_binary)))
        };
        Ok(Self { every, named: outputs.filter_map(said).collect::<Result<_>>()? })
    }

    fn has(&self, name: &str) -> bool {
        self.named.get(name).copied().unwrap_or(self.every)
    }
}

fn flag(name: &str, value: &Parameter) -> Result<bool> {
    match value {
        Parameter::Bool(value) => Ok(*value),
        _ => Err(ProtocolError::new(format!("parameter `{name}`: expected true or false"))),
    }
}

/// An output as it stands in the JSON.
#[derive(Serialize)]
#[serde(untagged)]
enum Output<'a> {
    Json(&'a Tensor),
    Binary {
        name: &'a str,
        shape: &'a [usize],
        datatype: &'static str,
        parameters: BTreeMap<&'static str, usize>,
    },
}

#[derive(Serialize)]
struct Json<'a> {
    model_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    outputs: Vec<Output<'a>>,
}

impl Answer {
    /// The answer as JSON; numbers read back to the same bits.
    pub fn to_json(&self) -> Vec<u8> {
        // Texts and numbers alone: nothing here can fail to serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The body of an answer, and how many bytes of JSON it begins with where bytes stand behind it.
    pub fn to_body(&self, binary: &BinaryOutputs) -> (Vec<u8>, Option<usize>) {
        if !self.outputs.iter().any(|output| binary.has(&output.name)) {
            return (self.to_json(), None);
        }
        let mut behind = Vec::new();
        let outputs = self.outputs.iter().map(|tensor| {
            if !binary.has(&tensor.name) {
                return Output::Json(tensor);
            }
            let bytes = raw::bytes(&tensor.data);
            let parameters = [(SIZE, bytes.len())].into();
            behind.extend(bytes);
            let Tensor { name, shape, datatype, .. } = tensor;
            Output::Binary { name, shape, datatype: datatype.word(), parameters }
        });
        let json = Json {
            model_name: &self.model_name,
            model_version: self.model_version.as_deref(),
            id: self.id.as_deref(),
            outputs: outputs.collect(),
        };
        let mut body = serde_json::to_vec(&json).unwrap_or_default();
        let json_bytes = body.len();
        body.extend(behind);
        (body, Some(json_bytes))
    }
}

#[cfg(test)]
mod tests;
