//! What derive reads, as of the run.

use arrow::array::RecordBatch;
use foresite_kpi::{CounterRows, CounterSets, Hierarchy, KpiError, Nulling, ObjectMap};
use foresite_schema::TableDef;
use foresite_schema::catalog::{derived, raw};
use foresite_stage::{Context, ErrorKind, Inputs, Interval, Result, StageError};
use foresite_tables::{Read, Table};

/// A counter set is named by what it says, and each counter came with its names: which file brought
/// them first, and when, is no matter, so that these are read as of no clock.
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
const INVENTORY: [&str; 7] =
    ["entity_type", "entity_id", "parent_id", "valid_from", "valid_to", "known_at", "lineage_id"];
const QUALITY: [&str; 9] = [
    "rule",
    "scope",
    "period_start",
    "period_end",
    "severity",
    "verdict",
    "tombstone",
    "known_at",
    "lineage_id",
];

/// Source of the findings on counters.
const COUNTERS: &str = "counters";

/// The network as described: the same for every step of a run.
pub(crate) struct Network {
    pub(crate) sets: CounterSets,
    pub(crate) objects: ObjectMap,
    pub(crate) hierarchy: Hierarchy,
    inputs: Inputs,
}

/// The measurements of one step, and everything that identifies the computation on them.
pub(crate) struct Measured {
    pub(crate) counters: RecordBatch,
    pub(crate) nulling: Nulling,
    pub(crate) inputs: Inputs,
}

/// The input tables.
pub(crate) struct Tables {
    counters: Table,
    quality: Option<Table>,
}

impl Tables {
    pub(crate) fn open(cx: &Context) -> Result<Self> {
        Ok(Self {
            counters: ingested(cx, raw::pm_counters())?,
            quality: cx.root().find(derived::quality())?,
        })
    }

    /// Reads one step: every version of its counters that was known as of the run.
    pub(crate) fn measured(
        &self,
        cx: &Context,
        network: &Network,
        step: Interval,
    ) -> Result<Measured> {
        let read = Read::all().period(step.start, step.end).as_of(cx.as_of());
        let counters = self.counters.read_all(&read.clone().columns(CounterRows::COLUMNS))?;
        let mut inputs = network.inputs.clone();
        inputs.add_rows("pm_counters", &counters, "file_id")?;
        let quality = match &self.quality {
            // The other sources of `quality` judge what comes later.
            Some(table) => vec![table.read_all(&read.columns(QUALITY).text("source", COUNTERS))?],
            None => Vec::new(),
        };
        for batch in &quality {
            inputs.add_rows("quality", batch, "lineage_id")?;
        }
        Ok(Measured { counters, nulling: Nulling::new(&quality).map_err(unfit)?, inputs })
    }
}

impl Network {
    /// Reads the description of the network. Without an inventory, entity ids say what belongs to
    /// what.
    pub(crate) fn read(cx: &Context) -> Result<Self> {
        let mut inputs = Inputs::new();
        let sets = ingested(cx, raw::counter_sets())?;
        let sets = sets.read_all(&Read::all().columns(SETS))?;
        let read = |columns: &[&str]| Read::all().as_of(cx.as_of()).columns(columns);
        let objects = cx.root().existing(raw::objects()).map_err(|error| {
            StageError::from(error).hint("ingest an objects file: which object makes which cell")
        })?;
        let objects = objects.read_all(&read(&OBJECTS))?;
        inputs.add_rows("objects", &objects, "lineage_id")?;
        let mut inventory = Vec::new();
        if let Some(table) = cx.root().find(raw::inventory())? {
            let rows = table.read_all(&read(&INVENTORY))?;
            inputs.add_rows("inventory", &rows, "lineage_id")?;
            inventory.push(rows);
        }
        Ok(Self {
            sets: CounterSets::new(&[sets]).map_err(unfit)?,
            objects: ObjectMap::new(&[objects]).map_err(unfit)?,
            hierarchy: Hierarchy::new(&inventory).map_err(unfit)?,
            inputs,
        })
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
