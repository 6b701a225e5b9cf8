//! Requests and answers as protobuf.

use crate::json::binary::BINARY_DATA_OUTPUT;
use crate::message::nan;
use crate::proto::infer_parameter::ParameterChoice;
use crate::proto::model_infer_request::InferInputTensor;
use crate::proto::model_infer_response::InferOutputTensor;
use crate::proto::model_metadata_response::TensorMetadata as WireMetadata;
use crate::proto::{
    InferParameter, InferTensorContents, ModelInferRequest, ModelInferResponse,
    ModelMetadataResponse,
};
use crate::raw::{self, NO_TEXT};
use crate::tensor::{Nan, shape};
use crate::{
    Answer, Data, Datatype, Metadata, Parameter, Parameters, ProtocolError, Request, Result, Tensor,
};

impl Request {
    /// Reads a request from protobuf.
    ///
    /// # Errors
    /// For tensors whose type, shape and elements disagree, and for numbers that are not finite.
    pub fn from_wire(wire: ModelInferRequest) -> Result<Self> {
        let mut parameters = parameters(wire.parameters)?;
        // Means nothing here, and clients of two protocols send it all the same.
        parameters.remove(BINARY_DATA_OUTPUT);
        let mut raw = wire.raw_input_contents.into_iter();
        let is_raw = raw.len() > 0;
        if is_raw && raw.len() != wire.inputs.len() {
            let (contents, inputs) = (raw.len(), wire.inputs.len());
            return Err(ProtocolError::new(format!(
                "raw_input_contents: {contents} for {inputs} inputs"
            )));
        }
        let nan = nan(&parameters);
        let inputs: Vec<Tensor> = wire
            .inputs
            .into_iter()
            .map(|input| tensor(input, if is_raw { raw.next() } else { None }, nan))
            .collect::<Result<_>>()?;
        let outputs: Vec<String> = wire.outputs.into_iter().map(|output| output.name).collect();
        let id = Some(wire.id).filter(|id| !id.is_empty());
        let outputs = Some(outputs).filter(|outputs| !outputs.is_empty());
        Self { id, parameters, inputs, outputs, ..Self::default() }.without_a_name_twice()
    }
}

fn parameters(wire: std::collections::HashMap<String, InferParameter>) -> Result<Parameters> {
    wire.into_iter()
        .map(|(name, value)| {
            let value = match value.parameter_choice {
                Some(ParameterChoice::BoolParam(value)) => Parameter::Bool(value),
                Some(ParameterChoice::Int64Param(value)) => Parameter::Int(value),
                Some(ParameterChoice::Uint64Param(value)) => {
                    Parameter::Int(i64::try_from(value).unwrap_or(i64::MAX))
                }
                Some(ParameterChoice::DoubleParam(value)) => Parameter::Float(value),
                Some(ParameterChoice::StringParam(value)) => Parameter::Text(value),
                None => return Err(ProtocolError::new(format!("parameter `{name}`: no value"))),
            };
            Ok((name, value))
        })
        .collect()
}

fn tensor(input: InferInputTensor, raw: Option<Vec<u8>>, nan: Nan) -> Result<Tensor> {
    let InferInputTensor { name, datatype, shape: dimensions, contents, .. } = input;
    let wrong = |what: String| ProtocolError::new(format!("input `{name}`: {what}"));
    let datatype = Datatype::parse(&datatype).map_err(|error| wrong(error.to_string()))?;
    let data = match (raw, contents) {
        (Some(_), Some(_)) => {
            return Err(wrong("both `contents` and `raw_input_contents` are given".into()));
        }
        (Some(raw), None) => raw::elements(datatype, &raw).map_err(wrong)?,
        (None, contents) => elements(datatype, contents.unwrap_or_default()).map_err(wrong)?,
    };
    data.finite(nan).map_err(wrong)?;
    let shape = shape(&name, &dimensions, data.len())?;
    Ok(Tensor { name, datatype, shape, data })
}

/// The field of the contents that the datatype names.
fn elements(datatype: Datatype, contents: InferTensorContents) -> Result<Data, String> {
    let data = match datatype {
        Datatype::Bool => Data::Bool(contents.bool_contents),
        Datatype::Int8 | Datatype::Int16 | Datatype::Int32 => {
            Data::Int(contents.int_contents.into_iter().map(i64::from).collect())
        }
        Datatype::Uint8 | Datatype::Uint16 | Datatype::Uint32 => {
            Data::Int(contents.uint_contents.into_iter().map(i64::from).collect())
        }
        Datatype::Int64 => Data::Int(contents.int64_contents),
        Datatype::Uint64 => {
            let whole = contents.uint64_contents.into_iter().map(i64::try_from);
            Data::Int(whole.collect::<Result<_, _>>().map_err(|_| "a number past 2^63")?)
        }
        Datatype::Fp32 => Data::Float(contents.fp32_contents.into_iter().map(f64::from).collect()),
        Datatype::Fp64 => Data::Float(contents.fp64_contents),
        Datatype::Bytes => {
            let texts = contents.bytes_contents.into_iter().map(String::from_utf8);
            Data::Text(texts.collect::<Result<_, _>>().map_err(|_| NO_TEXT)?)
        }
    };
    if let (Data::Int(data), Some((least, most))) = (&data, datatype.bounds())
        && let Some(value) = data.iter().find(|value| !(least..=most).contains(value))
    {
        return Err(format!("{value} is no {}", datatype.word()));
    }
    Ok(data)
}

impl Answer {
    /// The answer as protobuf; `is_raw` puts the elements into `raw_output_contents`.
    pub fn into_wire(self, is_raw: bool) -> ModelInferResponse {
        let mut wire = ModelInferResponse {
            model_name: self.model_name,
            model_version: self.model_version.unwrap_or_default(),
            id: self.id.unwrap_or_default(),
            ..ModelInferResponse::default()
        };
        for tensor in self.outputs {
            let shape = tensor.shape.iter().map(|size| *size as i64).collect();
            let mut output = InferOutputTensor {
                name: tensor.name,
                datatype: tensor.datatype.word().to_owned(),
                shape,
                ..InferOutputTensor::default()
            };
            if is_raw {
                let mut bytes = Vec::new();
                raw::append(&tensor.data, &mut bytes);
                wire.raw_output_contents.push(bytes);
            } else {
                output.contents = Some(contents(tensor.data));
            }
            wire.outputs.push(output);
        }
        wire
    }
}

/// Outputs are FP64, INT64, BOOL and BYTES alone.
fn contents(data: Data) -> InferTensorContents {
    let mut contents = InferTensorContents::default();
    match data {
        Data::Bool(data) => contents.bool_contents = data,
        Data::Int(data) => contents.int64_contents = data,
        Data::Float(data) => contents.fp64_contents = data,
        Data::Text(data) => {
            contents.bytes_contents = data.into_iter().map(String::into_bytes).collect();
        }
    }
    contents
}

impl From<Metadata> for ModelMetadataResponse {
    fn from(metadata: Metadata) -> Self {
        let wire = |tensors: Vec<crate::TensorMetadata>| {
            let each = tensors.into_iter().map(|tensor| WireMetadata {
                name: tensor.name,
                datatype: tensor.datatype.word().to_owned(),
                shape: tensor.shape,
            });
            each.collect()
        };
        Self {
            name: metadata.name,
            versions: metadata.versions,
            platform: metadata.platform,
            inputs: wire(metadata.inputs),
            outputs: wire(metadata.outputs),
        }
    }
}

#[cfg(test)]
mod tests;
