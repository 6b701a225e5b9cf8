//! Asks a model service as fast as it answers, or at a constant rate, and says how long answers took.
//!
//! ```text
//! load run  rest|bytes|grpc ADDRESS MODEL REQUEST CONNECTIONS SECONDS [RATE]
//! load once rest|bytes|grpc ADDRESS MODEL REQUEST
//! load pauses SECONDS
//! ```
//! `REQUEST` is a file with the JSON of a request. `bytes` sends its numbers behind the JSON and wants
//! the answer so, gRPC gets them as raw contents. `once` prints the numbers of the first output,
//! `pauses` how long the machine keeps a program waiting that never waits.

mod grpc;
mod pace;
mod pauses;
mod rest;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use pace::Plan;
use rest::Form;

/// Share of the time that is not counted at first.
const WARM: f64 = 0.2;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // What is asked for at a constant rate must not wait for others of the process: the reactor is
    // asked after every few steps.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().event_interval(8).build()?;
    match words[..] {
        ["run", protocol, address, model, request, connections, seconds, ref rate @ ..] => {
            let request = Request::read(address, model, request)?;
            let span = Duration::from_secs_f64(seconds.parse()?);
            let rate = rate.first().map(|rate| rate.parse()).transpose()?;
            let plan =
                Plan { connections: connections.parse()?, warm: span.mul_f64(WARM), span, rate };
            let told = runtime.block_on(async {
                match protocol {
                    "rest" => {
                        pace::drive(rest::callers(&request, Form::Json, &plan).await?, &plan).await
                    }
                    "bytes" => {
                        pace::drive(rest::callers(&request, Form::Bytes, &plan).await?, &plan).await
                    }
                    "grpc" => pace::drive(grpc::callers(&request, &plan).await?, &plan).await,
                    other => bail!("protocol `{other}`: expected rest, bytes or grpc"),
                }
            })?;
            println!("{}", serde_json::to_string(&told)?);
        }
        ["once", protocol, address, model, request] => {
            let request = Request::read(address, model, request)?;
            let numbers = runtime.block_on(async {
                match protocol {
                    "rest" => rest::once(&request, Form::Json).await,
                    "bytes" => rest::once(&request, Form::Bytes).await,
                    "grpc" => grpc::once(&request).await,
                    other => bail!("protocol `{other}`: expected rest, bytes or grpc"),
                }
            })?;
            println!("{}", serde_json::to_string(&numbers)?);
        }
        ["pauses", seconds] => {
            let seen = pauses::seen(Duration::from_secs_f64(seconds.parse()?));
            println!("{}", serde_json::to_string(&seen)?);
        }
        _ => bail!(
            "load pauses SECONDS | run|once PROTOCOL ADDRESS MODEL REQUEST [CONNECTIONS SECONDS [RATE]]"
        ),
    }
    Ok(())
}

/// What is asked, of whom.
struct Request {
    address: SocketAddr,
    model: String,
    body: Vec<u8>,
}

impl Request {
    fn read(address: &str, model: &str, file: &str) -> Result<Self> {
        let body = std::fs::read(file).with_context(|| file.to_owned())?;
        Ok(Self { address: address.parse()?, model: model.to_owned(), body })
    }
}
