//! One tabular file.

use arrow::array::AsArray as _;
use arrow::compute::{max, min};
use arrow::datatypes::TimestampMicrosecondType;
use bytes::Bytes;
use foresite_pm::Limits;
use foresite_pm::mapping::{Input, Mapped, Mapping, MappingError, Match, Provenance, TableBatch};
use foresite_schema::BUCKETS;

use crate::outcome::{Outcome, Rejected};
use crate::plan::PlannedFile;

/// Who loads a file.
#[derive(Debug, Clone)]
pub(crate) struct Loader<'a> {
    pub(crate) plan: &'a str,
    pub(crate) lineage_id: &'a str,
    pub(crate) ingested_at: i64,
    pub(crate) limits: Limits,
}

/// Reads a file; one that cannot be read comes back quarantined and without content.
pub(crate) fn read(
    file: &PlannedFile,
    (mapping, found): (&Mapping, &Match),
    (bytes, joined): (Bytes, &[Bytes]),
    loader: &Loader<'_>,
) -> (Outcome, Vec<TableBatch>) {
    let outcome = Outcome::of(file, mapping.name(), &mapping.table().name);
    let input = Input { path: &file.path, bytes, joined, limits: loader.limits };
    let provenance = Provenance {
        file_id: file.sha256.clone(),
        plan: loader.plan.into(),
        known_at: file.known_at,
        ingested_at: loader.ingested_at,
        lineage_id: loader.lineage_id.into(),
        buckets: BUCKETS,
    };
    match mapping.read(found, &input, &provenance) {
        Ok(mapped) => (describe(outcome, mapping, &mapped), mapped.batches),
        Err(error) => {
            let is_misfit = is_misfit(&error);
            let quarantined = outcome.quarantine(error.to_string(), String::new());
            (Outcome { is_misfit, ..quarantined }, Vec::new())
        }
    }
}

/// Whether the fault may be the mapping's rather than the file's.
fn is_misfit(error: &MappingError) -> bool {
    use MappingError::{Column, Foreign, JoinKey, Required, Word};
    matches!(error, Column { .. } | Word { .. } | JoinKey { .. } | Required { .. } | Foreign)
}

fn describe(outcome: Outcome, mapping: &Mapping, mapped: &Mapped) -> Outcome {
    let rejected = mapped.rejected.iter().map(|entry| Rejected {
        place: entry.place.clone(),
        reason: entry.reason.clone(),
        sample: entry.sample.clone(),
        rows: entry.rows,
    });
    Outcome {
        period: mapped.batches.first().and_then(|first| period(first, mapping)),
        rows_read: mapped.rows_read,
        rows_written: mapped.rows_written,
        rejected: rejected.collect(),
        ..outcome
    }
}

/// From the first moment to the end of the last one.
fn period(rows: &TableBatch, mapping: &Mapping) -> Option<(i64, i64)> {
    let column = rows.batch.column_by_name(rows.table.time.as_deref()?)?;
    let times = column.as_primitive_opt::<TimestampMicrosecondType>()?;
    let length = i64::from(mapping.cadence_seconds().unwrap_or(0)) * 1_000_000;
    Some((min(times)?, max(times)? + length))
}
