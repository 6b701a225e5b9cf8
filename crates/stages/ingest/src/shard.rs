//! A shard: its part of the plan's files, read in parallel, staged in order.

use bytes::Bytes;
use foresite_feedback::Versions;
use foresite_pm::mapping::TableBatch;
use foresite_pm::{Limits, MeasFile, PmReader, ValuePath};
use foresite_stage::{Context, ErrorKind, Manifest, Report, Result, Shard, StageError, Status};
use foresite_tables::Micros;
use rayon::prelude::*;

use crate::Sources;
use crate::config::Config;
use crate::feeds::{Claim, Feeds};
use crate::landing::Landing;
use crate::local_events;
use crate::mapped::{self, Loader};
use crate::marks;
use crate::measured;
use crate::names::Names;
use crate::outcome::{Notes, Outcome, State};
use crate::plan::{IngestPlan, PlannedFile};
use crate::staging::Staging;
use crate::suppressions;

/// Files that are read at the same time, per thread.
const FILES_PER_THREAD: usize = 4;

/// Reads the files of a shard and publishes its manifest; one that is published already stands.
pub(crate) fn take(
    cx: &Context,
    config: &Config,
    (feeds, landing, keys): Sources<'_>,
    plan: &IngestPlan,
    shard: Shard,
) -> Result<Report> {
    check_shard(plan, shard)?;
    let mut report = cx.report();
    report.number("plan_id", plan.id.as_str());
    if cx.is_forced() && !cx.is_dry_run() {
        withdraw(cx, plan, shard)?;
    } else if Manifest::find(cx.root(), &plan.id, shard)?.is_some() {
        return Ok(report);
    }
    let mut staging = Staging::new(cx, config.batch_values)?;
    let mut names = Names::open(cx, config, keys)?;
    let from = (config, feeds, landing);
    let mut notes = read_all(cx, from, plan, shard, (&mut staging, &mut names))?;
    staging.finish()?;
    notes.counter_rows = staging.counter_rows;
    notes.histogram_rows = staging.histogram_rows;
    let read = notes.outcomes.iter().filter(|outcome| outcome.state != State::Waiting);
    report.number("files", read.count());
    report.number("rows", notes.outcomes.iter().map(|outcome| outcome.rows_written).sum::<u64>());
    if cx.is_dry_run() {
        return Ok(report);
    }
    let manifest = Manifest {
        shard: shard.index,
        revision: plan.revision.clone(),
        files: staging.files,
        notes: serde_json::to_value(notes)?,
    };
    if manifest.publish(cx.root(), &plan.id)? {
        report.status = Status::Done;
    }
    Ok(report)
}

fn check_shard(plan: &IngestPlan, shard: Shard) -> Result<()> {
    if shard.count == plan.shards {
        return Ok(());
    }
    let message = format!("shard {shard}: plan {} has {} shards", plan.id, plan.shards);
    Err(StageError::new(ErrorKind::Usage, message).hint("pass the count that the plan gave out"))
}

/// Takes back the manifest of an earlier run, for `--force`.
fn withdraw(cx: &Context, plan: &IngestPlan, shard: Shard) -> Result<()> {
    let name = format!("shard-{:05}.json", shard.index);
    for file in cx.root().list(&format!("_staging/{}/", plan.id))? {
        if file.path.ends_with(&name) {
            cx.root().delete(&file.path)?;
        }
    }
    Ok(())
}

/// A file as it was read.
enum Content {
    Measured(Box<MeasFile>),
    Mapped(Vec<TableBatch>),
    Unreadable,
}

fn read_all(
    cx: &Context,
    (config, feeds, landing): (&Config, &Feeds, &Landing),
    plan: &IngestPlan,
    shard: Shard,
    (staging, names): (&mut Staging<'_>, &mut Option<Names<'_>>),
) -> Result<Notes> {
    let limits = Limits { max_bytes: (config.max_file_mib as usize) << 20, ..Limits::default() };
    let loader = Loader {
        plan: &plan.id,
        lineage_id: &plan.content.lineage_id,
        ingested_at: cx.now(),
        limits,
    };
    let versions = plan.content.checked_against();
    let files = plan.content.part(shard.index, shard.count);
    let progress = cx.progress(files.len() as u64, "files read");
    let mut notes = Notes::default();
    for group in files.chunks(FILES_PER_THREAD * rayon::current_num_threads()) {
        cx.check_stop()?;
        let mut read: Vec<Option<(Outcome, Content)>> = group
            .par_iter()
            .map_init(
                || PmReader::new(limits, ValuePath::Fast),
                |reader, file| read_one(reader, file, (feeds, landing), &loader),
            )
            .collect::<Result<_>>()?;
        check(cx, versions.as_ref(), names, &mut read)?;
        for (file, one) in group.iter().zip(read) {
            progress.add(1);
            let Some((outcome, content)) = one else {
                notes.outcomes.push(waiting(file, feeds, plan.content.as_of));
                continue;
            };
            stage_one(&outcome, content, &loader, staging)?;
            notes.outcomes.push(outcome);
        }
    }
    Ok(notes)
}

/// The outcome of a file that is left to the next plan: it changed since this one, or holds marks
/// that cannot be checked now.
fn waiting(file: &PlannedFile, feeds: &Feeds, as_of: Micros) -> Outcome {
    let claim = feeds.claim(&file.path);
    let (source, kind) =
        claim.map_or_else(Default::default, |claim| (claim.source().to_owned(), claim.kind()));
    Outcome::of(file, &source, &kind).wait(as_of, "could not be taken as it was planned".into())
}

