//! Stage binaries as processes.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context as _, Result};

/// A stage binary with its arguments so far.
#[derive(Debug)]
pub struct Binary {
    command: Command,
    result: PathBuf,
    _scratch: tempfile::TempDir,
}

/// How a run ended.
#[derive(Debug)]
pub struct Run {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The result JSON; null when none was written.
    pub result: serde_json::Value,
}

impl Binary {
    /// The binary `foresite-<stage>` out of `FORESITE_BIN_DIR`, or else beside the test executable.
    ///
    /// # Panics
    /// When there is no such binary: `cargo build --workspace` makes it.
    pub fn stage(stage: &str) -> Self {
        let path = binary_path(&format!("foresite-{stage}"));
        let scratch = tempfile::tempdir().expect("a temporary folder");
        let result = scratch.path().join("result.json");
        let mut command = Command::new(path);
        command
            .env_remove("FORESITE_CONFIG")
            .env_remove("FORESITE_DATA_ROOT")
            .env_remove("KUBERNETES_SERVICE_HOST");
        command
            .env("FORESITE_LOG", "lines")
            .env("FORESITE_RESULT", &result)
            .env("RUST_BACKTRACE", "0");
        Self { command, result, _scratch: scratch }
    }

    /// Adds `--data-root`.
    #[must_use]
    pub fn root(self, root: &Path) -> Self {
        self.arg("--data-root").arg(root)
    }

    /// Adds the data interval and, as the run's clock, its end.
    #[must_use]
    pub fn interval(self, start: &str, end: &str) -> Self {
        self.arg("--interval-start").arg(start).arg("--interval-end").arg(end)
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments separated by blanks.
    #[must_use]
    pub fn args(mut self, arguments: &str) -> Self {
        self.command.args(arguments.split_whitespace());
        self
    }

    /// Writes a configuration and passes it.
    ///
    /// # Panics
    /// When the temporary file cannot be written.
    #[must_use]
    pub fn config(self, json: &serde_json::Value) -> Self {
        let path = self.result.with_file_name("config.json");
        std::fs::write(&path, json.to_string()).expect("write the configuration");
        self.arg("--config").arg(path)
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs to the end.
    ///
    /// # Panics
    /// When the process cannot be started.
    pub fn run(mut self) -> Run {
        let output = self.command.output().expect("start the stage");
        self.ended(&output).expect("read the result")
    }

    /// Runs and asserts the exit code, showing the log otherwise.
    ///
    /// # Panics
    /// When the code is another one.
    #[track_caller]
    pub fn exits(self, code: i32) -> Run {
        let run = self.run();
        assert_eq!(run.code, Some(code), "stderr:\n{}", run.stderr);
        run
    }

    /// Starts without waiting, for tests that interrupt a stage.
    ///
    /// # Panics
    /// When the process cannot be started.
    pub fn start(mut self) -> (Child, Self) {
        let child = self
            .command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start the stage");
        (child, self)
    }

    /// Collects what a started stage left.
    ///
    /// # Errors
    /// When the result is not JSON.
    pub fn ended(&self, output: &Output) -> Result<Run> {
        let result = match std::fs::read(&self.result) {
            Ok(bytes) => serde_json::from_slice(&bytes).context("the result is not JSON")?,
            Err(_) => serde_json::Value::Null,
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Run {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
            result,
        })
    }
}

impl Run {
    /// The `status` of the result.
    pub fn status(&self) -> &str {
        self.result["status"].as_str().unwrap_or_default()
    }

    /// A key number of the result.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.result["numbers"][name].as_f64()
    }

    /// The first `ERROR` line of the log.
    pub fn error_line(&self) -> &str {
        self.stderr.lines().find(|line| line.starts_with("ERROR")).unwrap_or_default()
    }
}

/// The path of a binary of the workspace.
///
/// # Panics
/// When there is no such binary: `cargo build --workspace` makes it.
pub fn binary_path(name: &str) -> PathBuf {
    let path = folder().join(name);
    assert!(
        path.is_file(),
        "{}: not built, run `cargo build --workspace --locked`",
        path.display()
    );
    path
}

fn folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("FORESITE_BIN_DIR") {
        return folder.into();
    }
    let test = std::env::current_exe().expect("the test executable has a path");
    // target/<profile>/deps/<test>
    test.ancestors().nth(2).expect("the test executable lies in target/<profile>/deps").to_owned()
}
