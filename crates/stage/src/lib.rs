//! The runtime of every stage binary: arguments, configuration, logs, signals, lineage, result and
//! exit code, so that a stage is only the function from its inputs to its commits.
//!
//! A binary is `fn main() -> ExitCode { foresite_stage::main::<Derive>() }`. The contract it fulfils
//! stands in `docs/architecture.md`, section "The stage contract".

mod arguments;
mod config;
mod context;
pub mod environment;
mod error;
mod exit;
mod interval;
mod lineage;
mod logging;
mod plan;
mod progress;
mod rebuild;
mod report;
mod run;
mod share;
mod signals;

pub use arguments::{CommonArgs, Shard};
pub use config::{Named, load as load_config, parse as parse_config, redacted as redacted_config};
pub use context::Context;
pub use error::{Context as ErrorContext, ErrorKind, Result, StageError};
pub use exit::{Exit, Retry};
pub use interval::Interval;
pub use lineage::{Inputs, Lineage};
pub use logging::log_to_stderr;
pub use plan::{Manifest, Plan};
pub use progress::Progress;
pub use rebuild::Published;
pub use report::{Output, Report, Status};
pub use run::{NoArgs, Stage, live, main};
pub use share::Share;
