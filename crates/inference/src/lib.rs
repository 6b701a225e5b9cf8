//! The Open Inference Protocol, version 2: requests and answers, as JSON and as protobuf.
//!
//! Both forms become one [`Request`] and come from one [`Answer`], so that REST and gRPC share what
//! lies behind them. Foreign bytes are read here and nowhere else: sizes, types and shapes agree once
//! a request was read. What the tensors mean is left to the service. No I/O.

mod codec;
mod error;
mod json;
mod message;
mod raw;
mod tensor;
mod wire;

pub use error::{ProtocolError, Result};
pub use json::binary::{BINARY_TENSOR_DATA, BinaryOutputs, INFERENCE_HEADER_CONTENT_LENGTH};
pub use message::{Answer, Metadata, Parameter, Parameters, Request, TensorMetadata};
pub use tensor::{Data, Datatype, Tensor};

/// Messages and service as generated from `proto/inference.proto`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::too_many_lines)]
pub mod proto {
    tonic::include_proto!("inference");
}
