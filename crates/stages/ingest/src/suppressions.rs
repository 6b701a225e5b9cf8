//! Suppressions: what nobody answers for, or never ends, goes to the quarantine.
//!
//! A suppression keeps alerts off the lists, so a row without owner, reason or expiry is refused
//! here, before anything can read it.

use arrow::array::{
    Array as _, AsArray as _, BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::TimestampMicrosecondType;
use foresite_feedback::SKEW;
use foresite_pm::mapping::TableBatch;
use foresite_schema::catalog::raw;
use foresite_schema::suppressions::{Fault, LIFTED, LONGEST_DAYS, Row, SET, fault};
use foresite_stage::Result;
use foresite_tables::Micros;
use jiff::Timestamp;

use crate::outcome::Outcome;

/// Keeps of the suppressions in `batches` those that somebody answers for and that end.
pub(crate) fn check(outcome: &mut Outcome, batches: &mut [TableBatch]) -> Result<()> {
    for rows in batches.iter_mut().filter(|rows| rows.table.name == raw::suppressions().name) {
        rows.batch = checked(&rows.batch, outcome)?;
    }
    Ok(())
}

fn checked(batch: &RecordBatch, outcome: &mut Outcome) -> Result<RecordBatch> {
    let rows = Rows::of(batch);
    let mut keep = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let fault = rows.fault(row);
        keep.push(fault.is_none());
        if let Some(reason) = fault {
            let place = format!("suppression_id {}", rows.id.value(row));
            outcome.set_aside(place, reason, rows.sample(row));
        }
    }
    Ok(filter_record_batch(batch, &BooleanArray::from(keep))?)
}

/// The columns of `suppressions` that the checks look at.
struct Rows {
    id: StringArray,
    fact: StringArray,
    entity: StringArray,
    task: StringArray,
    driver: StringArray,
    owner: StringArray,
    reason: StringArray,
    at: TimestampMicrosecondArray,
    start: TimestampMicrosecondArray,
    end: TimestampMicrosecondArray,
    known_at: TimestampMicrosecondArray,
}

impl Rows {
    fn of(batch: &RecordBatch) -> Self {
        // The batch has the schema of the table.
        let text = |name: &str| batch[name].as_string::<i32>().clone();
        let time = |name: &str| batch[name].as_primitive::<TimestampMicrosecondType>().clone();
        Self {
            id: text("suppression_id"),
            fact: text("fact"),
            entity: text("entity_id"),
            task: text("task"),
            driver: text("driver"),
            owner: text("owner"),
            reason: text("reason"),
            at: time("at"),
            start: time("start_at"),
            end: time("end_at"),
            known_at: time("known_at"),
        }
    }

    /// Why a row is refused; `None` where it is not.
    fn fault(&self, row: usize) -> Option<String> {
        let at = self.at.value(row);
        if at > self.known_at.value(row).saturating_add(SKEW) {
            return Some(format!("decided at {}, which lies in the future", stamp(at)));
        }
        let scope = [&self.entity, &self.task, &self.driver].map(|column| filled(column, row));
        let time =
            |column: &TimestampMicrosecondArray| column.is_valid(row).then(|| column.value(row));
        let said = Row {
            fact: self.fact.value(row),
            scope,
            owner: filled(&self.owner, row),
            reason: filled(&self.reason, row),
            at,
            start: time(&self.start),
            end: time(&self.end),
        };
        fault(&said).map(|fault| words(fault, &said))
    }

    /// What the row said, for who looks at the quarantine.
    fn sample(&self, row: usize) -> String {
        let time = |column: &TimestampMicrosecondArray| {
            if column.is_valid(row) { stamp(column.value(row)) } else { String::new() }
        };
        let texts = [&self.fact, &self.entity, &self.task, &self.driver, &self.owner, &self.reason]
            .map(|column| filled(column, row).unwrap_or_default().to_owned());
        let times = [time(&self.at), time(&self.start), time(&self.end)];
        texts.into_iter().chain(times).collect::<Vec<_>>().join(",")
    }
}

/// The fault for who looks at the quarantine.
fn words(fault: Fault, said: &Row<'_>) -> String {
    match fault {
        Fault::NoOwner => "has no `owner`: somebody must answer for it".into(),
        Fault::NoFact => format!("the fact is `{}`, expected {SET} or {LIFTED}", said.fact),
        Fault::NoReason => "has no `reason`".into(),
        Fault::NoScope => {
            "names no `entity_id`, `task` or `driver`: it would hide everything".into()
        }
        Fault::NoEnd => "has no `end_at`: a suppression must end by itself".into(),
        Fault::Empty(end, start) => {
            format!("ends at {}, not after its start {}", stamp(end), stamp(start))
        }
        Fault::TooLong(end) => {
            let at = stamp(said.at);
            format!("ends at {}, more than {LONGEST_DAYS} days after {at}", stamp(end))
        }
    }
}

