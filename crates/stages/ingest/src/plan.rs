//! The plan: which files a run takes, frozen before the first of them is read.

use foresite_feedback::{Predictions, Versions};
use foresite_schema::catalog::raw;
use foresite_stage::{Context, ErrorKind, Interval, Lineage, Plan, Report, Result, StageError};
use foresite_tables::{Micros, sha256_hex};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::candidates::{self, Candidates};
use crate::config::Config;
use crate::feeds::Feeds;
use crate::landing::Landing;

/// Hexadecimal digits of the ids.
const ID_DIGITS: usize = 32;
/// Field of the lineage with the versions of the tables of predictions, by task.
const CHECKED_AGAINST: &str = "checked_against";

/// A frozen plan of this stage.
pub(crate) type IngestPlan = Plan<Content>;

/// What a plan holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Content {
    /// The data interval: it only decides which expected periods are missing.
    pub(crate) start: Micros,
    pub(crate) end: Micros,
    /// The run's clock.
    pub(crate) as_of: Micros,
    /// The files, in the order of their arrival.
    pub(crate) files: Vec<PlannedFile>,
    /// Files that are still growing or landed later.
    pub(crate) waiting: u64,
    /// Files that nobody takes.
    pub(crate) unclaimed: u64,
    /// Identity of the rows: the plan and the bytes it takes.
    pub(crate) lineage: serde_json::Value,
    pub(crate) lineage_id: String,
}

/// One file of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlannedFile {
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) sha256: String,
    pub(crate) landed_at: Micros,
    /// When its facts count as known.
    pub(crate) known_at: Micros,
    /// The path under which the same bytes were taken, or are read by this plan.
    pub(crate) duplicate_of: Option<String>,
    /// Files that are read together with it.
    pub(crate) joined: Vec<JoinedFile>,
}

/// A file that is read together with another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JoinedFile {
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) sha256: String,
}

impl PlannedFile {
    /// Hashes of all bytes that its rows depend on.
    fn ids(&self) -> impl Iterator<Item = &str> {
        let joined = self.joined.iter().map(|other| other.sha256.as_str());
        std::iter::once(self.sha256.as_str()).chain(joined)
    }
}

impl Content {
    pub(crate) fn interval(&self) -> Interval {
        Interval { start: self.start, end: self.end }
    }

    pub(crate) fn lineage(&self) -> Lineage {
        Lineage { id: self.lineage_id.clone(), document: self.lineage.clone() }
    }

    /// The versions of the predictions that marks are checked against; `None` where the plan has no
    /// marks, or the tables could not be read.
    pub(crate) fn checked_against(&self) -> Option<Versions> {
        serde_json::from_value(self.lineage.get(CHECKED_AGAINST)?.clone()).ok()
    }

    /// The files that a shard reads: a run of neighbours, so that it touches few days.
    pub(crate) fn part(&self, index: u32, count: u32) -> Vec<&PlannedFile> {
        let files: Vec<_> = self.files.iter().filter(|file| file.duplicate_of.is_none()).collect();
        let edge = |index: u32| files.len() * index as usize / count.max(1) as usize;
        files[edge(index)..edge(index + 1)].to_vec()
    }

    /// Copies of what was taken before, or of what the plan reads under another path.
    pub(crate) fn duplicates(&self) -> impl Iterator<Item = &PlannedFile> {
        self.files.iter().filter(|file| file.duplicate_of.is_some())
    }
}

