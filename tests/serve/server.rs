//! A running service, and the data roots that services run on.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use foresite_testkit::binary_path;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::client::{Answer, get};
use crate::toy;

/// Bound of every wait.
const PATIENCE: Duration = Duration::from_secs(30);

/// A root with a champion, made once a run and copied for every test.
static PROMOTED: LazyLock<PathBuf> = LazyLock::new(|| {
    let (root, _) = toy::with_champion();
    let kept =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(concat!(env!("CARGO_CRATE_NAME"), "-toy"));
    drop(std::fs::remove_dir_all(&kept));
    copy_folder(root.path(), &kept);
    kept
});

/// A root of one's own with a champion.
pub(crate) fn copy() -> TempDir {
    let root = TempDir::new().unwrap();
    copy_folder(&PROMOTED, root.path());
    root
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A process of `foresite-serve model`.
pub(crate) struct Server {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    _scratch: TempDir,
}

impl Server {
    /// Starts one for the task `toy` and waits for its sockets. Configuration keys that tests need
    /// quick are quick.
    pub(crate) fn start(data_root: &str, config: &Json, more: &[&str]) -> Self {
        Self::start_with(data_root, config, more, &[])
    }

    /// The same with variables of its own.
    pub(crate) fn start_with(
        data_root: &str,
        config: &Json,
        more: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let scratch = TempDir::new().unwrap();
        let mut full = json!({
            "names": ["toy-service"],
            "poll_seconds": 0.2,
            "cache_after_seconds": 0.3,
            "limits": { "notice_seconds": 0.3 },
        });
        merge(&mut full, config);
        let path = scratch.path().join("serve.json");
        std::fs::write(&path, full.to_string()).unwrap();
        let mut command = Command::new(binary_path("foresite-serve"));
        command
            .args(["model", "--task", "toy", "--data-root", data_root, "--config"])
            .arg(path)
            .args(["--listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0"])
            .args(["--metrics-listen", "127.0.0.1:0"])
            .args(more)
            .env("FORESITE_LOG", "lines")
            .envs(environment.iter().copied())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (stderr, lines) = (child.stderr.take().unwrap(), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
            }
        });
        let server = Self { child, log, _scratch: scratch };
        for protocol in ["rest", "grpc", "metrics"] {
            server.address(protocol);
        }
        server
    }

    /// One that serves the root's champion.
    pub(crate) fn ready(root: &Path, config: &Json, more: &[&str]) -> Self {
        let server = Self::start(root.to_str().unwrap(), config, more);
        server.wait("ready", |server| server.get("/v2/health/ready").status == 200);
        server
    }

    pub(crate) fn address(&self, protocol: &str) -> SocketAddr {
        let word = format!("protocol=\"{protocol}\" address=");
        self.wait(&word, |server| server.line(&word).is_some());
        let line = self.line(&word).unwrap();
        line.split("address=").nth(1).unwrap().trim().parse().unwrap()
    }

    pub(crate) fn rest(&self) -> SocketAddr {
        self.address("rest")
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        get(self.rest(), path)
    }

    pub(crate) fn metrics(&self) -> String {
        get(self.address("metrics"), "/metrics").body
    }

    /// The first line of the log that holds these words.
    pub(crate) fn line(&self, words: &str) -> Option<String> {
        self.log.lock().unwrap().iter().find(|line| line.contains(words)).cloned()
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    #[track_caller]
    pub(crate) fn wait(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !is_so(self) {
            assert!(start.elapsed() < PATIENCE, "waited for {what}; log:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Greatest memory of the process so far.
    pub(crate) fn peak_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    /// Waits for the end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "did not end; log:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn merge(into: &mut Json, from: &Json) {
    match (into, from) {
        (Json::Object(into), Json::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Json::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

/// The folder of the only model of a root.
pub(crate) fn only_model(root: &Path) -> PathBuf {
    let mut folders = std::fs::read_dir(models(root)).unwrap().map(|entry| entry.unwrap().path());
    let folder = folders.next().unwrap();
    assert!(folders.next().is_none(), "more than one model");
    folder
}

/// Where the models of a root lie.
pub(crate) fn models(root: &Path) -> PathBuf {
    root.join("models/toy")
}
