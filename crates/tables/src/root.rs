//! A data root: the place that holds all tables and plain files of one Foresite installation.

use std::collections::HashSet;
use std::num::NonZero;
use std::sync::Arc;

use delta_kernel_default_engine::executor::tokio::TokioMultiThreadExecutor;
use delta_kernel_default_engine::{DefaultEngine, DefaultEngineBuilder};
use foresite_schema::TableDef;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use tokio::runtime::Runtime;
use url::Url;

use crate::hdfs::HdfsStore;
use crate::recovery::Hiding;
use crate::{Context as _, Error, ErrorKind, Result, Table, memory};

pub(crate) type Engine = DefaultEngine<TokioMultiThreadExecutor>;

/// How many files the log reader opens ahead.
const READ_AHEAD: usize = 32;

/// A data root on `file://` or `hdfs://`.
///
/// All calls block; the futures behind them run on a small runtime of the root's own.
#[derive(Clone)]
pub struct Root {
    inner: Arc<Inner>,
}

struct Inner {
    url: Url,
    place: Place,
    store: Arc<dyn ObjectStore>,
    engine: Arc<Engine>,
    runtime: Runtime,
}

/// Where a root lies, for what an object store has no word for: directories.
pub(crate) enum Place {
    Local,
    Hdfs(HdfsStore),
}

impl Root {
    /// Opens a root by URI (`file:///data`, `hdfs://service/data`) or local path. Nothing is
    /// created or checked yet. On HDFS, `HADOOP_CONF_DIR` says where the service is.
    ///
    /// # Errors
    /// `Usage` for a URI that names no supported store or carries credentials.
    pub fn open(uri: &str) -> Result<Self> {
        let url = parse(uri)?;
        let (place, store): (Place, Arc<dyn ObjectStore>) = match url.scheme() {
            "hdfs" => {
                let store = HdfsStore::open(&url)?;
                (Place::Hdfs(store.clone()), Arc::new(store))
            }
            _ => (Place::Local, Arc::new(LocalFileSystem::new().with_fsync(true))),
        };
        Self::over(url, place, store)
    }

    pub(crate) fn over(url: Url, place: Place, store: Arc<dyn ObjectStore>) -> Result<Self> {
        memory::keep_freed();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("storage")
            .enable_all()
            .build()?;
        let engine = Arc::new(engine_over(&store, &runtime));
        Ok(Self { inner: Arc::new(Inner { url, place, store, engine, runtime }) })
    }

