//! Runs stage binaries one after the other on a data root of their own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// The clock of ingest: the files of the past that a set describes landed only lately, and when
/// their rows could be known is said by the mapping.
const ALL_HAS_LANDED: &str = "2100-01-01T00:00:00Z";

/// The data root of a set and how its stages are called.
pub(crate) struct Chain {
    /// The data root.
    pub(crate) root: PathBuf,
    binaries: PathBuf,
    task: String,
    interval: [String; 2],
    as_of: String,
}

impl Chain {
    /// An empty data root for `task`.
    pub(crate) fn new(
        workspace: &Path,
        task: &str,
        (interval, as_of): (&[String; 2], &str),
    ) -> Result<Self> {
        let root = workspace.join(".foresite/public").join(task);
        if root.exists() {
            std::fs::remove_dir_all(&root).with_context(|| root.display().to_string())?;
        }
        std::fs::create_dir_all(root.join("configs"))?;
        let binaries = crate::documents::binaries(workspace);
        let (task, interval, as_of) = (task.to_owned(), interval.clone(), as_of.to_owned());
        Ok(Self { root, binaries, task, interval, as_of })
    }

    /// Runs a stage to its end; its log goes to `logs/<stage>.log` below the data root.
    pub(crate) fn run(&self, stage: &str, step: Option<&str>, config: &Value) -> Result<()> {
        let clock = Instant::now();
        let config_file = self.root.join("configs").join(format!("{stage}.json"));
        std::fs::write(&config_file, serde_json::to_vec_pretty(config)?)?;
        let mut command = Command::new(self.binaries.join(format!("foresite-{stage}")));
        command.arg("--config").arg(&config_file).arg("--data-root").arg(&self.root);
        let [start, end] = &self.interval;
        command.args(["--interval-start", start, "--interval-end", end, "--task", &self.task]);
        let as_of = if stage == "ingest" { ALL_HAS_LANDED } else { &self.as_of };
        command.args(["--as-of", as_of]);
        if let Some(step) = step {
            command.args(["--step", step]);
        }
        command.env("FORESITE_LOG", "lines").env_remove("FORESITE_CONFIG");
        let output = command.output().with_context(|| {
            format!("foresite-{stage}: run `cargo build --workspace --locked` first")
        })?;
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        std::fs::create_dir_all(self.root.join("logs"))?;
        std::fs::write(self.root.join("logs").join(format!("{stage}.log")), &log)?;
        if !output.status.success() {
            let last = log.lines().rev().find(|line| line.contains("ERROR")).unwrap_or_default();
            bail!("foresite-{stage} ended with {}: {}", output.status, last.trim());
        }
        println!("  {}: {stage} took {:.1} s", self.task, clock.elapsed().as_secs_f64());
        Ok(())
    }
}
