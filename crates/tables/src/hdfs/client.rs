//! One client per name service and process, with deadlines and repetition where it is safe.
//!
//! `hdfs-native` waits for an answer for ever, and its calls wait for fair locks of one another: a
//! call that nobody polls holds up all others. So every call runs as a task of a runtime of its own
//! that always polls, under a deadline; after a missed deadline the connection is made anew.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hdfs_native::client::FileStatus;
use hdfs_native::{Client, ClientBuilder};
use tokio::runtime::{Handle, Runtime};
use url::Url;

use super::failure::{Effect, Failure, Result};
use crate::ErrorKind;

/// How long a metadata call of the NameNode may take.
pub(super) const METADATA_DEADLINE: Duration = Duration::from_secs(30);
/// How long a transfer may stand still. Above the 60 s after which a DataNode is given up that
/// hangs in a pipeline, so that the pipeline is mended rather than the transfer ended.
pub(super) const IDLE_LIMIT: Duration = Duration::from_secs(90);
/// How long passing faults are waited out inside one call: longer than a failover takes, shorter
/// than a scheduler waits between its tries.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Rounds over the NameNodes of a service before `hdfs-native` gives up; the waiting is done here,
/// where its reason is still known.
const FAILOVER_ATTEMPTS: &str = "4";

static RUNTIME: LazyLock<std::io::Result<Runtime>> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("hdfs")
        .enable_all()
        .build()
});

static CONNECTIONS: LazyLock<Mutex<HashMap<String, Arc<Connection>>>> =
    LazyLock::new(Mutex::default);

/// The client of a name service.
pub(super) struct Connection {
    /// `hdfs://name`, for messages.
    service: String,
    runtime: Handle,
    current: Mutex<Current>,
}

struct Current {
    client: Client,
    generation: u64,
}

impl Connection {
    /// The connection to the service of a URL; a process has one of each.
    pub(super) fn to(url: &Url) -> Result<Arc<Self>> {
        let service = url[..url::Position::BeforePath].to_owned();
        let mut connections = CONNECTIONS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = connections.get(&service) {
            return Ok(Arc::clone(connection));
        }
        let runtime = RUNTIME.as_ref().map_err(|error| {
            let message = format!("start the threads of the hdfs client: {error}");
            Failure::new(ErrorKind::Transient, Effect::Refused, message)
        })?;
        let handle = runtime.handle().clone();
        let client = build(&service, handle.clone(), false)
            .map_err(|failure| failure.during(&service, "connect to", ""))?;
        let current = Mutex::new(Current { client, generation: 0 });
        let connection = Arc::new(Self { service: service.clone(), runtime: handle, current });
        connections.insert(service, Arc::clone(&connection));
        Ok(connection)
    }

    /// `hdfs://name`.
    pub(super) fn service(&self) -> &str {
        &self.service
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Runs work as a task that is always polled, whoever waits for it.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        self.runtime.spawn(work).await.unwrap_or_else(|error| {
            let message = format!("{}: the hdfs client failed: {error}", self.service);
            Err(Failure::new(ErrorKind::Transient, Effect::Unknown, message))
        })
    }

    /// One metadata call under the deadline.
    pub(super) async fn attempt<T, C>(
        &self,
        step: &Step<'_>,
        call: impl FnOnce(Client) -> C,
    ) -> Result<T>
    where
        C: Future<Output = hdfs_native::Result<T>>,
    {
        self.within(METADATA_DEADLINE, step, call).await
    }

