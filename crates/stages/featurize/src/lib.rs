//! The featurize stage: features, profiles and sample sets, each as it could have been known.
//!
//! - step `features`: rows of `features_<task>` for the cutoffs of an interval;
//! - step `profiles`: what an hour of the week usually looks like, as known at the interval's end;
//! - step `samples`: an immutable sample set over a long interval, with labels, masks and slices.
//!
//! Reads `kpis`, `alarms`, `tickets`, `feedback`, `inventory`, `topology_edges` and `profiles` as
//! of the run. What a feature or label is stands in the `features` crate.

mod config;
mod features;
mod inputs;
mod profiles;
mod samples;
mod series;
mod stamp;
mod task;

use foresite_schema::{TableDef, catalog::derived};
use foresite_stage::{Context, NoArgs, Report, Result, Stage};

pub use config::Config;

/// The stage.
#[derive(Debug)]
pub struct Featurize;

impl Stage for Featurize {
    const NAME: &'static str = "featurize";
    const ABOUT: &'static str = "Computes features, profiles and sample sets, point in time";
    const REVISION: &'static str = env!("FORESITE_REVISION");
    const STEPS: &'static [&'static str] = &["features", "profiles", "samples"];
    type Config = Config;
    type Args = NoArgs;

    fn published(step: &str, task: Option<&str>) -> Vec<TableDef> {
        task.filter(|_| step == Self::STEPS[0]).map(derived::features).into_iter().collect()
    }

    fn run(cx: &Context, config: Config, _: NoArgs) -> Result<Report> {
        match cx.step() {
            "profiles" => profiles::run(cx, &config),
            "samples" => samples::run(cx, &config),
            _ => features::run(cx, &config),
        }
    }
}