/// Puts pseudonyms in the place of names, and sets aside what cannot be true.
fn check(
    cx: &Context,
    versions: Option<&Versions>,
    names: &mut Option<Names<'_>>,
    read: &mut [Option<(Outcome, Content)>],
) -> Result<()> {
    for (outcome, content) in read.iter_mut().flatten() {
        if let (Content::Mapped(batches), Some(names)) = (content, names.as_mut()) {
            names.replace(outcome, batches)?;
        }
    }
    check_marks(cx, versions, read)?;
    for (outcome, content) in read.iter_mut().flatten() {
        if let Content::Mapped(batches) = content {
            suppressions::check(outcome, batches)?;
            local_events::check(outcome, batches)?;
        }
    }
    Ok(())
}

/// Checks marks against the predictions that they name. Where these cannot be read, the marks wait for
/// the next plan: what people said must not keep the network's files out.
fn check_marks(
    cx: &Context,
    versions: Option<&Versions>,
    read: &mut [Option<(Outcome, Content)>],
) -> Result<()> {
    let files = read.iter_mut().flatten().filter_map(|(outcome, content)| match content {
        Content::Mapped(batches) if marks::is_marks(outcome) => Some((outcome, batches)),
        _ => None,
    });
    match marks::check(cx, versions, files.collect()) {
        Err(error) if !matches!(error.kind(), ErrorKind::Transient | ErrorKind::Stopped) => {
            tracing::warn!(%error, "marks cannot be checked, wait for the next plan");
            let is_marks =
                |one: &Option<_>| one.as_ref().is_some_and(|(file, _)| marks::is_marks(file));
            read.iter_mut().filter(|one| is_marks(one)).for_each(|one| *one = None);
            Ok(())
        }
        checked => checked,
    }
}

/// `None` when the file is no longer what the plan saw: the next plan takes it.
fn read_one(
    reader: &mut PmReader,
    file: &PlannedFile,
    (feeds, landing): (&Feeds, &Landing),
    loader: &Loader<'_>,
) -> Result<Option<(Outcome, Content)>> {
    let Some(claim) = feeds.claim(&file.path) else {
        let message = format!("{}: planned, but nobody takes it now", file.path);
        return Err(StageError::new(ErrorKind::Usage, message)
            .hint("run every step of a plan with the same configuration"));
    };
    let mut sizes = std::iter::once(file.size).chain(file.joined.iter().map(|other| other.size));
    if let Some(reason) = sizes.find_map(|size| landing.refuses(size)) {
        let outcome = Outcome::of(file, claim.source(), &claim.kind());
        return Ok(Some((outcome.quarantine(reason, String::new()), Content::Unreadable)));
    }
    let Some(bytes) = unchanged(landing, &file.path, file.size, &file.sha256)? else {
        return Ok(None);
    };
    let mut joined: Vec<Bytes> = Vec::with_capacity(file.joined.len());
    for other in &file.joined {
        match unchanged(landing, &other.path, other.size, &other.sha256)? {
            Some(bytes) => joined.push(bytes),
            None => return Ok(None),
        }
    }
    Ok(Some(match claim {
        Claim::Pm(feed) => {
            let (outcome, measured) = measured::read(reader, file, feed, &bytes);
            let content =
                measured.map_or(Content::Unreadable, |file| Content::Measured(Box::new(file)));
            (outcome, content)
        }
        Claim::Mapped(mapping, found) => {
            let (outcome, batches) =
                mapped::read(file, (mapping, &found), (bytes, &joined), loader);
            (outcome, Content::Mapped(batches))
        }
    }))
}

fn unchanged(landing: &Landing, path: &str, size: u64, sha256: &str) -> Result<Option<Bytes>> {
    let bytes = landing.read(path, size)?;
    let same = bytes.filter(|bytes| foresite_tables::sha256_hex(bytes) == sha256);
    if same.is_none() {
        tracing::warn!(path, "cannot be read as it was planned, waits for the next plan");
    }
    Ok(same)
}

/// Stages the rows of a file and checks that none got lost.
fn stage_one(
    outcome: &Outcome,
    content: Content,
    loader: &Loader<'_>,
    staging: &mut Staging<'_>,
) -> Result<()> {
    let mut is_whole = outcome.is_conserved();
    match content {
        Content::Measured(file) => {
            let load = measured::load(outcome, loader.plan, loader.lineage_id, loader.ingested_at);
            let written = staging.add_measured(&file, &load)?;
            is_whole &=
                (written.scalars, written.lists) == (file.counts.scalars, file.counts.lists);
        }
        Content::Mapped(batches) => {
            for rows in batches {
                staging.add_mapped(&outcome.source, rows)?;
            }
        }
        Content::Unreadable => {}
    }
    if is_whole {
        tracing::debug!(path = outcome.path, rows = outcome.rows_written, "read");
        return Ok(());
    }
    let message = format!(
        "{}: read {} rows, wrote {} and set {} aside",
        outcome.path,
        outcome.rows_read,
        outcome.rows_written,
        outcome.rows_quarantined()
    );
    Err(StageError::new(ErrorKind::Internal, message).hint("this is a defect: report the file"))
}
