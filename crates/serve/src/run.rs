//! The life of a model service, from its sockets to the last answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use foresite_stage::{ErrorKind, Result, StageError};
use foresite_tables::Root;
use tokio::net::TcpListener;
use tokio::runtime::{self, Runtime};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::cli::{EntranceArgs, ModelArgs};
use crate::config::Config;
use crate::http::{self, Front, Listener, Phase, Routes, Tls, Tokens};
use crate::in_time::{PATIENCE, in_time};
use crate::model::Watcher;
use crate::service::Service;
use crate::signals::Signals;

/// Runs a model service until a signal ends it.
pub(crate) fn model(args: &ModelArgs, config: Config, root: Root) -> Result<()> {
    let service = Arc::new(Service::start(&args.task, config, root)?);
    // Threads may hang in storage: the process ends without waiting for them.
    std::mem::forget(Arc::clone(&service));
    let runtime = runtime()?;
    let outcome = runtime.block_on(serve(args, service));
    runtime.shutdown_background();
    outcome
}

/// What drives the connections. A single core takes turns in the order of arrival: a pool of threads
/// first runs what a task has just woken, so that an HTTP/2 connection writes every answer by itself.
fn runtime() -> std::io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut builder = if cores == 1 {
        runtime::Builder::new_current_thread()
    } else {
        runtime::Builder::new_multi_thread()
    };
    builder.thread_name("http").enable_all().build()
}

/// The data root, which need not answer.
pub(crate) fn open(uri: &str) -> Result<Root> {
    let named = uri.to_owned();
    let root = in_time("data root", PATIENCE, move || Ok(Root::open(&named)?))?;
    if root.url().scheme() == "file" {
        let asked = root.clone();
        match in_time(&format!("data root {uri}"), PATIENCE, move || Ok(asked.require()?)) {
            // A mount may be away for a while, as HDFS may; a folder that is not there is a wrong
            // argument.
            Err(error) if error.kind() == ErrorKind::Transient => {
                let hint = error.advice().unwrap_or_default();
                tracing::warn!(hint, "{}", error.chain());
            }
            asked => asked.map_err(|error| error.hint("check --data-root"))?,
        }
    }
    Ok(root)
}

async fn serve(args: &ModelArgs, service: Arc<Service>) -> Result<()> {
    let mut signals = Signals::install()?;
    let (phase, phases) = watch::channel(Phase::Open);
    let mut listeners = JoinSet::new();
    for listener in listeners_of(args, &service).await? {
        listeners.spawn(listener.serve(phases.clone()));
    }
    // Watched until the very end.
    let (_until_the_end, never) = watch::channel(Phase::Open);
    let watched = tokio::spawn(pages_of(args, &service).await?.serve(never));
    tokio::select! {
        begun = look_after_models(args, &service) => {
            begun?;
            signals.next().await;
        }
        () = signals.next() => {}
    }
    let notice = service.config().limits.notice_seconds;
    tracing::info!(notice, "stopping: not ready any more");
    service.drain();
    // Every listener holds a receiver.
    let _ = phase.send(Phase::Leaving);
    tokio::select! {
        () = tokio::time::sleep(Duration::from_secs_f64(notice)) => {}
        // Somebody at a terminal who asks twice does not want to wait.
        () = signals.next() => {}
    }
    let _ = phase.send(Phase::Closing);
    tokio::select! {
        () = async { while listeners.join_next().await.is_some() {} } => {}
        () = signals.next() => tracing::warn!("stopped at once"),
    }
    watched.abort();
    tracing::info!("end");
    Ok(())
}

/// Begins to look after the models. The folder of their copy may take its time: whoever asks is
/// answered meanwhile, and told that nothing is ready.
async fn look_after_models(args: &ModelArgs, service: &Arc<Service>) -> Result<()> {
    let (service, cache_dir) = (Arc::clone(service), args.cache_dir.clone());
    let begin = move || Watcher::new(service, cache_dir.as_deref())?.start();
    let broken = |_| {
        let text = "the models are not looked after; the line before says why";
        StageError::new(ErrorKind::Internal, text)
    };
    tokio::task::spawn_blocking(begin).await.map_err(broken)?
}

/// What answers clients. All files are read before anybody can connect.
async fn listeners_of(args: &ModelArgs, service: &Arc<Service>) -> Result<Vec<Listener>> {
    let (tokens, tls) = (args.entrance.tokens()?, args.entrance.tls());
    let acceptor = |protocols: &[&str]| tls.as_ref().map(|tls| tls.acceptor(protocols)).transpose();
    let (of_rest, of_grpc) = (acceptor(&["h2", "http/1.1"])?, acceptor(&["h2"])?);
    let limits = service.config().limits.clone();
    Ok(vec![
        Listener {
            tls: of_rest,
            socket: bind("rest", args.listen).await?,
            front: front(Routes::Json(http::rest(Arc::clone(service))), tokens.clone(), service),
            limits: limits.clone(),
        },
        Listener {
            tls: of_grpc,
            socket: bind("grpc", args.grpc_listen).await?,
            front: front(Routes::Grpc(http::grpc(Arc::clone(service))), tokens, service),
            limits,
        },
    ])
}

/// What answers those who watch the service.
async fn pages_of(args: &ModelArgs, service: &Arc<Service>) -> Result<Listener> {
    let pages = Routes::Json(http::pages(Arc::clone(service)));
    Ok(Listener {
        socket: bind("metrics", args.metrics_listen).await?,
        // Who watches is not counted.
        front: Front { metrics: Arc::default(), ..front(pages, None, service) },
        tls: None,
        limits: service.config().limits.clone(),
    })
}

impl EntranceArgs {
    /// The tokens, where a file of them is given.
    pub(crate) fn tokens(&self) -> Result<Option<Arc<Tokens>>> {
        Ok(self.token_file.as_deref().map(Tokens::read).transpose()?.map(Arc::new))
    }

    /// What TLS takes, where it is asked for.
    pub(crate) fn tls(&self) -> Option<Tls> {
        let (certificate, key) = (self.tls_certificate.clone()?, self.tls_key.clone()?);
        Some(Tls { certificate, key, client_ca: self.client_ca.clone() })
    }
}

fn front(routes: Routes, tokens: Option<Arc<Tokens>>, service: &Service) -> Front {
    let config = service.config();
    let patience = Duration::from_secs_f64(config.limits.receive_seconds);
    let (metrics, access_log) = (Arc::clone(service.metrics()), config.access_log);
    Front { routes, tokens, metrics, patience, access_log, logins: None }
}

pub(crate) async fn bind(what: &str, address: SocketAddr) -> Result<TcpListener> {
    let wrong = |error: std::io::Error| {
        StageError::new(ErrorKind::Usage, format!("listen on {address} for {what}: {error}"))
            .hint("choose another address, or end what listens there")
    };
    let socket = TcpListener::bind(address).await.map_err(wrong)?;
    let address = socket.local_addr().map_err(wrong)?;
    tracing::info!(protocol = what, address = %address, "listening");
    Ok(socket)
}
