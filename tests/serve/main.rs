//! The model service as a process on loopback, with a bundle that was trained and promoted for it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod bad_requests;
mod batches;
mod client;
mod equal;
mod hanging;
mod limits;
mod models;
mod pressure;
mod said;
mod samples;
mod server;
mod tls;
#[path = "../pipeline/toy.rs"]
#[allow(dead_code)]
mod toy;
mod traces;
mod trust;
