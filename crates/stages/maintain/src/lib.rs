//! The maintain stage: what keeps tables fast, small and trustworthy.
//!
//! `checkpoint` spares readers the replay of long logs, `compact` makes one file of many small
//! ones, `retention` and `vacuum` remove what nobody may or can ask for any more, `history`,
//! `verify`, `orphans`, `why`, `audit` and `verify-audit` only look; `seal-audit` writes down what an
//! audit rests on; `erase` destroys the key of an epoch of pseudonyms, when a person asks for it. What
//! else deletes does so only with `"delete": true`; without it the same run says what it would delete.

mod audit;
mod checkpoint;
mod compact;
mod config;
mod erase;
mod history;
mod holds;
mod logins;
mod plans;
mod retention;
mod tables;
mod vacuum;
mod verify;
mod why;

use std::path::PathBuf;

use foresite_pseudonyms::Epoch;
use foresite_stage::{Context, ErrorContext as _, Report, Result, Stage, environment};
use foresite_tables::Micros;

pub use config::{CompactionConfig, Config};
pub use holds::Hold;

/// The stage.
#[derive(Debug)]
pub struct Maintain;

/// Arguments besides the common ones.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Args {
    /// For the step why: the prediction whose origin is printed
    #[arg(long, value_name = "ID")]
    pub prediction: Option<String>,
    /// For the steps why and audit: everything, as JSON
    #[arg(long)]
    pub json: bool,
    /// For the step erase: first day of the epoch, as `pseudonyms/` of the data root names it
    #[arg(long, value_name = "DAY")]
    pub epoch: Option<Epoch>,
    /// For the step erase: who asks for it
    #[arg(long, value_name = "NAME")]
    pub person: Option<String>,
    /// For the step erase: why
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// For the step erase: folder of the keys of pseudonyms
    #[arg(long, value_name = "DIR", env = environment::PSEUDONYM_KEYS, hide_env_values = true)]
    pub pseudonym_keys: Option<PathBuf>,
}

const HOUR: Micros = 3_600_000_000;
const DAY: Micros = 24 * HOUR;

impl Stage for Maintain {
    const NAME: &'static str = "maintain";
    const ABOUT: &'static str =
        "Checkpoints, compacts, verifies and cleans tables; deletes only where told to";
    const REVISION: &'static str = env!("FORESITE_REVISION");
    const STEPS: &'static [&'static str] = &[
        "all",
        "history",
        "checkpoint",
        "compact",
        "vacuum",
        "retention",
        "verify",
        "orphans",
        "why",
        "audit",
        "seal-audit",
        "verify-audit",
        "erase",
    ];
    type Config = Config;
    type Args = Args;

    fn run(cx: &Context, config: Config, args: Args) -> Result<Report> {
        config.check(cx.is_forced())?;
        let mut report = cx.report();
        match cx.step() {
            "history" => history::run(cx, &config, &mut report)?,
            "checkpoint" => checkpoint::run(cx, &config, &mut report)?,
            "compact" => compact::run(cx, &config, &mut report)?,
            "vacuum" => vacuum::run(cx, &config, &mut report)?,
            "retention" => retention::run(cx, &config, &mut report)?,
            "verify" => verify::run(cx, &config, &mut report)?,
            "orphans" => vacuum::orphans(cx, &config, &mut report)?,
            "why" => why::run(cx, &args, &mut report)?,
            "audit" => audit::run(cx, &config, &args, &mut report)?,
            "seal-audit" => audit::seal::seal(cx, &mut report)?,
            "verify-audit" => audit::seal::verify(cx, &config, &mut report)?,
            "erase" => erase::run(cx, &config, &args, &mut report)?,
            _ => nightly(cx, &config, &mut report)?,
        }
        Ok(report)
    }
}

/// All that changes something, in the order in which each makes the next one's work smaller; sealed
/// is before retention takes anything.
fn nightly(cx: &Context, config: &Config, report: &mut Report) -> Result<()> {
    audit::seal::seal(cx, report).context(|| "seal-audit")?;
    compact::run(cx, config, report).context(|| "compact")?;
    retention::run(cx, config, report).context(|| "retention")?;
    checkpoint::run(cx, config, report).context(|| "checkpoint")?;
    vacuum::run(cx, config, report).context(|| "vacuum")
}

/// Whether this run may only say what it would delete.
fn only_counts(cx: &Context, config: &Config) -> bool {
    cx.is_dry_run() || !config.delete
}

/// The newest time by the store's clock that has to stay readable.
fn history_start(now: Micros, config: &Config) -> Micros {
    now.saturating_sub(Micros::from(config.history_days).saturating_mul(DAY))
}
