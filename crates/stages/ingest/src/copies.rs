//! Copies: files whose bytes were taken before, or are read under another path of the plan.
//!
//! A copy is a duplicate only of what was taken. Where its original was set aside, or was no longer
//! what the plan saw, nothing of these bytes is in the tables, and a copy that the ledger calls
//! settled would be lost.

use std::collections::HashMap;

use crate::feeds::{Claim, Feeds};
use crate::outcome::{Outcome, State};
use crate::plan::{IngestPlan, PlannedFile};

/// What became of the copies of a plan.
pub(crate) struct Copies {
    pub(crate) settled: Vec<Outcome>,
    /// Copies of what was not taken, which the next plan reads.
    pub(crate) waiting: u64,
}

impl Copies {
    /// Decides by what became of the files that were read.
    ///
    /// A performance file is set aside with its original. What a mapping reads hangs on its path and
    /// on joined files too, so such a copy is read on its own.
    pub(crate) fn decide(feeds: &Feeds, plan: &IngestPlan, read: &[Outcome]) -> Self {
        let planned = plan.content.part(0, 1);
        let mut originals: HashMap<(&str, &str), Option<&Outcome>> =
            planned.iter().map(|file| ((file.path.as_str(), file.sha256.as_str()), None)).collect();
        let read =
            read.iter().map(|file| ((file.path.as_str(), file.file_id.as_str()), Some(file)));
        originals.extend(read);
        let mut copies = Self { settled: Vec::new(), waiting: 0 };
        for file in plan.content.duplicates() {
            let Some(claim) = feeds.claim(&file.path) else { continue };
            let path = file.duplicate_of.as_deref().unwrap_or_default();
            // What this plan does not read was taken by an earlier one.
            match originals.get(&(path, file.sha256.as_str())).copied() {
                None => copies.settled.push(duplicate(file, &claim)),
                Some(original) => copies.note(file, &claim, original),
            }
        }
        copies
    }

    /// A copy of a file of the plan; `original` is `None` where that one waits.
    fn note(&mut self, file: &PlannedFile, claim: &Claim<'_>, original: Option<&Outcome>) {
        match (original, claim) {
            (Some(original), _) if original.state == State::Taken => {
                self.settled.push(duplicate(file, claim));
            }
            (Some(original), Claim::Pm(feed)) if feed.source == original.source => {
                self.settled.push(set_aside(file, original));
            }
            _ => {
                let original = file.duplicate_of.as_deref();
                tracing::warn!(path = file.path, original, "copy of what was not taken, waits");
                self.waiting += 1;
            }
        }
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
