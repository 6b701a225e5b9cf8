//! What featurize reads, as of the run.

use std::collections::BTreeSet;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::{Int32Type, TimestampMicrosecondType};
use foresite_features::BatchError;
use foresite_features::events::{EventLog, Marks, Tickets};
use foresite_features::network::Network;
use foresite_features::profile::{self, Profiles};
use foresite_features::series::{KEY_COLUMNS, note_entities};
use foresite_features::task::{Micros, SECOND, Task, WEEK};
use foresite_schema::TableDef;
use foresite_schema::catalog::{derived, raw};
use foresite_stage::{Context, ErrorKind, Inputs, Result, StageError};
use foresite_tables::{Read, Table};

const INVENTORY: [&str; 12] = [
    "entity_id",
    "entity_type",
    "parent_id",
    "prb_count",
    "software",
    "commissioned_at",
    "time_zone",
    "holiday_calendar",
    "valid_from",
    "valid_to",
    "known_at",
    "lineage_id",
];
const EDGES: [&str; 7] =
    ["a_id", "b_id", "kind", "valid_from", "valid_to", "known_at", "lineage_id"];
const ALARMS: [&str; 9] = [
    "alarm_id",
    "fact",
    "at",
    "entity_id",
    "specific_problem",
    "severity",
    "probable_cause",
    "known_at",
    "file_id",
];
const TICKETS: [&str; 9] =
    ["ticket_id", "fact", "at", "entity_id", "start_at", "end_at", "cause", "known_at", "file_id"];
const LABELS: [&str; 8] =
    ["entity_id", "label", "at", "end_at", "value", "class", "known_at", "file_id"];
const PROFILES: [&str; 9] = [
    "entity_id",
    "channel",
    "hour_of_week",
    "valid_from",
    "median",
    "spread",
    "observations",
    "known_at",
    "lineage_id",
];

/// The network and what happened to it.
pub(crate) struct World {
    pub(crate) network: Network,
    pub(crate) alarms: EventLog,
    pub(crate) tickets: Tickets,
    pub(crate) marks: Marks,
    pub(crate) labels: EventLog,
}

impl World {
    /// Reads everything but series; alarms from `since` on.
    pub(crate) fn read(cx: &Context, since: Micros, inputs: &mut Inputs) -> Result<Self> {
        let all = |columns: &[&str]| Read::all().as_of(cx.as_of()).columns(columns);
        let derived = "lineage_id";
        let inventory = rows(cx, raw::inventory(), &all(&INVENTORY), derived, inputs)?;
        let edges = rows(cx, raw::topology_edges(), &all(&EDGES), derived, inputs)?;
        let recent = all(&ALARMS).period(since, Micros::MAX);
        let alarms = rows(cx, raw::alarms(), &recent, "file_id", inputs)?;
        let tickets = rows(cx, raw::tickets(), &all(&TICKETS), "file_id", inputs)?;
        let labels = rows(cx, raw::labels(), &all(&LABELS), "file_id", inputs)?;
        // All columns: a table of an older release lacks some.
        let known = Read::all().as_of(cx.as_of());
        let marks = rows(cx, raw::feedback(), &known, "file_id", inputs)?;
        Ok(Self {
            network: Network::read(&inventory, &edges).map_err(unfit)?,
            alarms: EventLog::alarms(&alarms).map_err(unfit)?,
            tickets: Tickets::read(&tickets).map_err(unfit)?,
            marks: Marks::read(&marks).map_err(unfit)?,
            labels: EventLog::labels(&labels).map_err(unfit)?,
        })
    }

    /// The network alone, for what looks at nothing else.
    pub(crate) fn network(cx: &Context, inputs: &mut Inputs) -> Result<Network> {
        let all = |columns: &[&str]| Read::all().as_of(cx.as_of()).columns(columns);
        let inventory = rows(cx, raw::inventory(), &all(&INVENTORY), "lineage_id", inputs)?;
        let edges = rows(cx, raw::topology_edges(), &all(&EDGES), "lineage_id", inputs)?;
        Network::read(&inventory, &edges).map_err(unfit)
    }

    /// Ids of the task's entities: those of the inventory, or else those that data speaks of.
    pub(crate) fn entities(&self, cx: &Context, task: &Task) -> Result<Vec<String>> {
        let listed: Vec<String> = self.network.ever(&task.entity_type).map(str::to_owned).collect();
        if !listed.is_empty() {
            return Ok(listed);
        }
        let mut found: Vec<String> = match cx.root().find(derived::kpis())? {
            Some(kpis) => in_kpis(cx, &kpis, &task.entity_type, (Micros::MIN, Micros::MAX))?,
            None => Vec::new(),
        };
        if found.is_empty() {
            let all: BTreeSet<&str> = self.alarms.entities().collect();
            found = all.into_iter().map(str::to_owned).collect();
        }
        Ok(found)
    }

