//! Steps `seal-audit` and `verify-audit`. Who writes a table may take rows out of it, and an audit
//! would not miss them. So each night what is new goes into a chain of hashes, which only the
//! administrator of the data root may write to; what was changed or is gone since then is named.

use foresite_stage::{Context, ErrorKind, Report, Result, StageError, Status};

use super::{chain, facts};
use crate::Config;
use chain::Chain;

/// Rows that are gone and named in the log.
const MOST_TOLD: usize = 1000;

/// Writes the file of the night of the run's clock, unless it, or a later one, is there.
pub(crate) fn seal(cx: &Context, report: &mut Report) -> Result<()> {
    // A clock that lies in the future must not keep the nights until then from being sealed.
    let now = cx.as_of().min(cx.now());
    let path = chain::path(now);
    let chain = Chain::read(cx)?;
    if chain.last.as_ref().is_some_and(|last| *last >= path) {
        report.number("sealed", 0);
        report.number("head", chain.head);
        return Ok(());
    }
    let fresh = facts::unsealed(cx, now, &chain.facts)?;
    report.number("sealed", fresh.len());
    if cx.is_dry_run() {
        return Ok(());
    }
    let (text, head) = chain.night(now, fresh)?;
    if !cx.root().write_new(&path, text)? {
        let message = format!("{path}: another run wrote it meanwhile");
        return Err(StageError::new(ErrorKind::Transient, message));
    }
    tracing::info!(path, head, "sealed");
    report.number("head", head);
    report.status = Status::Done;
    Ok(())
}

/// Exit 65 where the chain is broken, or where something sealed is not there as it was: a line each.
pub(crate) fn verify(cx: &Context, config: &Config, report: &mut Report) -> Result<()> {
    let chain = Chain::read(cx)?;
    let gone = facts::gone(cx, config, &chain.facts)?;
    report.number("nights", chain.nights);
    report.number("sealed", chain.facts.len());
    report.number("gone", gone.len());
    report.number("head", chain.head.as_str());
    if chain.broken.is_none() && gone.is_empty() {
        return Ok(());
    }
    for fact in gone.iter().take(MOST_TOLD) {
        let (kind, version, key) = (fact.kind.as_str(), fact.version, fact.key());
        tracing::error!(kind, version, what = key, "sealed, and not there any more as it was");
    }
    let mut faults: Vec<String> = chain.broken.into_iter().collect();
    if !gone.is_empty() {
        faults.push(format!("{} rows or files are not there any more as sealed", gone.len()));
    }
    Err(StageError::new(ErrorKind::BadData, faults.join("; "))
        .hint("docs/operations.md, `A sealed audit`: what it may be, and how to begin a new chain"))
}
