//! Clients: HTTP/1.1 by hand, so that it can be wrong on purpose, and gRPC by the generated one.

use std::convert::Infallible;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use foresite_inference::proto::grpc_inference_service_client::GrpcInferenceServiceClient;
use futures::{StreamExt as _, stream};
use http_body_util::StreamBody;
use hyper::body::Frame;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value as Json;

/// An answer by REST.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The text of a refusal; asserts that it is one line of JSON.
    #[track_caller]
    pub(crate) fn refusal(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.body);
        let json = self.json();
        let text = json["error"].as_str().unwrap_or_else(|| panic!("no error: {}", self.body));
        assert!(!text.contains('\n') && json.as_object().unwrap().len() == 1);
        text.to_owned()
    }

    /// A header of the answer.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(have, _)| *have == name).map(|(_, value)| value)
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// Reads to the end of the connection.
pub(crate) fn answer(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    // A reset after the answer is no loss.
    drop(stream.read_to_end(&mut bytes));
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

pub(crate) fn ask(address: SocketAddr, head: &str, body: &[u8]) -> Answer {
    ask_with(address, head, "", body)
}

/// Asks with more headers, each of which ends its line.
pub(crate) fn ask_with(address: SocketAddr, head: &str, headers: &str, body: &[u8]) -> Answer {
    answer(&mut sent(address, head, headers, body))
}

fn sent(address: SocketAddr, head: &str, headers: &str, body: &[u8]) -> TcpStream {
    let mut stream = connect(address);
    let length = body.len();
    let head = format!(
        "{head} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    // What is too large is refused before its end.
    drop(stream.write_all(body));
    stream
}

/// Asks with tensors behind so many bytes of JSON; the answer's JSON, and what stands behind it.
pub(crate) fn infer_bytes(address: SocketAddr, json: &Json, behind: &[u8]) -> (Json, Vec<u8>) {
    let json = json.to_string();
    let header = format!("inference-header-content-length: {}\r\n", json.len());
    let body = [json.as_bytes(), behind].concat();
    let mut bytes = Vec::new();
    let mut stream = sent(address, "POST /v2/models/toy/infer", &header, &body);
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let (head, body) = (String::from_utf8_lossy(&bytes[..end]), &bytes[end + 4..]);
    assert!(
        head.starts_with("HTTP/1.1 200 ") && head.contains("application/octet-stream"),
        "{head}"
    );
    assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
    let says = |line: &str| line.strip_prefix("inference-header-content-length: ")?.parse().ok();
    let json_bytes = head.lines().find_map(says).unwrap_or_else(|| panic!("{head}"));
    let (json, behind) = body.split_at(json_bytes);
    (serde_json::from_slice(json).unwrap(), behind.to_vec())
}

pub(crate) fn get(address: SocketAddr, path: &str) -> Answer {
    ask(address, &format!("GET {path}"), b"")
}

pub(crate) fn infer(address: SocketAddr, body: &Json) -> Answer {
    ask(address, "POST /v2/models/toy/infer", body.to_string().as_bytes())
}

/// A request that is answered with a status, with a header more.
pub(crate) fn get_with(address: SocketAddr, path: &str, header: &str) -> Answer {
    ask_with(address, &format!("GET {path}"), &format!("{header}\r\n"), b"")
}

/// The generated client.
pub(crate) type Grpc = GrpcInferenceServiceClient<Client<HttpConnector, tonic::body::Body>>;

pub(crate) fn grpc(address: SocketAddr) -> Grpc {
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let origin = format!("http://{address}").parse().unwrap();
    GrpcInferenceServiceClient::with_origin(client, origin)
}

/// What a call of a path ends with, status and message, whose own message never does.
pub(crate) async fn endless_call(address: SocketAddr, path: &str) -> [String; 2] {
    // Announces 100 bytes.
    let half = Bytes::from_static(b"\0\0\0\0\x64half of it");
    let frames = stream::iter([Ok::<_, Infallible>(Frame::data(half))]).chain(stream::pending());
    let uri = format!("http://{address}{path}");
    let request = http::Request::post(uri)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(StreamBody::new(frames))
        .unwrap();
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let response = client.request(request).await.unwrap();
    ["grpc-status", "grpc-message"].map(|name| {
        let said = response.headers().get(name).map_or("", |value| value.to_str().unwrap());
        said.replace("%20", " ")
    })
}

/// Runs what gRPC needs to wait for.
pub(crate) fn block<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}
