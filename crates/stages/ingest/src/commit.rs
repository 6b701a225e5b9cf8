//! The commit: checks over the whole plan, then one commit per table, the ledger last.

use std::collections::{BTreeMap, BTreeSet};

use foresite_schema::catalog;
use foresite_stage::{Context, ErrorContext as _, ErrorKind, Manifest, Report, Result, StageError};
use foresite_tables::{Commit, Slot, StagedFile, Value};

use crate::config::Config;
use crate::copies;
use crate::feeds::Feeds;
use crate::ledger;
use crate::outcome::{Notes, Outcome, State};
use crate::plan::{self, IngestPlan};
use crate::{missing, records, reopen, stale};

/// Tables in the order of their commits: names before rows that use them, entities before events.
const ORDER: [&str; 13] = [
    "counter_sets",
    "pm_counters",
    "pm_histograms",
    "inventory",
    "topology_edges",
    "objects",
    "alarms",
    "tickets",
    "feedback",
    "suppressions",
    "local_events",
    "kpis",
    "labels",
];

/// Staged files older than this are refused: vacuum spares unreferenced files for twice as long.
const OLDEST_STAGED_HOURS: i64 = 24;

/// Whether the ledger carries the plan already.
pub(crate) fn is_published(cx: &Context, plan: &IngestPlan) -> Result<bool> {
    let Some(table) = cx.root().find(catalog::raw::ingest_ledger())? else {
        return Ok(false);
    };
    Ok(table.holds(&slot(plan), &commit_of(cx, plan))?.is_some())
}

/// Publishes what the shards staged.
pub(crate) fn commit(
    cx: &Context,
    config: &Config,
    feeds: &Feeds,
    plan: &IngestPlan,
) -> Result<Report> {
    let manifests = Manifest::all(cx.root(), &plan.id, plan.shards, &plan.revision)?;
    let (files, outcomes) = gather(feeds, plan, manifests)?;
    let mut report = cx.report();
    plan::describe(plan, &mut report);
    count(&outcomes, &mut report);
    let is_dry = cx.is_dry_run();
    let is_settled = is_dry || (is_published(cx, plan)? && !cx.is_forced());
    if !is_settled {
        judge(cx, config, &outcomes)?;
        check_age(cx, plan, &files)?;
        cx.record(&plan.content.lineage())?;
        for table in ORDER {
            cx.check_stop()?;
            let staged = files.get(table).map_or(&[][..], Vec::as_slice);
            publish(cx, plan, table, staged, &mut report)?;
        }
    }
    let absent = missing::missing(cx, config, plan, &outcomes)?;
    let mut slots = stale::slots(&outcomes, &absent);
    slots.extend(reopen::slots(cx, config, plan, &outcomes)?);
    let slots: Vec<_> = slots.into_iter().collect();
    let mut open = stale::left_open(cx.root(), plan.content.as_of)?;
    open.extend(slots.iter().cloned());
    report.number("stale_slots", stale::as_json(&stale::spans(&open)));
    if !is_settled {
        report.number("missing", absent.len());
        publish_logs(cx, plan, (&outcomes, &absent, &slots), &mut report)?;
    }
    if !is_dry {
        report.lineage_id = Some(plan.content.lineage_id.clone());
    }
    Ok(report)
}

/// Quarantine and stale, and last the ledger: with it the plan is done.
fn publish_logs(
    cx: &Context,
    plan: &IngestPlan,
    (outcomes, absent, slots): (&[Outcome], &[records::Missing], &[stale::Slot]),
    report: &mut Report,
) -> Result<()> {
    let logs = [
        (catalog::raw::quarantine(), records::quarantine(cx, plan, outcomes)?),
        (catalog::raw::stale(), records::stale(cx, plan, slots)?),
        (catalog::raw::ingest_ledger(), records::ledger(cx, plan, outcomes, absent)?),
    ];
    for (def, rows) in logs {
        // As of the raw tables, --force takes away what the plan wrote before.
        let table = match rows.num_rows() > 0 {
            true => Some(cx.root().table(def)?),
            false if cx.is_forced() => cx.root().find(def)?,
            false => None,
        };
        if let Some(table) = table {
            let outcome = table.append(&slot(plan), &rows, &commit_of(cx, plan))?;
            report.wrote(&table.def().name, outcome);
        }
    }
    Ok(())
}

/// The slot of a plan: every raw row carries its plan, or belongs to a table without versions of
/// files, which the same plan never fills twice.
fn slot(plan: &IngestPlan) -> Slot {
    Slot { equals: [("plan".to_owned(), Value::Text(plan.id.clone()))].into(), period: None }
}

fn commit_of(cx: &Context, plan: &IngestPlan) -> Commit {
    Commit { as_of: plan.content.as_of, ..cx.commit(&plan.content.lineage()) }
}

type Staged = BTreeMap<String, Vec<StagedFile>>;

