//! The command line that all stages share.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use foresite_tables::Micros;
use jiff::Timestamp;

use crate::environment;
use crate::{ErrorKind, Interval, Result, StageError};

/// Arguments that every stage takes. A flag wins over its environment variable.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Options of every stage")]
pub struct CommonArgs {
    /// JSON configuration of the stage; without it all defaults hold
    #[arg(long, value_name = "FILE", env = environment::CONFIG, hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// URI or local path of the data root
    #[arg(long, value_name = "URI", env = environment::DATA_ROOT, hide_env_values = true)]
    pub data_root: Option<String>,
    /// First instant of the data interval, RFC 3339
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub interval_start: Option<Micros>,
    /// First instant after the data interval, RFC 3339
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub interval_end: Option<Micros>,
    /// The run's clock: nothing known later is used, RFC 3339 [default: end of the interval]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub as_of: Option<Micros>,
    /// Task (what is predicted), for stages that work per task
    #[arg(long, value_name = "NAME")]
    pub task: Option<String>,
    /// Part of the stage to run
    #[arg(long, value_name = "NAME")]
    pub step: Option<String>,
    /// Plan of a fan-out
    #[arg(long, value_name = "ID")]
    pub plan: Option<String>,
    /// This process's part of the plan
    #[arg(long, value_name = "I/N", requires = "plan")]
    pub shard: Option<Shard>,
    /// Name of the run in logs; never part of an identity
    #[arg(long, value_name = "ID")]
    pub run_id: Option<String>,
    /// Recompute even where the result is there already
    #[arg(long)]
    pub force: bool,
    /// Compute again what was published in the interval, with the configuration, clock and model of then,
    /// and compare: nothing is written but the outcome
    #[arg(long, conflicts_with_all = ["force", "plan"])]
    pub rebuild: bool,
    /// Check every input and print what would be done, touching nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print the effective configuration as JSON and stop
    #[arg(long)]
    pub print_config: bool,
    /// Where to write the result JSON [default: the termination message in a pod]
    #[arg(long, value_name = "FILE", env = environment::RESULT, hide_env_values = true)]
    pub result: Option<PathBuf>,
}

impl CommonArgs {
    /// The data interval.
    ///
    /// # Errors
    /// `Usage` when a bound is missing or they are in the wrong order.
    pub fn interval(&self) -> Result<Interval> {
        let (Some(start), Some(end)) = (self.interval_start, self.interval_end) else {
            let message = "the data interval is not given";
            return Err(StageError::new(ErrorKind::Usage, message)
                .hint("pass --interval-start and --interval-end"));
        };
        Interval::new(start, end)
    }

    /// The data interval, for steps that can do without one.
    ///
    /// # Errors
    /// `Usage` when only one bound is given or they are in the wrong order.
    pub fn interval_if_given(&self) -> Result<Option<Interval>> {
        if self.interval_start.is_none() && self.interval_end.is_none() {
            return Ok(None);
        }
        self.interval().map(Some)
    }
}

fn time(text: &str) -> Result<Micros, String> {
    let stamp: Timestamp = text.parse().map_err(|_| {
        format!("`{text}` is no RFC 3339 time, expected for example 2026-01-31T12:00:00Z")
    })?;
    Ok(stamp.as_microsecond())
}

/// One part of a fan-out: number `index` of `count`, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Number of the part.
    pub index: u32,
    /// Number of parts.
    pub count: u32,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text
            .split_once('/')
            .and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        match parts {
            Some((index, count)) if index < count => Ok(Self { index, count }),
            _ => Err(format!("`{text}` is no shard, expected I/N with I from 0 to N-1")),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}
