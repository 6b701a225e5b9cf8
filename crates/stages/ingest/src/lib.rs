//! The ingest stage: files of the landing folder into raw tables, each once.
//!
//! `plan` freezes the files that landed by the as-of and that the ledger does not hold yet;
//! `shard` reads its part of them and stages rows that nobody sees; `commit` checks that nothing got
//! lost and publishes all tables, the ledger last. `all` does the three in one process. What cannot
//! be read goes to `quarantine` with its reason; what should have come and did not is `missing` in
//! the ledger; the hours that changed, fell silent or got a cell late are `stale` for the stages that
//! follow.
//!
//! Memory is bounded by `batch_values` and a few files per thread, not by the number of files.

mod candidates;
mod commit;
mod config;
mod copies;
mod feeds;
mod landing;
mod ledger;
mod local_events;
mod mapped;
mod marks;
mod measured;
mod missing;
mod names;
mod outcome;
mod plan;
mod preview;
mod records;
mod reopen;
mod shard;
mod staging;
mod stale;
mod suppressions;
mod walk;

use std::path::{Path, PathBuf};

pub use config::{Config, MappingEntry, PmFeed, Pseudonyms, Schedule};

use foresite_stage::{Context, ErrorKind, Report, Result, Shard, Stage, StageError, environment};

use feeds::Feeds;
use landing::Landing;
use plan::IngestPlan;

/// The stage.
pub struct Ingest;

/// Arguments besides the common ones.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Args {
    /// Folder of the keys of pseudonyms, where the configuration asks for these
    #[arg(long, value_name = "DIR", env = environment::PSEUDONYM_KEYS, hide_env_values = true)]
    pub pseudonym_keys: Option<PathBuf>,
}

/// Where a run takes files and keys from.
type Sources<'a> = (&'a Feeds, &'a Landing, Option<&'a Path>);

impl Stage for Ingest {
    const NAME: &'static str = "ingest";
    const ABOUT: &'static str = "Takes the files of the landing folder into the raw tables";
    const REVISION: &'static str = env!("FORESITE_REVISION");
    const STEPS: &'static [&'static str] = &["all", "plan", "shard", "commit"];
    type Config = Config;
    type Args = Args;

    fn run(cx: &Context, config: Config, args: Args) -> Result<Report> {
        let feeds = Feeds::load(&config, cx.args().config.as_deref())?;
        let landing = Landing::open(cx, &config)?;
        let keys = args.pseudonym_keys.as_deref();
        match cx.step() {
            "plan" => plan_step(cx, &config, &feeds, &landing),
            "shard" => shard_step(cx, &config, (&feeds, &landing, keys)),
            "commit" => commit::commit(cx, &config, &feeds, &named_plan(cx, &feeds)?),
            _ => all_steps(cx, &config, (&feeds, &landing, keys)),
        }
    }
}

fn plan_step(cx: &Context, config: &Config, feeds: &Feeds, landing: &Landing) -> Result<Report> {
    let plan = plan::make(cx, config, feeds, landing)?;
    let mut report = cx.report();
    plan::describe(&plan, &mut report);
    if cx.is_dry_run() {
        preview::preview(cx, feeds, landing, &plan, &mut report)?;
    }
    Ok(report)
}

fn shard_step(cx: &Context, config: &Config, sources: Sources<'_>) -> Result<Report> {
    let plan = named_plan(cx, sources.0)?;
    let shard = cx.args().shard.unwrap_or(Shard { index: 0, count: plan.shards });
    shard::take(cx, config, sources, &plan, shard)
}

fn all_steps(cx: &Context, config: &Config, sources: Sources<'_>) -> Result<Report> {
    let (feeds, landing, _) = sources;
    if cx.is_dry_run() {
        return plan_step(cx, config, feeds, landing);
    }
    let plan = plan::make(cx, config, feeds, landing)?;
    if cx.is_forced() || !commit::is_published(cx, &plan)? {
        for index in 0..plan.shards {
            let shard = Shard { index, count: plan.shards };
            shard::take(cx, config, sources, &plan, shard)?;
        }
    }
    commit::commit(cx, config, feeds, &plan)
}

/// The plan that `--plan` names.
fn named_plan(cx: &Context, feeds: &Feeds) -> Result<IngestPlan> {
    let id = cx.args().plan.as_deref().ok_or_else(|| {
        StageError::new(ErrorKind::Usage, "no plan is given")
            .hint("pass --plan with the id that --step plan gave out")
    })?;
    plan::load(cx, feeds, id)
}
