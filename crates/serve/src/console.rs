//! The console: summaries of a data root for people and the way in for their marks, from a process that
//! has no model.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use foresite_console::Options;
use foresite_stage::{ErrorKind, Result, StageError};
use foresite_tables::Root;
use http::StatusCode;
use tokio::sync::watch;

use crate::cli::ConsoleArgs;
use crate::config::Limits;
use crate::http::{Form, Front, Listener, Phase};
use crate::metrics::Metrics;
use crate::run::bind;
use crate::signals::Signals;

/// Runs the console until a signal ends it.
pub(crate) fn console(args: &ConsoleArgs, root: Root) -> Result<()> {
    check_entrance(args)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().thread_name("http").enable_all().build()?;
    let outcome = runtime.block_on(async {
        let lateness = Duration::from_secs(60 * args.lateness_minutes);
        let accepts_feedback = args.accept_feedback;
        let options = Options { lateness, accepts_feedback, ..Options::default() };
        let summaries = foresite_console::router(root, options);
        serve(args, summaries).await
    });
    // A read may hang in storage: the process ends without waiting for it.
    runtime.shutdown_background();
    outcome
}

/// Marks change what the next model learns: nobody may leave them who was not let in.
fn check_entrance(args: &ConsoleArgs) -> Result<()> {
    let is_guarded = args.entrance.token_file.is_some() || args.entrance.client_ca.is_some();
    if !args.accept_feedback || is_guarded || args.listen.ip().is_loopback() {
        return Ok(());
    }
    let message = "--accept-feedback on an address that others reach, without --token-file";
    Err(StageError::new(ErrorKind::Usage, message)
        .hint("give --token-file, --client-ca, or a loopback address to --listen"))
}

async fn serve(args: &ConsoleArgs, summaries: Router) -> Result<()> {
    let mut signals = Signals::install()?;
    let limits = Limits::default();
    let (notice, is_ready) = (limits.notice_seconds, Arc::new(AtomicBool::new(true)));
    let tls = args.entrance.tls().map(|tls| tls.acceptor(&["h2", "http/1.1"])).transpose()?;
    let front = Front {
        form: Form::Json,
        router: summaries.merge(probes(Arc::clone(&is_ready))),
        tokens: args.entrance.tokens()?,
        metrics: Arc::new(Metrics::default()),
        patience: Duration::from_secs_f64(limits.receive_seconds),
        access_log: true,
    };
    let listener = Listener { socket: bind("console", args.listen).await?, front, tls, limits };
    let (phase, phases) = watch::channel(Phase::Open);
    let listening = tokio::spawn(listener.serve(phases));
    signals.next().await;
    tracing::info!(notice, "stopping: not ready any more");
    is_ready.store(false, Relaxed);
    // The listener holds a receiver.
    let _ = phase.send(Phase::Leaving);
    tokio::select! {
        () = tokio::time::sleep(Duration::from_secs_f64(notice)) => {}
        () = signals.next() => {}
    }
    let _ = phase.send(Phase::Closing);
    tokio::select! {
        _ = listening => {}
        () = signals.next() => tracing::warn!("stopped at once"),
    }
    tracing::info!("end");
    Ok(())
}

/// A console whose tables cannot be read is up and says so in its answers: no probe depends on it.
fn probes(is_ready: Arc<AtomicBool>) -> Router {
    let ready = async move || match is_ready.load(Relaxed) {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    Router::new()
        .route("/v2/health/live", get(async || StatusCode::OK))
        .route("/v2/health/ready", get(ready))
}