fn filled(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row).trim()).filter(|text| !text.is_empty())
}

/// `2026-03-09T14:00:00Z`.
fn stamp(at: Micros) -> String {
    Timestamp::from_microsecond(at).map_or_else(|_| at.to_string(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use arrow::array::ArrayRef;

    use super::*;
    use crate::outcome::State;

    const DAY: Micros = 86_400_000_000;

    const NOW: Micros = 1_773_064_800_000_000;

    /// Fact, entity, owner, reason, days of decision, start and end from now.
    type Line<'a> = (&'a str, &'a str, &'a str, &'a str, [Option<i64>; 3]);

    fn batch(rows: &[Line<'_>]) -> RecordBatch {
        let text = |of: &dyn Fn(&Line<'_>) -> String| {
            let texts = rows.iter().map(|row| Some(of(row)).filter(|text| !text.is_empty()));
            Arc::new(texts.collect::<StringArray>()) as ArrayRef
        };
        let time = |of: &dyn Fn(&Line<'_>) -> Option<i64>| {
            let times = rows.iter().map(|row| of(row).map(|days| NOW + days * DAY));
            let times: TimestampMicrosecondArray = times.collect();
            Arc::new(times.with_timezone("UTC")) as ArrayRef
        };
        let ids = (0..rows.len()).map(|at| Some(format!("s-{at}")));
        let columns = [
            ("suppression_id", Arc::new(ids.collect::<StringArray>()) as ArrayRef),
            ("fact", text(&|row| row.0.to_owned())),
            ("entity_id", text(&|row| row.1.to_owned())),
            ("task", text(&|_| String::new())),
            ("driver", text(&|_| String::new())),
            ("owner", text(&|row| row.2.to_owned())),
            ("reason", text(&|row| row.3.to_owned())),
            ("at", time(&|row| row.4[0])),
            ("start_at", time(&|row| row.4[1])),
            ("end_at", time(&|row| row.4[2])),
            ("known_at", time(&|_| Some(0))),
        ];
        let columns = columns.map(|(name, column)| (name, column, true));
        RecordBatch::try_from_iter_with_nullable(columns).unwrap()
    }

    fn outcome(rows: u64) -> Outcome {
        Outcome {
            path: String::new(),
            file_id: String::new(),
            size: 0,
            landed_at: 0,
            known_at: NOW,
            source: String::new(),
            kind: String::new(),
            state: State::Taken,
            reason: None,
            is_misfit: false,
            elements: Vec::new(),
            period: None,
            rows_read: rows,
            rows_written: rows,
            rejected: Vec::new(),
            names_erased: 0,
            hours: Vec::new(),
        }
    }

    #[test]
    fn what_nobody_answers_for_or_never_ends_is_set_aside_with_its_reason() {
        let whole = [Some(0), None, Some(5)];
        let rows = batch(&[
            ("set", "r/A", "Kim", "festival", whole),
            ("set", "r/A", "", "festival", whole),
            ("set", "r/A", "Kim", " ", whole),
            ("set", "r/A", "Kim", "festival", [Some(0), None, None]),
            ("set", "r/A", "Kim", "festival", [Some(0), Some(5), Some(5)]),
            ("set", "r/A", "Kim", "festival", [Some(0), None, Some(93)]),
            ("set", "", "Kim", "festival", whole),
            ("set", "r/A", "Kim", "festival", [Some(1), None, Some(5)]),
            ("mute", "r/A", "Kim", "festival", whole),
            ("lifted", "r/A", "Lee", "", [Some(0), None, None]),
        ]);
        let mut outcome = outcome(10);
        let kept = checked(&rows, &mut outcome).unwrap();
        let ids = kept["suppression_id"].as_string::<i32>();
        assert_eq!(ids.iter().flatten().collect::<Vec<_>>(), ["s-0", "s-9"]);
        assert!(outcome.is_conserved() && outcome.rows_written == 2);
        let said = outcome.rejected.iter().map(|one| one.reason.as_str()).collect::<Vec<_>>();
        assert_eq!(
            said,
            [
                "has no `owner`: somebody must answer for it",
                "has no `reason`",
                "has no `end_at`: a suppression must end by itself",
                "ends at 2026-03-14T14:00:00Z, not after its start 2026-03-14T14:00:00Z",
                "ends at 2026-06-10T14:00:00Z, more than 92 days after 2026-03-09T14:00:00Z",
                "names no `entity_id`, `task` or `driver`: it would hide everything",
                "decided at 2026-03-10T14:00:00Z, which lies in the future",
                "the fact is `mute`, expected set or lifted",
            ]
        );
        assert_eq!(
            outcome.rejected[0].sample,
            "set,r/A,,,,festival,2026-03-09T14:00:00Z,,2026-03-14T14:00:00Z",
            "nothing is lost"
        );
    }
}