    /// Whether an entity is in service at `at`; without an inventory all always are.
    pub(crate) fn is_in_service(&self, entity: &str, at: Micros) -> bool {
        !self.network.is_listed(entity) || self.network.state(entity, at).is_some()
    }
}

/// All versions of the rows of a table as one batch; none where the table is not there.
fn rows(
    cx: &Context,
    def: TableDef,
    read: &Read,
    id_column: &str,
    inputs: &mut Inputs,
) -> Result<Vec<RecordBatch>> {
    let name = def.name.clone();
    let Some(table) = cx.root().find(def)? else {
        tracing::debug!(table = name, "table is not there");
        return Ok(Vec::new());
    };
    let batch = table.read_all(read)?;
    inputs.add_rows(&name, &batch, id_column)?;
    Ok(vec![batch])
}

/// Profiles that a cutoff in `[from, until]` may see.
pub(crate) fn profiles(
    cx: &Context,
    (from, until): (Micros, Micros),
    inputs: &mut Inputs,
) -> Result<Profiles> {
    let Some(table) = cx.root().find(derived::profiles())? else {
        return Ok(Profiles::default());
    };
    // Profiles are built daily; two weeks bridge a pipeline that stood still.
    let read = |from| Read::all().as_of(cx.as_of()).period(from, until);
    let of_sets = read(from - 2 * WEEK).columns(profile::SET_COLUMNS);
    let Some(first) = profile::first_needed(table.scan(&of_sets)?, from, unfit)? else {
        return Ok(Profiles::default());
    };
    let batch = table.read_all(&read(first).columns(PROFILES))?;
    inputs.add_rows(&table.def().name, &batch, "lineage_id")?;
    Ok(profile::read(&[batch]).map_err(unfit)?.since(from))
}

/// Ids of a type that have rows in `kpis`, for sets that come without an inventory.
pub(crate) fn in_kpis(
    cx: &Context,
    kpis: &Table,
    entity_type: &str,
    (from, until): (Micros, Micros),
) -> Result<Vec<String>> {
    let read = Read::all()
        .as_of(cx.as_of())
        .period(from, until)
        .text("entity_type", entity_type)
        .columns(["entity_type", "entity_id"]);
    let mut found = BTreeSet::new();
    for batch in kpis.scan(&read)? {
        note_entities(&batch?, entity_type, &mut found).map_err(unfit)?;
    }
    Ok(found.into_iter().collect())
}

/// The first period from `since` on of which rows no longer than `longest` exist.
pub(crate) fn first_period(
    cx: &Context,
    (since, until): (Micros, Micros),
    longest: Micros,
) -> Result<Option<Micros>> {
    let Some(kpis) = cx.root().find(derived::kpis())? else {
        return Ok(None);
    };
    let columns = ["period_start", "granularity_s"];
    let read = Read::all().as_of(cx.as_of()).period(since, until).columns(columns);
    let mut first: Option<Micros> = None;
    for batch in kpis.scan(&read)? {
        let batch = batch?;
        let starts = batch.column(0).as_primitive::<TimestampMicrosecondType>();
        let lengths = batch.column(1).as_primitive::<Int32Type>();
        let pairs = starts.values().iter().zip(lengths.values());
        let fitting = pairs.filter(|(_, seconds)| Micros::from(**seconds) * SECOND <= longest);
        let earliest = fitting.map(|(start, _)| *start).min();
        first = [first, earliest].into_iter().flatten().min();
    }
    Ok(first)
}

/// The table `kpis`, or an error that says who fills it.
pub(crate) fn kpis(cx: &Context) -> Result<Table> {
    cx.root()
        .existing(derived::kpis())
        .map_err(|error| StageError::from(error).hint("run ingest and derive first"))
}

/// Reads `kpis` in `period`, file by file, and hands every batch on; notes its rows as inputs.
///
/// Columns that the table lacks are left out: nobody has imported such a channel yet.
pub(crate) fn scan(
    cx: &Context,
    table: &Table,
    (channels, entity_type, period): (&[String], Option<&str>, (Micros, Micros)),
    inputs: &mut Inputs,
    mut take: impl FnMut(&RecordBatch) -> Result<(), BatchError>,
) -> Result<()> {
    let known =
        channels.iter().map(String::as_str).filter(|name| table.def().column(name).is_some());
    let columns: BTreeSet<&str> = KEY_COLUMNS.into_iter().chain(known).collect();
    let mut read = Read::all().as_of(cx.as_of()).period(period.0, period.1).columns(columns);
    if let Some(entity_type) = entity_type {
        read = read.text("entity_type", entity_type);
    }
    for batch in table.scan(&read)? {
        cx.check_stop()?;
        let batch = batch?;
        inputs.add_rows("kpis", &batch, "lineage_id")?;
        take(&batch).map_err(unfit)?;
    }
    Ok(())
}

/// An error of the feature crate: a table holds something that it cannot use.
pub(crate) fn unfit(error: BatchError) -> StageError {
    StageError::new(ErrorKind::BadData, error.to_string())
}
