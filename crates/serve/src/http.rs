//! Connections: who may ask, how long, how much, by which protocol.

mod front;
mod gathering;
mod grpc;
mod listener;
mod pages;
mod peer;
mod punctual;
mod rest;
mod tls;
mod tokens;
mod trace;
mod watched;

pub(crate) use front::{Front, Routes};
pub(crate) use listener::{Listener, Phase};
pub(crate) use tls::Tls;
pub(crate) use tokens::Tokens;

pub(crate) use grpc::methods as grpc;
pub(crate) use pages::router as pages;
pub(crate) use rest::router as rest;
