//! HTTP/1.1 with what it needs here and no more: the other side is to be measured, not this one.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Request;
use crate::pace::{Caller, Plan};

/// A connection that is kept.
pub(crate) struct Connection {
    stream: TcpStream,
    /// Head and body as they go out.
    request: Vec<u8>,
    /// The head of the last answer and its body.
    answer: Vec<u8>,
}

/// Connections of a plan.
pub(crate) async fn callers(request: &Request, plan: &Plan) -> Result<Vec<Connection>> {
    let mut callers = Vec::new();
    for _ in 0..plan.connections {
        callers.push(Connection::open(request).await?);
    }
    Ok(callers)
}

/// The numbers of the first output.
pub(crate) async fn once(request: &Request) -> Result<Vec<f64>> {
    let mut connection = Connection::open(request).await?;
    let body = connection.ask().await?;
    let answer: Value = serde_json::from_slice(&connection.answer[body..])?;
    let data = answer["outputs"][0]["data"].as_array().context("no output")?;
    data.iter().map(|value| value.as_f64().context("no number")).collect()
}

impl Caller for Connection {
    async fn call(&mut self) -> Result<()> {
        self.ask().await.map(|_| ())
    }
}

impl Connection {
    async fn open(request: &Request) -> Result<Self> {
        let stream = TcpStream::connect(request.address).await?;
        stream.set_nodelay(true)?;
        let head = format!(
            "POST /v2/models/{}/infer HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            request.model,
            request.address,
            request.body.len()
        );
        let request = [head.as_bytes(), &request.body].concat();
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
            let whole = body + length(head)?;
            if self.answer.len() >= whole {
                let text = || String::from_utf8_lossy(&self.answer).into_owned();
                ensure!(head.starts_with(b"HTTP/1.1 200 "), "{}", text());
                return Ok(body);
            }
            self.answer.reserve(whole - self.answer.len());
        }
    }
}

/// The content length in a head.
fn length(head: &[u8]) -> Result<usize> {
    for line in head.split(|byte| *byte == b'\n') {
        let (name, value) = line.split_at(line.iter().position(|b| *b == b':').unwrap_or(0));
        if name.eq_ignore_ascii_case(b"content-length") {
            return Ok(std::str::from_utf8(&value[1..])?.trim().parse()?);
        }
    }
    anyhow::bail!("an answer without a length: {}", String::from_utf8_lossy(head))
}
