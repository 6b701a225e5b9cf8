//! The console: summaries of a data root for people and the way in for their marks, and what monitor
//! found for Prometheus, from a process that has no model.

use std::net::SocketAddr;
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
use crate::http::{Front, Listener, Phase, Routes, Tokens};
use crate::logins::{Logins, Recorder};
use crate::metrics::Metrics;
use crate::run::bind;
use crate::signals::Signals;

/// Runs the console until a signal ends it.
pub(crate) fn console(args: &ConsoleArgs, root: Root) -> Result<()> {
    check_entrance(args)?;
    let logins = Arc::new(Logins::new(args.record_logins));
    let recorder = args.record_logins.then(|| Recorder::start(Arc::clone(&logins), root.clone()));
    let recorder = recorder.transpose()?;
    let written_at = recorder.as_ref().map(Recorder::written_at);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().thread_name("http").enable_all().build()?;
    let outcome = runtime.block_on(async {
        let lateness = Duration::from_secs(60 * args.lateness_minutes);
        let accepts_feedback = args.accept_feedback;
        let options = Options { lateness, accepts_feedback, ..Options::default() };
        let found = |at| (at, foresite_console::metrics(root.clone(), options, written_at.clone()));
        let found = args.metrics_listen.map(found);
        serve(args, foresite_console::router(root, options), found, logins).await
    });
    if let Some(recorder) = recorder {
        recorder.end();
    }
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

/// Serves summaries to people and, where it is asked for, what monitor found to Prometheus.
async fn serve(
    args: &ConsoleArgs,
    summaries: Router,
    found: Option<(SocketAddr, Router)>,
    logins: Arc<Logins>,
) -> Result<()> {
    let mut signals = Signals::install()?;
    let (notice, is_ready) = (Limits::default().notice_seconds, Arc::new(AtomicBool::new(true)));
    let summaries = summaries.merge(probes(Arc::clone(&is_ready)));
    let listener = for_people(args, summaries, logins).await?;
    let pages = match found {
        Some((address, found)) => Some(for_prometheus(address, found).await?),
        None => None,
    };
    let (phase, phases) = watch::channel(Phase::Open);
    let listening = tokio::spawn(listener.serve(phases));
    // Watched until the very end.
    let (_until_the_end, never) = watch::channel(Phase::Open);
    let watched = pages.map(|pages| tokio::spawn(pages.serve(never)));
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
    if let Some(watched) = watched {
        watched.abort();
    }
    tracing::info!("end");
    Ok(())
}

async fn for_people(args: &ConsoleArgs, router: Router, logins: Arc<Logins>) -> Result<Listener> {
    let tls = args.entrance.tls().map(|tls| tls.acceptor(&["h2", "http/1.1"])).transpose()?;
    let front = Front { logins: Some(logins), ..front(router, args.entrance.tokens()?) };
    let socket = bind("console", args.listen).await?;
    Ok(Listener { socket, front, tls, limits: Limits::default() })
}

/// A port of its own, because who watches has no token.
async fn for_prometheus(address: SocketAddr, router: Router) -> Result<Listener> {
    let socket = bind("metrics", address).await?;
    Ok(Listener { socket, front: front(router, None), tls: None, limits: Limits::default() })
}

fn front(router: Router, tokens: Option<Arc<Tokens>>) -> Front {
    Front {
        routes: Routes::Json(router),
        tokens,
        metrics: Arc::new(Metrics::default()),
        patience: Duration::from_secs_f64(Limits::default().receive_seconds),
        access_log: true,
        logins: None,
    }
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
