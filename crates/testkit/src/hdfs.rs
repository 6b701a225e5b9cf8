//! A running HDFS for tests, and a hand on its daemons.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Program that controls the test cluster, `hdfs-cluster`. Its own `env` sets the variables that
/// clients of the cluster need, `HADOOP_CONF_DIR` and `HDFS_URI` among them.
const PROGRAM: &str = "FORESITE_TEST_HDFS";
const URI: &str = "HDFS_URI";

/// Tests that disturb the cluster wait until no other test uses it, and hold up the others.
static USERS: RwLock<()> = RwLock::new(());

/// The test cluster.
#[derive(Debug)]
pub struct Hdfs {
    program: PathBuf,
    uri: String,
    _user: Turn,
}

#[derive(Debug)]
enum Turn {
    #[expect(dead_code, reason = "held, not read")]
    Shared(RwLockReadGuard<'static, ()>),
    #[expect(dead_code, reason = "held, not read")]
    Alone(RwLockWriteGuard<'static, ()>),
}

impl Hdfs {
    /// The cluster, shared with other tests; `None` after printing why the test is skipped.
    pub fn shared() -> Option<Self> {
        let (program, uri) = found()?;
        let turn = Turn::Shared(USERS.read().unwrap_or_else(PoisonError::into_inner));
        Some(Self { program, uri, _user: turn })
    }

    /// The cluster for one test alone, which may stop its daemons; all run again afterwards.
    pub fn alone() -> Option<Self> {
        let (program, uri) = found()?;
        let turn = Turn::Alone(USERS.write().unwrap_or_else(PoisonError::into_inner));
        Some(Self { program, uri, _user: turn })
    }

    /// `hdfs://host:port`.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// URI of a folder that no other test uses; it is not there yet.
    pub fn folder(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        format!("{}/tmp/test-{}-{number}", self.uri, std::process::id())
    }

    /// Runs the control program, as in `kill-datanode 2` or `dfs -ls /`.
    ///
    /// # Panics
    /// When it does not end well.
    pub fn control(&self, arguments: &str) -> String {
        self.run(Command::new(&self.program).args(arguments.split_whitespace()))
    }

    /// Runs one of Hadoop's tools as the superuser, as in `dfs -chmod 700 /a`.
    ///
    /// # Panics
    /// When it does not end well.
    pub fn superuser(&self, arguments: &str) -> String {
        let mut command = Command::new(&self.program);
        self.run(command.args(arguments.split_whitespace()).env("HADOOP_USER_NAME", "hdfs"))
    }

    fn run(&self, command: &mut Command) -> String {
        let output = command.output().expect("start the control program");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{command:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }
}

fn found() -> Option<(PathBuf, String)> {
    match (std::env::var_os(PROGRAM), std::env::var(URI)) {
        (Some(program), Ok(uri)) => Some((program.into(), uri)),
        _ => {
            println!("SKIPPED: needs a running HDFS, and {PROGRAM} or {URI} is not set");
            None
        }
    }
}