    /// One step of a transfer under a limit.
    pub(super) async fn within<T, C>(
        &self,
        limit: Duration,
        step: &Step<'_>,
        call: impl FnOnce(Client) -> C,
    ) -> Result<T>
    where
        C: Future<Output = hdfs_native::Result<T>>,
    {
        let (client, generation) = self.client();
        let failure = match tokio::time::timeout(limit, call(client)).await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(error)) => {
                // A ticket that ran out stays in a client that once had it.
                if matches!(error, hdfs_native::HdfsError::GSSAPIError(..)) {
                    self.renew(generation);
                }
                Failure::from(error)
            }
            Err(_) => {
                self.renew(generation);
                Failure::timed_out(limit.as_secs())
            }
        };
        Err(failure.during(&self.service, step.operation, step.path))
    }

    /// A call that is the same twice, repeated over passing faults.
    pub(super) async fn repeat<T, C>(
        &self,
        step: &Step<'_>,
        call: impl Fn(Client) -> C,
    ) -> Result<T>
    where
        C: Future<Output = hdfs_native::Result<T>>,
    {
        let mut patience = Patience::new();
        loop {
            match self.attempt(step, &call).await {
                Err(failure) if failure.effect != Effect::Refused => {
                    patience.wait_or(failure).await?;
                }
                settled => return settled,
            }
        }
    }

    /// What stands at a path, if anything does.
    pub(super) async fn status(&self, path: &str) -> Result<Option<FileStatus>> {
        let step = Step { operation: "look for", path };
        let found =
            self.repeat(&step, |client| async move { client.get_file_info(path).await }).await;
        match found {
            Ok(status) => Ok(Some(status)),
            Err(failure) if failure.is_missing() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Deletes a file, or a directory with all in it; `false` when nothing was there.
    pub(super) async fn delete(&self, path: &str) -> Result<bool> {
        let step = Step { operation: "delete", path };
        self.repeat(&step, |client| async move { client.delete(path, true).await }).await
    }

    fn client(&self) -> (Client, u64) {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        (current.client.clone(), current.generation)
    }

    /// Connects anew, unless another call has done so since `generation`. In random order, so that
    /// a NameNode that hangs is not asked first again.
    fn renew(&self, generation: u64) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.generation != generation {
            return;
        }
        match build(&self.service, self.runtime.clone(), true) {
            Ok(client) => *current = Current { client, generation: generation + 1 },
            Err(error) => tracing::warn!(service = self.service, %error, "cannot connect anew"),
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Connection").field(&self.service).finish()
    }
}

/// What a call is about, for its message.
pub(super) struct Step<'a> {
    pub(super) operation: &'static str,
    pub(super) path: &'a str,
}

/// Growing pauses between tries, until patience ends.
pub(super) struct Patience {
    since: Instant,
    tries: u32,
    least_tries: u32,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), tries: 0, least_tries: 0 }
    }

    /// Patience with a transfer: one that stood still for long is done again all the same.
    pub(super) fn with_transfers() -> Self {
        Self { least_tries: 3, ..Self::new() }
    }

    /// Pauses, or gives `failure` back when it took too long already.
    pub(super) async fn wait_or(&mut self, failure: Failure) -> Result<()> {
        let pause = self.pause();
        if self.since.elapsed() + pause > PATIENCE && self.tries >= self.least_tries {
            return Err(failure);
        }
        tracing::debug!(%failure, tries = self.tries, "trying again");
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// 0.1 s doubling to 3.2 s, and up to as much again by chance.
    fn pause(&mut self) -> Duration {
        let base = 100 << self.tries.min(5);
        self.tries += 1;
        Duration::from_millis(base + uuid::Uuid::new_v4().as_u128() as u64 % base)
    }
}

fn build(service: &str, runtime: Handle, in_random_order: bool) -> Result<Client> {
    let name = service.trim_start_matches("hdfs://");
    let config = [
        ("dfs.client.failover.max.attempts".to_owned(), FAILOVER_ATTEMPTS.to_owned()),
        (format!("dfs.client.failover.random.order.{name}"), in_random_order.to_string()),
    ];
    let count = if in_random_order { 2 } else { 1 };
    Ok(ClientBuilder::new()
        .with_url(format!("{service}/"))
        .with_config(config.into_iter().take(count))
        .with_io_runtime(runtime)
        .build()?)
}
