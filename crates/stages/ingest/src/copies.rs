//! Copies: files whose bytes were taken before, or are read under another path of the plan.
//!
//! A copy follows its original, in the same run: taken, it is a duplicate; set aside, it is set
//! aside too. Of what is neither, nothing is in the tables, and a copy that the ledger calls settled
//! would be lost: it waits. So does a copy of what was set aside that is read in another way, by
//! another feed or with other words in its path: the next plan reads it on its own.

use std::collections::HashMap;
use std::path::Path;

use foresite_tables::Micros;

use crate::feeds::{Claim, Feeds};
use crate::outcome::{Outcome, State};
use crate::plan::{IngestPlan, PlannedFile};

/// What became of the copies of a plan, by what became of the files that were read.
pub(crate) fn decide(feeds: &Feeds, plan: &IngestPlan, read: &[Outcome]) -> Vec<Outcome> {
    let outcomes: HashMap<&str, &Outcome> =
        read.iter().map(|outcome| (outcome.path.as_str(), outcome)).collect();
    let originals: HashMap<(&str, &str), &PlannedFile> = plan
        .content
        .part(0, 1)
        .into_iter()
        .map(|file| ((file.path.as_str(), file.sha256.as_str()), file))
        .collect();
    let copies = plan.content.duplicates().filter_map(|file| {
        let claim = feeds.claim(&file.path)?;
        let path = file.duplicate_of.as_deref().unwrap_or_default();
        let original = originals.get(&(path, file.sha256.as_str())).copied();
        Some(match original.map(|original| (original, outcomes.get(path).copied())) {
            // What this plan does not read was taken by an earlier one.
            None => duplicate(file, &claim),
            Some((_, Some(outcome))) if outcome.state == State::Taken => duplicate(file, &claim),
            Some((original, Some(outcome)))
                if outcome.state == State::Quarantined && is_read_alike(feeds, file, original) =>
            {
                set_aside(file, outcome)
            }
            Some(_) => waiting(file, &claim, plan.content.as_of),
        })
    });
    copies.collect()
}

/// Whether the same bytes say the same at either place: one feed reads them, with the same words of
/// their paths and beside the same files.
pub(crate) fn is_read_alike(feeds: &Feeds, one: &PlannedFile, other: &PlannedFile) -> bool {
    match (feeds.claim(&one.path), feeds.claim(&other.path)) {
        (Some(Claim::Pm(own)), Some(Claim::Pm(feed))) => own.source == feed.source,
        (Some(Claim::Mapped(own, words)), Some(Claim::Mapped(mapping, others))) => {
            // The ending may tell the format.
            let [ending, another] = [one, other].map(|file| Path::new(&file.path).extension());
            own.name() == mapping.name()
                && (words, &one.joined, ending) == (others, &other.joined, another)
        }
        _ => false,
    }
}

/// The outcome of a file whose bytes were taken elsewhere.
fn duplicate(file: &PlannedFile, claim: &Claim<'_>) -> Outcome {
    let other = file.duplicate_of.as_deref().unwrap_or_default();
    Outcome {
        state: State::Duplicate,
        reason: Some(format!("same bytes as {other}")),
        ..Outcome::of(file, claim.source(), &claim.kind())
    }
}

/// The outcome of a file whose bytes cannot be read elsewhere either.
fn set_aside(file: &PlannedFile, original: &Outcome) -> Outcome {
    let reason = original.reason.as_deref().unwrap_or_default();
    let reason = format!("same bytes as {}: {reason}", original.path);
    Outcome::of(file, &original.source, &original.kind).quarantine(reason, String::new())
}

/// The outcome of a copy that has to be read on its own.
fn waiting(file: &PlannedFile, claim: &Claim<'_>, as_of: Micros) -> Outcome {
    let original = file.duplicate_of.as_deref().unwrap_or_default();
    tracing::warn!(path = file.path, original, "copy of what was not taken, waits");
    let reason = format!("same bytes as {original}, which was not taken");
    Outcome::of(file, claim.source(), &claim.kind()).wait(as_of, reason)
}
