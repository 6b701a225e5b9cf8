//! Logs on stderr: text on a terminal, `LEVEL message key=value` lines elsewhere, JSON on request.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::{ErrorKind, Result, StageError, environment};

/// The form that log records take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Coloured text with the time.
    Text,
    /// One line that starts with its level, as log viewers expect.
    Lines,
    /// One JSON object a line.
    Json,
}

impl Form {
    /// From `FORESITE_LOG`; by default what suits the place stderr goes to.
    pub(crate) fn detect() -> Self {
        match environment::value(environment::LOG).as_deref() {
            Some("json") => Self::Json,
            Some("lines") => Self::Lines,
            Some("text") => Self::Text,
            _ if std::io::stderr().is_terminal() => Self::Text,
            _ => Self::Lines,
        }
    }
}

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// Whether the environment asks for a form and a level that exist.
///
/// # Errors
/// `Usage` with the variable and what it may hold.
pub(crate) fn check_environment() -> Result<()> {
    for (name, known) in
        [(environment::LOG, &["text", "lines", "json"][..]), (environment::LOG_LEVEL, &LEVELS[..])]
    {
        if let Some(value) = environment::value(name).filter(|value| !known.contains(&&**value)) {
            let message = format!("{name}={value}: expected one of {}", known.join(", "));
            return Err(StageError::new(ErrorKind::Usage, message));
        }
    }
    Ok(())
}

/// Starts logging; a second call in one process (tests) changes nothing.
pub(crate) fn install(form: Form) {
    let level = environment::value(environment::LOG_LEVEL).unwrap_or_else(|| "info".into());
    // Libraries speak up only when something is wrong; `foresite` is the prefix of our crates. What
    // the reader of the log fails at is an error of ours, or one that storage got over.
    let filter = EnvFilter::new(format!("error,delta_kernel=off,foresite={level}"));
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let registry = tracing_subscriber::registry().with(filter);
    let outcome = match form {
        Form::Text => registry.with(layer.with_ansi(true)).try_init(),
        Form::Lines => registry.with(layer.without_time().with_ansi(false)).try_init(),
        Form::Json => registry.with(layer.json().flatten_event(true)).try_init(),
    };
    drop(outcome);
}

/// Greatest resident set of the process so far, in MiB (`VmHWM` of Linux).
pub(crate) fn peak_rss_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024)
}
