//! What validate reads, as of the run.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::Array as _;
use foresite_kpi::{Columns, CounterRows, CounterSets, HOUR, KpiError, ObjectMap, micros};
use foresite_schema::TableDef;
use foresite_schema::catalog::raw;
use foresite_stage::{Context, ErrorKind, Inputs, Interval, Result, StageError};
use foresite_tables::{Read, Table};

use crate::elements::{ElementHour, Place, collect};

/// As of no clock: a counter came with its names, whichever file brought them first.
const SETS: [&str; 3] = ["counter_set", "vendor", "counters"];
const OBJECTS: [&str; 8] = [
    "ne_dn",
    "ldn",
    "entity_type",
    "entity_id",
    "valid_from",
    "valid_to",
    "known_at",
    "lineage_id",
];
const LEDGER: [&str; 4] = ["ne_dn", "kind", "period_start", "landed_at"];

/// The input tables, and what all steps share.
pub(crate) struct Sources {
    counters: Table,
    ledger: Option<Table>,
    sets: CounterSets,
    pub(crate) objects: ObjectMap,
    inputs: Inputs,
}

/// The rows of one step.
pub(crate) struct Measured {
    pub(crate) elements: BTreeMap<Place, ElementHour>,
    pub(crate) expected: BTreeSet<Place>,
    pub(crate) rows: u64,
    pub(crate) inputs: Inputs,
}

impl Sources {
    pub(crate) fn open(cx: &Context) -> Result<Self> {
        let mut inputs = Inputs::new();
        let read = |columns: &[&str]| Read::all().as_of(cx.as_of()).columns(columns);
        let sets = ingested(cx, raw::counter_sets())?.read_all(&Read::all().columns(SETS))?;
        let mut objects = Vec::new();
        // Without objects every element is judged by what it sent.
        if let Some(table) = cx.root().find(raw::objects())? {
            let rows = table.read_all(&read(&OBJECTS))?;
            inputs.add_rows("objects", &rows, "lineage_id")?;
            objects.push(rows);
        }
        Ok(Self {
            counters: ingested(cx, raw::pm_counters())?,
            ledger: cx.root().find(raw::ingest_ledger())?,
            sets: CounterSets::new(&[sets]).map_err(unfit)?,
            objects: ObjectMap::new(&objects).map_err(unfit)?,
            inputs,
        })
    }

    pub(crate) fn measured(&self, cx: &Context, step: Interval) -> Result<Measured> {
        let read = Read::all().period(step.start, step.end);
        let counters = self
            .counters
            .read_all(&read.clone().as_of(cx.as_of()).columns(CounterRows::COLUMNS))?;
        let mut inputs = self.inputs.clone();
        inputs.add_rows("pm_counters", &counters, "file_id")?;
        let expected = match &self.ledger {
            Some(ledger) => self.expected(ledger, &read, cx, &mut inputs)?,
            None => BTreeSet::new(),
        };
        Ok(Measured {
            elements: collect(&counters, &self.sets).map_err(unfit)?,
            expected,
            rows: counters.num_rows() as u64,
            inputs,
        })
    }

    /// Elements and hours of which the ledger knows a measurement file, or the lack of one.
    fn expected(
        &self,
        ledger: &Table,
        read: &Read,
        cx: &Context,
        inputs: &mut Inputs,
    ) -> Result<BTreeSet<Place>> {
        let batch = ledger.read_all(&read.clone().columns(LEDGER))?;
        let columns = Columns(&batch);
        let (elements, kinds) =
            (columns.text("ne_dn").map_err(unfit)?, columns.text("kind").map_err(unfit)?);
        let starts = columns.times("period_start").map_err(unfit)?;
        let landed = columns.times("landed_at").map_err(unfit)?;
        let mut found = BTreeSet::new();
        for row in 0..batch.num_rows() {
            let in_time = micros(&landed, row).is_some_and(|landed| landed <= cx.as_of());
            if in_time && elements.is_valid(row) && kinds.value(row) == "pm" {
                let hour = starts.value(row).div_euclid(HOUR) * HOUR;
                found.insert((elements.value(row).to_owned(), hour));
            }
        }
        for (element, hour) in &found {
            inputs.add_id("ingest_ledger", format!("{element} {hour}"));
        }
        Ok(found)
    }
}

/// A table that ingest fills with the first measurement file.
fn ingested(cx: &Context, def: TableDef) -> Result<Table> {
    let missing = |error| StageError::from(error).hint("run ingest first");
    cx.root().existing(def).map_err(missing)
}

/// An error of the kernel: the tables hold something that it cannot use.
pub(crate) fn unfit(error: KpiError) -> StageError {
    StageError::new(ErrorKind::BadData, error.to_string()).because(error)
}