    /// Fails when the root is not there.
    ///
    /// # Errors
    /// `Missing`, with the path.
    pub fn require(&self) -> Result<()> {
        let is_there = match self.place() {
            Place::Local => self.local_path("")?.is_dir(),
            Place::Hdfs(store) => self.wait(store.is_directory(&self.location("")?))?,
        };
        if is_there {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Missing,
            format!("data root {}: no such directory", self.inner.url),
        ))
    }

    /// Creates the root directory where it is missing.
    ///
    /// # Errors
    /// `CannotWrite` where the file system refuses.
    pub fn create(&self) -> Result<()> {
        let created = match self.place() {
            Place::Local => std::fs::create_dir_all(self.local_path("")?).map_err(Error::from),
            Place::Hdfs(store) => self.wait(store.make_directory(&self.location("")?)),
        };
        created.context(|| format!("create data root {}", self.inner.url))
    }

    /// The root's URI, ending in `/`.
    pub fn url(&self) -> &Url {
        &self.inner.url
    }

    /// Opens a table, creating it when there is none, adding the columns that it lacks and letting
    /// those be null that `def` lets be null.
    ///
    /// # Errors
    /// `BadData` when a column has another type than `def` says; storage errors.
    pub fn table(&self, def: TableDef) -> Result<Table> {
        Table::open_or_create(self.clone(), def)
    }

    /// Opens a table that must be there.
    ///
    /// # Errors
    /// `Missing` when it is not.
    pub fn existing(&self, def: TableDef) -> Result<Table> {
        let name = def.name.clone();
        self.find(def)?.ok_or_else(|| {
            Error::new(
                ErrorKind::Missing,
                format!("table `{name}` below {}: not there", self.inner.url),
            )
        })
    }

    /// Opens a table if it is there.
    ///
    /// # Errors
    /// Storage errors other than its absence.
    pub fn find(&self, def: TableDef) -> Result<Option<Table>> {
        Table::open(self.clone(), def)
    }

    /// A table of which nothing has been read, for looking at one that may be broken.
    ///
    /// # Errors
    /// `Usage` for a name that is none.
    pub fn unread(&self, def: TableDef) -> Result<Table> {
        Table::at(self.clone(), def)
    }

    /// The local path of a file below the root, for what may only lie on a local disk.
    ///
    /// # Errors
    /// `Usage` when the root is not a local one.
    pub fn local_path(&self, path: &str) -> Result<std::path::PathBuf> {
        let base = self.inner.url.to_file_path().map_err(|()| {
            Error::new(ErrorKind::Usage, format!("{}: not a local data root", self.inner.url))
        })?;
        Ok(if path.is_empty() { base } else { base.join(path) })
    }

    pub(crate) fn place(&self) -> &Place {
        &self.inner.place
    }

    /// The object store below, for programs with readers of their own.
    pub fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.inner.store
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.inner.engine
    }

    /// A reader of logs that does not see some plain files.
    ///
    /// # Errors
    /// `Usage` for a path that is none.
    pub(crate) fn engine_without(&self, hidden: &HashSet<String>) -> Result<Engine> {
        let hidden = hidden.iter().map(|path| self.location(path)).collect::<Result<_>>()?;
        let store: Arc<dyn ObjectStore> = Arc::new(Hiding::new(Arc::clone(self.store()), hidden));
        Ok(engine_over(&store, &self.inner.runtime))
    }

    /// Runs a store call to its end.
    pub(crate) fn block<T>(
        &self,
        call: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T> {
        Ok(self.inner.runtime.block_on(call)?)
    }

    /// Runs any call to its end.
    pub(crate) fn wait<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        self.inner.runtime.block_on(call)
    }

    /// Where a plain file lies in the store. Names are taken as they are: `%` and `#` have no
    /// special meaning, as in the paths that [`Root::list`] returns.
    pub(crate) fn location(&self, path: &str) -> Result<Path> {
        let base = Path::from_url_path(self.inner.url.path())
            .map_err(|error| usage(self.inner.url.as_str(), &error.to_string()))?;
        Path::parse(format!("{base}/{}", path.trim_matches('/')).trim_matches('/'))
            .map_err(|error| usage(path, &error.to_string()))
    }
}

impl std::fmt::Debug for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Root").field(&self.inner.url.as_str()).finish()
    }
}

fn engine_over(store: &Arc<dyn ObjectStore>, runtime: &Runtime) -> Engine {
    let executor = TokioMultiThreadExecutor::new(runtime.handle().clone());
    DefaultEngineBuilder::new(Arc::clone(store))
        .with_task_executor(Arc::new(executor))
        .with_buffer_size(NonZero::new(READ_AHEAD).unwrap_or(NonZero::<usize>::MIN))
        .build()
}

fn usage(what: &str, why: &str) -> Error {
    Error::new(ErrorKind::Usage, format!("{what}: {why}"))
}

fn parse(uri: &str) -> Result<Url> {
    // First of all, so that no later error repeats them.
    if has_credentials(uri) {
        return Err(usage(
            "data root",
            "credentials do not belong in the URI; use the store's own configuration",
        ));
    }
    let text = uri.trim_end_matches('/');
    let url = if uri.contains("://") {
        Url::parse(&format!("{text}/")).map_err(|error| usage(uri, &error.to_string()))?
    } else {
        let absolute = std::path::absolute(if text.is_empty() { "/" } else { text })?;
        // `..` and links are followed where the folder is there; otherwise its errors name it.
        let followed = std::fs::canonicalize(&absolute).unwrap_or(absolute);
        Url::from_directory_path(followed).map_err(|()| usage(uri, "not a path"))?
    };
    match url.scheme() {
        "file" | "hdfs" => Ok(url),
        other => Err(usage(
            uri,
            &format!("scheme `{other}` is not supported, expected file:// or hdfs://"),
        )),
    }
}

/// Whether anything stands before an `@` in the authority of a URI.
fn has_credentials(uri: &str) -> bool {
    let authority = uri.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    authority.is_some_and(|authority| authority.contains('@'))
}