/// All staged files, and what became of the files of the plan, copies included.
fn gather(
    feeds: &Feeds,
    plan: &IngestPlan,
    manifests: Vec<Manifest>,
) -> Result<(Staged, Vec<Outcome>)> {
    let mut files = Staged::new();
    let mut outcomes = Vec::new();
    let (mut counter_rows, mut histogram_rows) = (0, 0);
    for manifest in manifests {
        let notes: Notes = serde_json::from_value(manifest.notes)
            .context(|| format!("manifest of shard {} of plan {}", manifest.shard, plan.id))?;
        for (table, staged) in manifest.files {
            files.entry(table).or_default().extend(staged);
        }
        outcomes.extend(notes.outcomes);
        counter_rows += notes.counter_rows;
        histogram_rows += notes.histogram_rows;
    }
    check_rows(&files, "pm_counters", counter_rows)?;
    check_rows(&files, "pm_histograms", histogram_rows)?;
    let copies = copies::decide(feeds, plan, &outcomes);
    outcomes.extend(copies);
    Ok((files, outcomes))
}

/// The staged files must hold exactly the rows that the shards counted while reading.
fn check_rows(files: &Staged, table: &str, expected: u64) -> Result<()> {
    let staged: u64 = files.get(table).into_iter().flatten().map(StagedFile::rows).sum();
    if staged == expected {
        return Ok(());
    }
    let message = format!("table `{table}`: expected {expected} staged rows, got {staged}");
    Err(StageError::new(ErrorKind::Internal, message).hint("this is a defect: report it"))
}

/// Refuses a mapping that never fitted any file, and a plan of which too much cannot be read.
fn judge(cx: &Context, config: &Config, outcomes: &[Outcome]) -> Result<()> {
    let sources_of = |state: State| -> BTreeSet<&str> {
        let of_state = outcomes.iter().filter(|file| file.state == state);
        of_state.map(|file| file.source.as_str()).collect()
    };
    let fitting = sources_of(State::Taken);
    for misfit in outcomes.iter().filter(|file| file.is_misfit) {
        let source = misfit.source.as_str();
        if !fitting.contains(source) && !ledger::has_taken(cx.root(), source)? {
            let reason = misfit.reason.as_deref().unwrap_or_default();
            let message = format!("mapping `{source}` does not fit {}: {reason}", misfit.path);
            return Err(StageError::new(ErrorKind::BadData, message)
                .hint("correct the mapping; nothing was taken"));
        }
    }
    // A copy that was set aside with its original is no second bad file.
    let mut seen = BTreeSet::new();
    let is_read = |file: &&Outcome| matches!(file.state, State::Taken | State::Quarantined);
    let read = outcomes.iter().filter(is_read);
    let read: Vec<_> = read.filter(|file| seen.insert(file.file_id.as_str())).collect();
    let bad: Vec<_> = read.iter().filter(|file| file.state == State::Quarantined).collect();
    let read = read.len() as u64;
    let is_too_much = bad.len() as f64 > config.max_quarantined_share.get() * read as f64;
    match bad.first() {
        Some(first) if is_too_much && read >= config.min_files_to_refuse => {
            let reason = first.reason.as_deref().unwrap_or_default();
            let message = format!(
                "{} of {read} files cannot be read, the first is {}: {reason}",
                bad.len(),
                first.path
            );
            Err(StageError::new(ErrorKind::BadData, message)
                .hint("nothing was taken; raise `max_quarantined_share` to take the others"))
        }
        _ => Ok(()),
    }
}

fn check_age(cx: &Context, plan: &IngestPlan, files: &Staged) -> Result<()> {
    let oldest = files.values().flatten().map(StagedFile::written_at).min();
    let limit = cx.now() - OLDEST_STAGED_HOURS * 3_600_000_000;
    if oldest.is_none_or(|written_at| written_at >= limit) {
        return Ok(());
    }
    let message =
        format!("plan {}: files were staged more than {OLDEST_STAGED_HOURS} h ago", plan.id);
    Err(StageError::new(ErrorKind::BadData, message)
        .hint("run the shards again with --force, then the commit"))
}

fn publish(
    cx: &Context,
    plan: &IngestPlan,
    name: &str,
    staged: &[StagedFile],
    report: &mut Report,
) -> Result<()> {
    let Some(def) = catalog::find(name) else {
        let message = format!("table `{name}`: not in the catalogue");
        return Err(StageError::new(ErrorKind::Internal, message));
    };
    // Nothing to add is nothing to do, but --force also takes away what the plan wrote before.
    let table = match staged.is_empty() {
        false => Some(cx.root().existing(def)?),
        true if cx.is_forced() => cx.root().find(def)?,
        true => None,
    };
    if let Some(table) = table {
        let outcome = table.commit_staged(&slot(plan), staged, &commit_of(cx, plan))?;
        report.wrote(name, outcome);
    }
    Ok(())
}

fn count(outcomes: &[Outcome], report: &mut Report) {
    let of_state = |state| outcomes.iter().filter(|file| file.state == state).count();
    report.number("taken", of_state(State::Taken));
    report.number("duplicates", of_state(State::Duplicate));
    report.number("quarantined", of_state(State::Quarantined));
    report.number("changed", of_state(State::Waiting));
    let sum = |of: fn(&Outcome) -> u64| outcomes.iter().map(of).sum::<u64>();
    report.number("rows_read", sum(|file| file.rows_read));
    report.number("rows_written", sum(|file| file.rows_written));
    report.number("rows_quarantined", sum(Outcome::rows_quarantined));
    let unnamed = sum(|file| file.names_erased);
    if unnamed > 0 {
        report.number("names_erased", unnamed);
    }
    for file in outcomes.iter().filter(|file| file.state == State::Quarantined).take(10) {
        tracing::warn!(path = file.path, reason = file.reason, "quarantined");
    }
}