/// Makes the plan of this configuration, interval and as-of, or finds the one that is frozen.
pub(crate) fn make(
    cx: &Context,
    config: &Config,
    feeds: &Feeds,
    landing: &Landing,
) -> Result<IngestPlan> {
    let interval = cx.interval()?;
    let about = json!({
        "stage": "ingest",
        "revision": cx.revision(),
        "configuration": cx.config_json(),
        "mappings": feeds.mapping_ids,
        "interval": [interval.start, interval.end],
        "as_of": cx.as_of(),
    });
    let id = short_hash(&about);
    if cx.root().exists(&format!("plans/{id}.json"))? {
        return load(cx, feeds, &id);
    }
    let candidates = candidates::find(cx, config, feeds, landing)?;
    let about = with_versions(cx, feeds, &candidates, about)?;
    let content = content(cx, candidates, interval, about);
    let plan =
        Plan { shards: shards(config, &content), revision: cx.revision().into(), id, content };
    if cx.is_dry_run() { Ok(plan) } else { plan.freeze(cx.root()) }
}

/// Reads a frozen plan, which only the code and configuration that made it may carry out.
pub(crate) fn load(cx: &Context, feeds: &Feeds, id: &str) -> Result<IngestPlan> {
    let plan = IngestPlan::load(cx.root(), id)?;
    let about = &plan.content.lineage;
    let mismatch = if plan.revision != cx.revision() {
        format!("made by revision {}, this is {}", plan.revision, cx.revision())
    } else if about["configuration"] != *cx.config_json()
        || about["mappings"] != json!(feeds.mapping_ids)
    {
        "made with another configuration".into()
    } else {
        return Ok(plan);
    };
    let error = StageError::new(ErrorKind::BadData, format!("plan {id}: {mismatch}"));
    Err(error.hint("make a new plan, or run its other steps as the first one"))
}

/// What marks are checked against is an input of theirs as well.
fn with_versions(
    cx: &Context,
    feeds: &Feeds,
    candidates: &Candidates,
    mut about: serde_json::Value,
) -> Result<serde_json::Value> {
    let is_marks = |file: &PlannedFile| {
        feeds.claim(&file.path).is_some_and(|claim| claim.kind() == raw::feedback().name)
    };
    if !candidates.files.iter().any(is_marks) {
        return Ok(about);
    }
    match Predictions::versions(cx.root()).map_err(StageError::from) {
        Ok(versions) => about[CHECKED_AGAINST] = json!(versions),
        Err(error) if error.kind() == ErrorKind::Transient => return Err(error),
        // The marks wait then, and the other files do not.
        Err(error) => tracing::warn!(%error, "marks cannot be checked"),
    }
    Ok(about)
}

fn content(
    cx: &Context,
    candidates: Candidates,
    interval: Interval,
    mut about: serde_json::Value,
) -> Content {
    let Candidates { files, waiting, unclaimed } = candidates;
    about["files"] = files.iter().flat_map(PlannedFile::ids).collect();
    Content {
        start: interval.start,
        end: interval.end,
        as_of: cx.as_of(),
        files,
        waiting,
        unclaimed,
        lineage_id: short_hash(&about),
        lineage: about,
    }
}

fn shards(config: &Config, content: &Content) -> u32 {
    let sizes = content.part(0, 1).iter().map(|file| file.size).collect::<Vec<_>>();
    if sizes.is_empty() {
        return 0;
    }
    let each = u64::from(config.shard_mib.max(1)) << 20;
    let wanted = sizes.iter().sum::<u64>().div_ceil(each).max(1);
    let most = u64::from(config.max_shards.max(1)).min(sizes.len() as u64);
    u32::try_from(wanted.min(most)).unwrap_or(u32::MAX)
}

fn short_hash(document: &serde_json::Value) -> String {
    let mut id = sha256_hex(document.to_string().as_bytes());
    id.truncate(ID_DIGITS);
    id
}

/// Key numbers of a plan.
pub(crate) fn describe(plan: &IngestPlan, report: &mut Report) {
    let files = &plan.content.files;
    report.number("plan_id", plan.id.as_str());
    report.number("shards", plan.shards);
    report.number("files", files.len());
    report.number("bytes", files.iter().map(|file| file.size).sum::<u64>());
    report.number("waiting", plan.content.waiting);
    report.number("unclaimed", plan.content.unclaimed);
}
