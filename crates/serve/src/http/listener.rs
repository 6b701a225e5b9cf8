//! One accept loop for all protocols: limits, time-outs, TLS, and an end that loses no request.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::front::{Form, Front};
use super::gathering::Gathering;
use super::peer::Peer;
use super::tls::{self, Acceptor};
use crate::config::Limits;

/// How often an idle connection is looked at.
const TICK: Duration = Duration::from_secs(1);
/// Pause after the system had no more descriptors.
const PAUSE: Duration = Duration::from_millis(100);
/// Streams of one HTTP/2 connection.
const STREAMS: u32 = 256;
/// Bytes of an HTTP/2 frame: 64 rows of 32 raw features are a little more than the usual 16 KiB.
const FRAME: u32 = 64 << 10;
/// Bytes of a request's head.
const HEAD: usize = 64 << 10;

/// What a connection beyond the limit is told.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
    retry-after: 1\r\nconnection: close\r\ncontent-length: 33\r\n\r\n{\"error\":\"too many connections\"}\n";

/// How far the end of a service has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It serves.
    Open,
    /// It still serves; who keeps a connection is told to take another one for the next request.
    Leaving,
    /// No new connections, and no new requests on the old ones.
    Closing,
}

/// A socket and what answers on it.
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) front: Front,
    pub(crate) tls: Option<Arc<Acceptor>>,
    pub(crate) limits: Limits,
}

/// Whether a connection does something.
#[derive(Debug)]
struct Activity {
    open: AtomicUsize,
    since: Mutex<Instant>,
}

impl Activity {
    fn new() -> Self {
        Self { open: AtomicUsize::new(0), since: Mutex::new(Instant::now()) }
    }

    fn end(&self) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.open.fetch_sub(1, Relaxed);
    }

    fn idle(&self) -> Duration {
        if self.open.load(Relaxed) > 0 {
            return Duration::ZERO;
        }
        self.since.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

/// An open request; it ends also where its future is dropped.
struct Open(Arc<Activity>);

impl Open {
    fn begin(activity: Arc<Activity>) -> Self {
        activity.open.fetch_add(1, Relaxed);
        Self(activity)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Listener {
    /// Serves until the last phase, then until every connection has ended, or the time is up.
    pub(crate) async fn serve(self, mut phase: watch::Receiver<Phase>) {
        let places = Arc::new(Semaphore::new(self.limits.connections));
        let drain = Duration::from_secs_f64(self.limits.drain_seconds);
        let Self { socket, front, tls, limits } = self;
        let mut open = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                _ = phase.wait_for(|phase| *phase == Phase::Closing) => break,
                Some(_) = open.join_next() => continue,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!("a connection cannot be accepted: {error}");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                refuse(&stream, &front, tls.is_some());
                continue;
            };
            let connection =
                Connection { front: front.clone(), limits: limits.clone(), phase: phase.clone() };
            let tls = tls.clone();
            open.spawn(async move {
                let metrics = Arc::clone(&connection.front.metrics);
                metrics.connections.fetch_add(1, Relaxed);
                connection.accepted(stream, Peer::at(address), tls).await;
                metrics.connections.fetch_sub(1, Relaxed);
                drop(place);
            });
        }
        drop(socket);
        let all = async { while open.join_next().await.is_some() {} };
        if tokio::time::timeout(drain, all).await.is_err() {
            tracing::warn!("connections are cut: their requests did not end in time");
        }
    }
}

/// Says so where it can be said in one go.
fn refuse(stream: &TcpStream, front: &Front, is_tls: bool) {
    front.metrics.refused_connection();
    if front.form() == Form::Json && !is_tls {
        drop(stream.try_write(FULL));
    }
}

/// One connection.
struct Connection {
    front: Front,
    limits: Limits,
    phase: watch::Receiver<Phase>,
}

impl Connection {
    async fn accepted(self, stream: TcpStream, peer: Peer, tls: Option<Arc<Acceptor>>) {
        // Answers are short: they must not wait for more of them.
        drop(stream.set_nodelay(true));
        let Some(tls) = tls else { return self.serve(stream, peer).await };
        let patience = Duration::from_secs_f64(self.limits.receive_seconds);
        match tokio::time::timeout(patience, tls.accept(stream)).await {
            Ok(Ok(stream)) => {
                let is_asked = self.front.logins.is_some();
                let certificate = is_asked.then(|| tls::subject(&stream)).flatten();
                self.serve(stream, Peer { certificate, ..peer }).await;
            }
            Ok(Err(error)) => {
                if let Some(fault) = tls::fault_of_client(&error) {
                    self.front.count_login(None, Some(fault), &peer);
                }
            }
            Err(_) => {}
        }
    }

    fn answering(&self, peer: Peer) -> Answering {
        let (front, phase) = (self.front.clone(), self.phase.clone());
        Answering { front, peer, phase, activity: Arc::new(Activity::new()) }
    }

    async fn serve(
        mut self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: Peer,
    ) {
        let answering = self.answering(peer);
        let activity = Arc::clone(&answering.activity);
        let service = service_fn(move |request| answering.clone().answer(request));
        let receive = Duration::from_secs_f64(self.limits.receive_seconds);
        let form = self.front.form();
        let builder = builder(form, receive);
        // Where many threads answer, the connection seldom has two short answers to put together.
        let is_alone = Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread;
        let stream = Gathering { stream, is_told: form == Form::Json || !is_alone };
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let idle = Duration::from_secs_f64(self.limits.idle_seconds);
        let mut tick = tokio::time::interval(TICK);
        let mut is_closing = false;
        loop {
            tokio::select! {
                // Broken pipes and malformed heads are the other side's affair.
                _ = connection.as_mut() => break,
                _ = self.phase.wait_for(|phase| *phase == Phase::Closing), if !is_closing => {
                    is_closing = true;
                    connection.as_mut().graceful_shutdown();
                }
                _ = tick.tick() => {
                    let is_idle = activity.idle();
                    if is_idle > idle + receive {
                        break;
                    }
                    if is_idle > idle && !is_closing {
                        is_closing = true;
                        connection.as_mut().graceful_shutdown();
                    }
                }
            }
        }
    }
}

/// What answers the requests of a connection.
#[derive(Clone)]
struct Answering {
    front: Front,
    peer: Peer,
    phase: watch::Receiver<Phase>,
    activity: Arc<Activity>,
}

impl Answering {
    async fn answer(self, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let open = Open::begin(self.activity);
        let version = request.version();
        let mut response = self.front.answer(request, &self.peer).await;
        announce_end(&mut response, version, *self.phase.borrow());
        drop(open);
        Ok(response)
    }
}

/// Tells a client that keeps its connection to take another one for its next request: an idle connection
/// that is closed may meet a request on its way. HTTP/2 has a message of its own for that.
fn announce_end(response: &mut Response<Body>, version: Version, phase: Phase) {
    if version < Version::HTTP_2 && phase != Phase::Open {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

fn builder(form: Form, receive: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(receive).max_buf_size(HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10))
        .max_concurrent_streams(STREAMS)
        .max_frame_size(FRAME);
    if form == Form::Grpc { builder.http2_only() } else { builder }
}
