//! The model service: one process, one task, the Open Inference Protocol by REST and by gRPC.
//!
//! ```text
//! connections ──► listener (limits, TLS, time-outs) ──► REST, gRPC ──► Service::infer
//!                                                                        │ version by alias or share
//!                       registry_events ──► watcher ──► models in use    ▼
//!                       (poll, verify, cache)          pools: scoring, reading (queues that end)
//!                                                                        │
//!                                                foresite-scoring, the same as in predict
//! ```
//! Nothing that reads tables or files, or computes for long, runs on the threads that serve
//! connections. A request keeps the model it began with, so that a reload drops none.

mod asked;
mod cli;
mod config;
mod console;
mod http;
mod in_time;
mod infer;
mod logins;
mod metrics;
mod model;
mod pool;
mod refusal;
mod run;
mod service;
mod signals;

pub use cli::main;
pub use config::Config;
