//! The binary tensor data extension: tensors as bytes behind the JSON of a request or an answer.
//!
//! A header of HTTP tells where the JSON ends. In the order of their tensors, the bytes of each that
//! has a parameter `binary_data_size` follow. Triton's clients send numbers so unless told otherwise,
//! those of `KServe` where they are told.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::message::Parameters;
use crate::tensor::Nan;
use crate::{Answer, Data, Datatype, Parameter, ProtocolError, Request, Result, Tensor, raw};

/// Header with the number of bytes of JSON that a body begins with.
pub const INFERENCE_HEADER_CONTENT_LENGTH: &str = "inference-header-content-length";
/// The name of the extension in the metadata of a server.
pub const BINARY_TENSOR_DATA: &str = "binary_tensor_data";
/// Parameter of a tensor: how many bytes of the body it takes.
pub(super) const BINARY_DATA_SIZE: &str = "binary_data_size";
/// Parameter of a request: whether outputs come as bytes that say nothing themselves.
pub(crate) const BINARY_DATA_OUTPUT: &str = "binary_data_output";
/// Parameter of a wanted output: whether it comes as bytes.
const BINARY_DATA: &str = "binary_data";
/// Said where the end of the JSON was not.
pub(super) const HINT: &str =
    "; header `Inference-Header-Content-Length` tells where JSON ends that has bytes behind it";
pub(super) const BOTH: &str = "both `data` and `binary_data_size` are given";

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
    nan: Nan,
}

impl<'a> Behind<'a> {
    pub(super) fn new(bytes: &'a [u8], nan: Nan) -> Self {
        Self { bytes, nan }
    }

    /// The next tensor, whose size in bytes a parameter tells.
    pub(super) fn take(&mut self, size: &Parameter, datatype: Datatype) -> Result<Data, String> {
        let size = match size {
            Parameter::Int(size) => usize::try_from(*size).ok(),
            _ => None,
        };
        let size =
            size.ok_or_else(|| format!("`{BINARY_DATA_SIZE}`: expected a number of bytes"))?;
        let (taken, rest) = self.bytes.split_at_checked(size).ok_or_else(|| {
            let left = self.bytes.len();
            format!("`{BINARY_DATA_SIZE}` is {size}, {left} bytes are left behind the JSON{HINT}")
        })?;
        self.bytes = rest;
        let data = raw::elements(datatype, taken)?;
        data.finite(self.nan)?;
        Ok(data)
    }

    /// Refuses bytes that belong to no tensor.
    pub(super) fn is_taken(&self) -> Result<()> {
        match self.bytes.len() {
            0 => Ok(()),
            left => Err(ProtocolError::new(format!(
                "{left} bytes behind the last input belong to none; `{BINARY_DATA_SIZE}` tells how many an input takes"
            ))),
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
        let every = parameters
            .remove(BINARY_DATA_OUTPUT)
            .map_or(Ok(false), |value| flag(BINARY_DATA_OUTPUT, &value))?;
        let said = |(name, parameters): (&String, &Parameters)| {
            let value = parameters.get(BINARY_DATA)?;
            Some(flag(BINARY_DATA, value).map(|is_binary| (name.clone(), is_binary)))
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

/// The JSON of an answer.
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
    /// The body of an answer, and how many bytes of JSON it begins with where bytes stand behind it.
    /// Numbers read back to the same bits; what is missing is null in JSON and NaN in bytes.
    pub fn to_body(&self, binary: &BinaryOutputs) -> (Vec<u8>, Option<usize>) {
        let (mut behind, mut is_binary) = (Vec::new(), false);
        let outputs = self.outputs.iter().map(|tensor| {
            if !binary.has(&tensor.name) {
                return Output::Json(tensor);
            }
            is_binary = true;
            let before = behind.len();
            raw::append(&tensor.data, &mut behind);
            let Tensor { name, shape, datatype, .. } = tensor;
            let parameters = [(BINARY_DATA_SIZE, behind.len() - before)].into();
            Output::Binary { name, shape, datatype: datatype.word(), parameters }
        });
        let json = Json {
            model_name: &self.model_name,
            model_version: self.model_version.as_deref(),
            id: self.id.as_deref(),
            outputs: outputs.collect(),
        };
        // Texts and numbers alone: nothing here can fail to serialise.
        let mut body = serde_json::to_vec(&json).unwrap_or_default();
        let json_bytes = body.len();
        body.append(&mut behind);
        (body, is_binary.then_some(json_bytes))
    }
}

#[cfg(test)]
mod tests;
