//! gRPC on HTTP/2 streams of a few connections, with a message that is encoded once.

use anyhow::{Context as _, Result, bail, ensure};
use bytes::{BufMut as _, Bytes, BytesMut};
use foresite_inference::proto::model_infer_request::{
    InferInputTensor, InferRequestedOutputTensor,
};
use foresite_inference::proto::{ModelInferRequest, ModelInferResponse};
use foresite_inference::{Data, Tensor};
use h2::client::SendRequest;
use prost::Message as _;
use tokio::net::TcpStream;

use crate::Request;
use crate::pace::{Caller, Plan};

/// Streams of one connection, as a client library would share it.
const STREAMS: usize = 16;
const WINDOW: u32 = 1 << 20;

/// One stream at a time.
pub(crate) struct Stream {
    send: SendRequest<Bytes>,
    head: http::Request<()>,
    message: Bytes,
}

/// The streams of a plan.
pub(crate) async fn callers(request: &Request, plan: &Plan) -> Result<Vec<Stream>> {
    let mut callers: Vec<Stream> = Vec::new();
    for at in 0..plan.connections {
        let stream = match callers.last() {
            Some(last) if at % STREAMS != 0 => last.another(),
            _ => Stream::open(request).await?,
        };
        callers.push(stream);
    }
    Ok(callers)
}

/// The numbers of the first output.
pub(crate) async fn once(request: &Request) -> Result<Vec<f64>> {
    let message = Stream::open(request).await?.ask().await?;
    let answer = ModelInferResponse::decode(message.get(5..).context("no message")?)?;
    let raw = answer.raw_output_contents.first().context("no output")?;
    let (numbers, _) = raw.as_chunks::<8>();
    Ok(numbers.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect())
}

impl Caller for Stream {
    async fn call(&mut self) -> Result<()> {
        self.ask().await.map(|_| ())
    }
}

impl Stream {
    async fn open(request: &Request) -> Result<Self> {
        let stream = TcpStream::connect(request.address).await?;
        stream.set_nodelay(true)?;
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(WINDOW).initial_connection_window_size(WINDOW);
        let (send, connection) = builder.handshake(stream).await?;
        // It ends with the process; what goes wrong is seen by the streams.
        tokio::spawn(async move { drop(connection.await) });
        let uri = format!("http://{}/inference.GRPCInferenceService/ModelInfer", request.address);
        let head = http::Request::post(uri)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())?;
        Ok(Self { send, head, message: message(request)? })
    }

    fn another(&self) -> Self {
        let Self { send, head, message } = self;
        Self { send: send.clone(), head: head.clone(), message: message.clone() }
    }

    /// Asks and reads the whole answer.
    async fn ask(&mut self) -> Result<Bytes> {
        self.send = self.send.clone().ready().await?;
        let (answer, mut sent) = self.send.send_request(self.head.clone(), false)?;
        sent.send_data(self.message.clone(), true)?;
        let answer = answer.await?;
        ensure!(answer.status() == 200, "{answer:?}");
        let mut body = answer.into_body();
        let mut message = BytesMut::new();
        while let Some(chunk) = body.data().await {
            let chunk = chunk?;
            body.flow_control().release_capacity(chunk.len())?;
            message.put(chunk);
        }
        let trailers = body.trailers().await?.context("no trailers: the call was refused")?;
        match trailers.get("grpc-status") {
            Some(status) if status == "0" => Ok(message.freeze()),
            _ => bail!("{trailers:?}"),
        }
    }
}

/// The request as one message with raw contents.
fn message(request: &Request) -> Result<Bytes> {
    let read = foresite_inference::Request::from_json(&request.body)?;
    let name = |name| InferRequestedOutputTensor { name, ..Default::default() };
    let message = ModelInferRequest {
        model_name: request.model.clone(),
        outputs: read.outputs.into_iter().flatten().map(name).collect(),
        raw_input_contents: read.inputs.iter().map(raw).collect::<Result<_>>()?,
        inputs: read.inputs.into_iter().map(described).collect(),
        ..Default::default()
    };
    let mut bytes = BytesMut::new();
    bytes.put_u8(0);
    bytes.put_u32(message.encoded_len().try_into()?);
    message.encode(&mut bytes)?;
    Ok(bytes.freeze())
}

fn described(input: Tensor) -> InferInputTensor {
    InferInputTensor {
        name: input.name,
        datatype: "FP64".into(),
        shape: input.shape.iter().map(|size| *size as i64).collect(),
        ..Default::default()
    }
}

fn raw(input: &Tensor) -> Result<Vec<u8>> {
    match &input.data {
        Data::Float(data) => Ok(data.iter().flat_map(|value| value.to_le_bytes()).collect()),
        _ => bail!("input `{}`: expected numbers", input.name),
    }
}
