//! The plan: which files a run takes, frozen before the first of them is read.

use std::collections::HashMap;

use foresite_stage::{Context, ErrorKind, Interval, Lineage, Plan, Report, Result, StageError};
use foresite_tables::{FileEntry, Micros, sha256_hex};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::config::Config;
use crate::feeds::{Claim, Feeds};
use crate::landing::Landing;
use crate::ledger::Known;

/// Hexadecimal digits of the ids.
const ID_DIGITS: usize = 32;

/// Files that are hashed between two looks at the stop signal.
const FILES_AT_ONCE: usize = 256;

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
    /// The path under which the same bytes were or are taken.
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

impl Content {
    pub(crate) fn interval(&self) -> Interval {
        Interval { start: self.start, end: self.end }
    }

    pub(crate) fn lineage(&self) -> Lineage {
        Lineage { id: self.lineage_id.clone(), document: self.lineage.clone() }
    }

    /// The files that a shard reads: a run of neighbours, so that it touches few days.
    pub(crate) fn part(&self, index: u32, count: u32) -> Vec<&PlannedFile> {
        let files: Vec<_> = self.files.iter().filter(|file| file.duplicate_of.is_none()).collect();
        let edge = |index: u32| files.len() * index as usize / count.max(1) as usize;
        files[edge(index)..edge(index + 1)].to_vec()
    }

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
        return load(cx, &id);
    }
    let content = content(cx, config, (feeds, landing), (interval, about))?;
    let plan =
        Plan { shards: shards(config, &content), revision: cx.revision().into(), id, content };
    if cx.is_dry_run() { Ok(plan) } else { plan.freeze(cx.root()) }
}

/// Reads a frozen plan of this code's revision.
pub(crate) fn load(cx: &Context, id: &str) -> Result<IngestPlan> {
    let plan = IngestPlan::load(cx.root(), id)?;
    if plan.revision == cx.revision() {
        return Ok(plan);
    }
    let (made, now) = (&plan.revision, cx.revision());
    let message = format!("plan {id}: made by revision {made}, this is {now}");
    Err(StageError::new(ErrorKind::BadData, message).hint("make a new plan"))
}

fn content(
    cx: &Context,
    config: &Config,
    (feeds, landing): (&Feeds, &Landing),
    (interval, mut about): (Interval, serde_json::Value),
) -> Result<Content> {
    let known = Known::load(cx.root(), config.retry_quarantined)?;
    let landed = landing.list()?;
    let sizes: HashMap<&str, u64> =
        landed.files.iter().map(|file| (file.path.as_str(), file.size)).collect();
    let claims: Vec<(&FileEntry, Option<Claim<'_>>)> =
        landed.files.iter().map(|file| (file, feeds.claim(&file.path))).collect();
    let unclaimed = unclaimed(&claims);
    let wanted: Vec<_> = claims
        .into_iter()
        .filter_map(|(file, claim)| Some((file, claim?)))
        .filter(|(file, _)| !known.holds_unread(file))
        .collect();
    let progress = cx.progress(wanted.len() as u64, "files hashed");
    let mut hashed: Vec<Option<PlannedFile>> = Vec::with_capacity(wanted.len());
    for group in wanted.chunks(FILES_AT_ONCE) {
        cx.check_stop()?;
        let group: Vec<_> = group
            .par_iter()
            .map(|(file, claim)| planned(cx, config, landing, file, (claim, &sizes)))
            .collect::<Result<_>>()?;
        progress.add(group.len() as u64);
        hashed.extend(group);
    }
    let waiting = landed.waiting + hashed.iter().filter(|file| file.is_none()).count() as u64;
    let mut files: Vec<PlannedFile> = hashed.into_iter().flatten().collect();
    files.retain(|file| !known.holds(&file.path, &file.sha256));
    mark_duplicates(&mut files, &known);
    about["files"] = files
        .iter()
        .flat_map(|file| std::iter::once(&file.sha256).chain(file.joined.iter().map(|j| &j.sha256)))
        .cloned()
        .collect();
    Ok(Content {
        start: interval.start,
        end: interval.end,
        as_of: cx.as_of(),
        files,
        waiting,
        unclaimed,
        lineage_id: short_hash(&about),
        lineage: about,
    })
}

/// A file with its hash; `None` when it changed under our eyes or what it is joined with is not
/// there yet.
fn planned(
    cx: &Context,
    config: &Config,
    landing: &Landing,
    file: &FileEntry,
    (claim, sizes): (&Claim<'_>, &HashMap<&str, u64>),
) -> Result<Option<PlannedFile>> {
    let Some(bytes) = landing.read(&file.path, file.size)? else {
        return Ok(None);
    };
    let mut joined = Vec::new();
    for path in claim.joined() {
        let Some(size) = sizes.get(path.as_str()).copied() else {
            tracing::warn!(path = file.path, joined = path, "waits for a joined file");
            return Ok(None);
        };
        let Some(bytes) = landing.read(path, size)? else {
            return Ok(None);
        };
        joined.push(JoinedFile { path: path.clone(), size, sha256: sha256_hex(&bytes) });
    }
    let first_run = config.schedule.map(|schedule| schedule.first_run(file.modified));
    Ok(Some(PlannedFile {
        path: file.path.clone(),
        size: file.size,
        sha256: sha256_hex(&bytes),
        landed_at: file.modified,
        known_at: first_run.map_or(cx.as_of(), |run| run.min(cx.as_of())),
        duplicate_of: None,
        joined,
    }))
}

/// Files that nobody takes, those left out that others are joined with.
fn unclaimed(claims: &[(&FileEntry, Option<Claim<'_>>)]) -> u64 {
    let joined: std::collections::HashSet<&str> = claims
        .iter()
        .filter_map(|(_, claim)| claim.as_ref())
        .flat_map(|claim| claim.joined().iter().map(String::as_str))
        .collect();
    let nobodys = claims.iter().filter(|(_, claim)| claim.is_none()).map(|(file, _)| &file.path);
    let mut nobodys = nobodys.filter(|path| !joined.contains(path.as_str())).peekable();
    let example = nobodys.peek().map(|path| path.to_string());
    let count = nobodys.count() as u64;
    if let Some(example) = example {
        tracing::warn!(files = count, example, "no feed and no mapping takes these files");
    }
    count
}

/// The first arrival of some bytes is taken, any later one is a duplicate of it.
fn mark_duplicates(files: &mut [PlannedFile], known: &Known) {
    let mut first: HashMap<String, String> = HashMap::new();
    for file in files {
        let earlier = known.path_of(&file.sha256).or(first.get(&file.sha256).map(String::as_str));
        file.duplicate_of = earlier.map(str::to_owned);
        first.entry(file.sha256.clone()).or_insert_with(|| file.path.clone());
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
