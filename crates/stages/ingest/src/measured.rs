//! One performance file.

use std::collections::BTreeSet;

use bytes::Bytes;
use foresite_pm::{Load, MeasFile, PmReader};
use foresite_schema::{BUCKETS, bucket_of};

use crate::config::PmFeed;
use crate::outcome::{Outcome, Rejected, State};
use crate::plan::PlannedFile;

const HOUR: i64 = 3_600_000_000;

/// Reads a file; one that cannot be read comes back quarantined and without content.
pub(crate) fn read(
    reader: &mut PmReader,
    file: &PlannedFile,
    feed: &PmFeed,
    bytes: &Bytes,
) -> (Outcome, Option<MeasFile>) {
    let outcome = Outcome::of(file, &feed.source, "pm");
    match reader.read(bytes) {
        Ok(measured) => (describe(outcome, &measured), Some(measured)),
        Err(error) => {
            let place = match error.path.as_str() {
                "" => format!("byte {}", error.offset),
                path => format!("{path}, byte {}", error.offset),
            };
            (outcome.quarantine(format!("{}: {}", error.kind, error.message), place), None)
        }
    }
}

impl Outcome {
    /// A file of which nothing is known yet.
    pub(crate) fn of(file: &PlannedFile, source: &str, kind: &str) -> Self {
        Self {
            path: file.path.clone(),
            file_id: file.sha256.clone(),
            size: file.size,
            landed_at: file.landed_at,
            known_at: file.known_at,
            source: source.into(),
            kind: kind.into(),
            state: State::Taken,
            reason: None,
            is_misfit: false,
            elements: Vec::new(),
            period: None,
            rows_read: 0,
            rows_written: 0,
            rejected: Vec::new(),
            names_erased: 0,
            hours: Vec::new(),
        }
    }
}

fn describe(outcome: Outcome, file: &MeasFile) -> Outcome {
    let elements: BTreeSet<&str> =
        file.elements.iter().map(|element| element.ne_dn.as_str()).collect();
    let starts = file.blocks.iter().map(|block| block.period_start);
    let ends = file.blocks.iter().map(foresite_pm::Block::period_end);
    let period = starts.min().zip(ends.max()).or(file.begin.zip(file.end));
    let hours: BTreeSet<(i32, i64)> = file
        .blocks
        .iter()
        .map(|block| {
            let bucket = bucket_of(&file.elements[block.element].ne_dn, BUCKETS);
            (bucket, block.period_start.div_euclid(HOUR) * HOUR)
        })
        .collect();
    let rejected = file.rejects.iter().map(|reject| Rejected {
        place: format!("{}, byte {}", reject.place, reject.offset),
        reason: reject.reason.words().into(),
        sample: reject.sample.clone(),
        rows: reject.values,
    });
    Outcome {
        elements: elements.into_iter().map(str::to_owned).collect(),
        period,
        hours: hours.into_iter().collect(),
        rows_read: file.counts.read,
        rows_written: file.counts.written(),
        rejected: rejected.collect(),
        ..outcome
    }
}

/// The columns that do not come out of the file.
pub(crate) fn load(file: &Outcome, plan: &str, lineage_id: &str, ingested_at: i64) -> Load {
    Load {
        source: file.source.clone(),
        plan: plan.into(),
        file_id: file.file_id.clone(),
        lineage_id: lineage_id.into(),
        known_at: file.known_at,
        ingested_at,
        buckets: BUCKETS,
    }
}
