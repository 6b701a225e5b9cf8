//! Which files of the landing folder a plan takes: complete, claimed by a feed, and not settled yet.

use std::collections::{HashMap, HashSet};

use foresite_stage::{Context, Result};
use foresite_tables::{FileEntry, Micros};
use rayon::prelude::*;

use crate::config::Config;
use crate::copies::is_read_alike;
use crate::feeds::{Claim, Feeds};
use crate::landing::Landing;
use crate::ledger::{self, KnownBytes};
use crate::plan::{JoinedFile, PlannedFile};

/// Files that are hashed between two looks at the stop signal.
const FILES_AT_ONCE: usize = 256;

/// What the landing folder offers to a plan.
#[derive(Debug)]
pub(crate) struct Candidates {
    /// The files, in the order of their arrival.
    pub(crate) files: Vec<PlannedFile>,
    /// Files that are still growing or landed later.
    pub(crate) waiting: u64,
    /// Files that nobody takes.
    pub(crate) unclaimed: u64,
}

/// Lists the landing folder and hashes what is new in it.
pub(crate) fn find(
    cx: &Context,
    config: &Config,
    feeds: &Feeds,
    landing: &Landing,
) -> Result<Candidates> {
    let landed = landing.list()?;
    let settled = ledger::settled_unread(cx.root(), &landed.files, config.retry_quarantined)?;
    let claims: Vec<(&FileEntry, Option<Claim<'_>>)> =
        landed.files.iter().map(|file| (file, feeds.claim(&file.path))).collect();
    let unclaimed = unclaimed(&claims);
    let wanted = claims.into_iter().filter_map(|(file, claim)| Some((file, claim?)));
    let wanted: Vec<_> = wanted.filter(|(file, _)| !settled.contains(&*file.path)).collect();
    let mut files = hash_all(cx, config, landing, &landed.files, &wanted)?;
    let waiting = landed.waiting + (wanted.len() - files.len()) as u64;
    let known = KnownBytes::find(cx.root(), &files, cx.as_of(), config.retry_quarantined)?;
    files.retain(|file| !known.holds(&file.path, &file.sha256));
    mark_duplicates(feeds, &mut files, &known, cx.as_of());
    Ok(Candidates { files, waiting, unclaimed })
}

/// Hashes files; those that changed under our eyes, or whose joined files are not there yet, are
/// left out and wait.
fn hash_all(
    cx: &Context,
    config: &Config,
    landing: &Landing,
    landed: &[FileEntry],
    wanted: &[(&FileEntry, Claim<'_>)],
) -> Result<Vec<PlannedFile>> {
    let listed: HashMap<&str, &FileEntry> =
        landed.iter().map(|file| (file.path.as_str(), file)).collect();
    let progress = cx.progress(wanted.len() as u64, "files hashed");
    let mut hashed = Vec::with_capacity(wanted.len());
    for group in wanted.chunks(FILES_AT_ONCE) {
        cx.check_stop()?;
        let group: Vec<_> = group
            .par_iter()
            .map(|(file, claim)| planned(cx, config, landing, file, (claim, &listed)))
            .collect::<Result<_>>()?;
        progress.add(group.len() as u64);
        hashed.extend(group.into_iter().flatten());
    }
    Ok(hashed)
}

/// A file with its hash; `None` when it changed under our eyes or what it is joined with is not
/// there yet.
fn planned(
    cx: &Context,
    config: &Config,
    landing: &Landing,
    file: &FileEntry,
    (claim, listed): (&Claim<'_>, &HashMap<&str, &FileEntry>),
) -> Result<Option<PlannedFile>> {
    let Some(sha256) = landing.sha256(&file.path, file.size)? else {
        tracing::warn!(path = file.path, "cannot be read as it was listed, waits");
        return Ok(None);
    };
    let (mut joined, mut whole_at) = (Vec::new(), file.modified);
    for path in claim.joined() {
        let Some(other) = listed.get(path.as_str()) else {
            tracing::warn!(path = file.path, joined = path, "waits for a joined file");
            return Ok(None);
        };
        let Some(sha256) = landing.sha256(path, other.size)? else {
            return Ok(None);
        };
        // No run before that could read the file.
        whole_at = whole_at.max(other.modified);
        joined.push(JoinedFile { path: path.clone(), size: other.size, sha256 });
    }
    let first_run = config.schedule.map(|schedule| schedule.first_run(whole_at));
    Ok(Some(PlannedFile {
        path: file.path.clone(),
        size: file.size,
        sha256,
        landed_at: file.modified,
        known_at: first_run.map_or(cx.as_of(), |run| run.min(cx.as_of())),
        duplicate_of: None,
        joined,
    }))
}

/// Files that nobody takes, those left out that others are joined with.
fn unclaimed(claims: &[(&FileEntry, Option<Claim<'_>>)]) -> u64 {
    let joined: HashSet<&str> = claims
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

/// The first arrival of some bytes is taken, any later one is a duplicate of it. But where a path
/// has held others since, the bytes that are back at it hold again. Whatever replaces others is
/// known after those, also with an old time of modification.
///
/// Of bytes that were set aside, every way of reading them is tried, once a plan.
fn mark_duplicates(feeds: &Feeds, files: &mut [PlannedFile], known: &KnownBytes, as_of: Micros) {
    let mut originals: HashMap<String, Vec<PlannedFile>> = HashMap::new();
    for file in files {
        // No run before this one had the rows of what was set aside.
        let was_refused = known.was_refused(&file.sha256);
        if was_refused || known.is_too_early(&file.path, file.known_at) {
            file.known_at = as_of;
        }
        let is_back = known.is_back(&file.path, &file.sha256);
        let before = known.path_of(&file.sha256);
        let here = originals.get(&file.sha256).and_then(|others| {
            others.iter().rfind(|other| !was_refused || is_read_alike(feeds, file, other))
        });
        let earlier = if is_back {
            // One that is known earlier may be known before what it has to replace.
            here.filter(|other| other.known_at >= file.known_at).map(|other| other.path.as_str())
        } else {
            before.or(here.map(|other| other.path.as_str()))
        };
        file.duplicate_of = earlier.map(str::to_owned);
        if file.duplicate_of.is_none() {
            if is_back {
                tracing::info!(path = file.path, "holds again what it held before, is taken again");
            }
            originals.entry(file.sha256.clone()).or_default().push(file.clone());
        }
    }
}
