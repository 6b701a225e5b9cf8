//! Local events: what has no time or place, or stands twice with different words, goes to the
//! quarantine.
//!
//! Whether the entities exist is not asked here: inventory may come later. `monitor` tells which
//! are not known.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{
    Array as _, AsArray as _, BooleanArray, Float64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use foresite_pm::mapping::TableBatch;
use foresite_schema::catalog::raw;
use foresite_schema::local_events::{
    CANCELLED, Fault, LARGEST_RADIUS_KM, LONGEST_DAYS, PLANNED, Row, fault,
};
use foresite_stage::Result;
use foresite_tables::Micros;
use jiff::Timestamp;

use crate::outcome::Outcome;

/// Keeps of the local events in `batches` those that have a time and a place.
pub(crate) fn check(outcome: &mut Outcome, batches: &mut [TableBatch]) -> Result<()> {
    for rows in batches.iter_mut().filter(|rows| rows.table.name == raw::local_events().name) {
        rows.batch = checked(&rows.batch, outcome)?;
    }
    Ok(())
}

fn checked(batch: &RecordBatch, outcome: &mut Outcome) -> Result<RecordBatch> {
    let rows = Rows::of(batch);
    let contradicting = rows.contradicting();
    let mut keep = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let contradiction = || {
            contradicting.contains(&row).then(|| {
                "stands twice with different contents: which of them holds nobody can say"
                    .to_owned()
            })
        };
        let fault = rows.fault(row).or_else(contradiction);
        keep.push(fault.is_none());
        if let Some(reason) = fault {
            let place = format!("event_id {}", rows.id.value(row));
            outcome.set_aside(place, reason, rows.sample(row));
        }
    }
    Ok(filter_record_batch(batch, &BooleanArray::from(keep))?)
}

/// The columns of `local_events` that the checks look at.
struct Rows {
    id: StringArray,
    fact: StringArray,
    name: StringArray,
    entities: StringArray,
    effect: StringArray,
    circle: [Float64Array; 3],
    at: TimestampMicrosecondArray,
    end: TimestampMicrosecondArray,
    known_at: TimestampMicrosecondArray,
}

impl Rows {
    fn of(batch: &RecordBatch) -> Self {
        // The batch has the schema of the table.
        let text = |name: &str| batch[name].as_string::<i32>().clone();
        let number = |name: &str| batch[name].as_primitive::<Float64Type>().clone();
        let time = |name: &str| batch[name].as_primitive::<TimestampMicrosecondType>().clone();
        Self {
            id: text("event_id"),
            fact: text("fact"),
            name: text("name"),
            entities: text("entities"),
            effect: text("expected_effect"),
            circle: ["latitude", "longitude", "radius_km"].map(number),
            at: time("at"),
            end: time("end_at"),
            known_at: time("known_at"),
        }
    }

    /// Why a row is refused; `None` where it is not.
    fn fault(&self, row: usize) -> Option<String> {
        let said = Row {
            fact: self.fact.value(row),
            entities: self.entities.is_valid(row).then(|| self.entities.value(row)),
            circle: self.circle(row),
            start: self.at.value(row),
            end: self.end.is_valid(row).then(|| self.end.value(row)),
        };
        fault(&said).map(|fault| words(fault, said.fact))
    }

    fn circle(&self, row: usize) -> [Option<f64>; 3] {
        self.circle.each_ref().map(|column| column.is_valid(row).then(|| column.value(row)))
    }

    /// Rows that say something else of an event than another row known since the same moment.
    fn contradicting(&self) -> BTreeSet<usize> {
        let mut rows_of: BTreeMap<(&str, Micros), Vec<usize>> = BTreeMap::new();
        for row in 0..self.id.len() {
            rows_of.entry((self.id.value(row), self.known_at.value(row))).or_default().push(row);
        }
        let differ = |rows: &&Vec<usize>| {
            let said: BTreeSet<String> = rows.iter().map(|row| self.sample(*row)).collect();
            said.len() > 1
        };
        rows_of.values().filter(differ).flatten().copied().collect()
    }

    /// What the row said, for who looks at the quarantine.
    fn sample(&self, row: usize) -> String {
        let text = |column: &StringArray| {
            if column.is_valid(row) { column.value(row).to_owned() } else { String::new() }
        };
        let time = |column: &TimestampMicrosecondArray| {
            if column.is_valid(row) { stamp(column.value(row)) } else { String::new() }
        };
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let [latitude, longitude, radius_km] = self.circle(row).map(number);
        [
            text(&self.fact),
            text(&self.name),
            time(&self.at),
            time(&self.end),
            text(&self.entities),
            latitude,
            longitude,
            radius_km,
            text(&self.effect),
        ]
        .join(",")
    }
}

/// The fault for who looks at the quarantine.
fn words(fault: Fault, fact: &str) -> String {
    match fault {
        Fault::NoFact => format!("the fact is `{fact}`, expected {PLANNED} or {CANCELLED}"),
        Fault::NoEnd => "has no end: an event without one would explain whatever follows".into(),
        Fault::Empty(end, start) => {
            format!("ends at {}, not after its start {}", stamp(end), stamp(start))
        }
        Fault::TooLong(end) => {
            format!("ends at {}, more than {LONGEST_DAYS} days after its start", stamp(end))
        }
        Fault::NoPlace => {
            "names neither `entities` nor `latitude`, `longitude` and `radius_km`: it takes place \
             nowhere"
                .into()
        }
        Fault::PartOfACircle => {
            "a circle needs `latitude`, `longitude` and `radius_km`, all three of them".into()
        }
        Fault::NoCircle([latitude, longitude, radius_km]) => format!(
            "{radius_km} km around {latitude}, {longitude} is no circle: expected degrees and more \
             than 0 to {LARGEST_RADIUS_KM} km"
        ),
    }
}

/// `2026-03-09T14:00:00Z`.
fn stamp(at: Micros) -> String {
    Timestamp::from_microsecond(at).map_or_else(|_| at.to_string(), |at| at.to_string())
}
