//! HTTP/1.1 with what it needs here and no more: the other side is to be measured, not this one.

use anyhow::{Context as _, Result, ensure};
use foresite_inference::INFERENCE_HEADER_CONTENT_LENGTH;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Request;
use crate::pace::{Caller, Plan};

/// Where the numbers of a request and of its answer stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    /// Behind the JSON.
    Bytes,
}

/// A connection that is kept.
pub(crate) struct Connection {
    stream: TcpStream,
    /// Head and body as they go out.
    request: Vec<u8>,
    /// The head of the last answer and its body.
    answer: Vec<u8>,
}

/// Connections of a plan.
pub(crate) async fn callers(request: &Request, form: Form, plan: &Plan) -> Result<Vec<Connection>> {
    let mut callers = Vec::new();
    for _ in 0..plan.connections {
        callers.push(Connection::open(request, form).await?);
    }
    Ok(callers)
}

/// The numbers of the first output.
pub(crate) async fn once(request: &Request, form: Form) -> Result<Vec<f64>> {
    let mut connection = Connection::open(request, form).await?;
    let at = connection.ask().await?;
    let (head, body) = connection.answer.split_at(at);
    if form == Form::Bytes {
        let (_, numbers) = body.split_at(number(head, INFERENCE_HEADER_CONTENT_LENGTH)?);
        return Ok(numbers.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect());
    }
    let answer: Value = serde_json::from_slice(body)?;
    let data = answer["outputs"][0]["data"].as_array().context("no output")?;
    data.iter().map(|value| value.as_f64().context("no number")).collect()
}

impl Caller for Connection {
    async fn call(&mut self) -> Result<()> {
        self.ask().await.map(|_| ())
    }
}

impl Connection {
    async fn open(request: &Request, form: Form) -> Result<Self> {
        let stream = TcpStream::connect(request.address).await?;
        stream.set_nodelay(true)?;
        let (content, body) = if form == Form::Bytes {
            let (body, json_bytes) = numbers_behind(&request.body)?;
            (
                format!(
                    "application/octet-stream\r\n{INFERENCE_HEADER_CONTENT_LENGTH}: {json_bytes}"
                ),
                body,
            )
        } else {
            ("application/json".to_owned(), request.body.clone())
        };
        let head = format!(
            "POST /v2/models/{}/infer HTTP/1.1\r\nhost: {}\r\ncontent-type: {content}\r\n\
             content-length: {}\r\n\r\n",
            request.model,
            request.address,
            body.len()
        );
        let request = [head.as_bytes(), &body].concat();
        Ok(Self { stream, request, answer: Vec::new() })
    }

    /// Asks and reads the whole answer; returns where its body begins.
    async fn ask(&mut self) -> Result<usize> {
        self.stream.write_all(&self.request).await?;
        self.answer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.answer).await?;
            ensure!(read > 0, "the connection was closed");
            let Some(end) = memchr::memmem::find(&self.answer, b"\r\n\r\n") else { continue };
            let (head, body) = (&self.answer[..end], end + 4);
            let whole = body + number(head, "content-length")?;
            if self.answer.len() >= whole {
                let text = || String::from_utf8_lossy(&self.answer).into_owned();
                ensure!(head.starts_with(b"HTTP/1.1 200 "), "{}", text());
                return Ok(body);
            }
            self.answer.reserve(whole - self.answer.len());
        }
    }
}

/// The request with its numbers behind the JSON, and how many bytes of JSON come before them.
fn numbers_behind(json: &[u8]) -> Result<(Vec<u8>, usize)> {
    let mut request: Value = serde_json::from_slice(json)?;
    request["parameters"]["binary_data_output"] = true.into();
    let mut behind = Vec::new();
    for input in request["inputs"].as_array_mut().context("no inputs")? {
        let input = input.as_object_mut().context("an input that is none")?;
        let data = input.remove("data").context("no data")?;
        let before = behind.len();
        for value in data.as_array().context("no numbers")? {
            behind.extend(value.as_f64().context("no number")?.to_le_bytes());
        }
        input.insert("parameters".into(), json!({ "binary_data_size": behind.len() - before }));
    }
    let json = serde_json::to_vec(&request)?;
    Ok(([&json[..], &behind].concat(), json.len()))
}

/// The value of a header that is a number.
fn number(head: &[u8], wanted: &str) -> Result<usize> {
    for line in head.split(|byte| *byte == b'\n') {
        let (name, value) = line.split_at(line.iter().position(|b| *b == b':').unwrap_or(0));
        if name.eq_ignore_ascii_case(wanted.as_bytes()) {
            return Ok(std::str::from_utf8(&value[1..])?.trim().parse()?);
        }
    }
    anyhow::bail!("an answer without {wanted}: {}", String::from_utf8_lossy(head))
}
