//! Reads tables as of the run and notes what was read.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;
use foresite_features::cube::Cube;
use foresite_features::events::{EventLog, Tickets};
use foresite_features::network::Network;
use foresite_features::profile::{self, Profiles};
use foresite_features::series::{KEY_COLUMNS, SeriesBuilder, note_entities};
use foresite_features::task::{Micros, Task, WEEK};
use foresite_schema::TableDef;
use foresite_schema::catalog::{derived, raw};
use foresite_stage::{ErrorKind, Inputs, Result, StageError};
use foresite_tables::{Read, Root, Table};

const TICKETS: [&str; 9] =
    ["ticket_id", "fact", "at", "entity_id", "start_at", "end_at", "cause", "known_at", "file_id"];

/// A reader of one run.
#[derive(Debug)]
pub struct Reader<'a> {
    root: &'a Root,
    as_of: Micros,
    inputs: Inputs,
}

impl<'a> Reader<'a> {
    /// A reader that sees what was known at `as_of`.
    pub fn new(root: &'a Root, as_of: Micros) -> Self {
        Self { root, as_of, inputs: Inputs::new() }
    }

    /// What was read so far.
    pub fn inputs(&mut self) -> &mut Inputs {
        &mut self.inputs
    }

    /// The run's clock.
    pub fn as_of(&self) -> Micros {
        self.as_of
    }

    /// The data root.
    pub fn root(&self) -> &'a Root {
        self.root
    }

    /// All versions that `read` asks for, known as of the run; none where there is no table.
    pub(crate) fn rows(
        &mut self,
        def: TableDef,
        read: Read,
        id_column: &str,
    ) -> Result<Vec<RecordBatch>> {
        let Some(table) = self.root.find(def)? else {
            return Ok(Vec::new());
        };
        let mut batches = Vec::new();
        self.scan(&table, read, id_column, |batch| {
            batches.push(batch.clone());
            Ok(())
        })?;
        Ok(batches)
    }

    fn scan(
        &mut self,
        table: &Table,
        read: Read,
        id_column: &str,
        mut take: impl FnMut(&RecordBatch) -> Result<()>,
    ) -> Result<()> {
        for batch in table.scan(&read.as_of(self.as_of))? {
            let batch = batch?;
            self.inputs.add_rows(&table.def().name, &batch, id_column)?;
            take(&batch)?;
        }
        Ok(())
    }

    /// Inventory and topology.
    ///
    /// # Errors
    /// Storage errors; `BadData` for columns of another type.
    pub fn network(&mut self) -> Result<Network> {
        let inventory = self.rows(raw::inventory(), Read::all(), "lineage_id")?;
        let edges = self.rows(raw::topology_edges(), Read::all(), "lineage_id")?;
        Network::read(&inventory, &edges).map_err(bad_data)
    }

    /// Planned work that was written down at or after `since`.
    ///
    /// # Errors
    /// As [`Reader::network`].
    pub fn planned_work(&mut self, since: Micros) -> Result<EventLog> {
        let read = Read::all().columns(TICKETS).period(since, Micros::MAX);
        let rows = self.rows(raw::tickets(), read, "file_id")?;
        Ok(Tickets::read(&rows).map_err(bad_data)?.planned)
    }

    /// Profiles that a cutoff in `[start, end]` may see; two weeks bridge a pipeline that stood
    /// still.
    ///
    /// # Errors
    /// As [`Reader::network`].
    pub fn profiles(&mut self, task: &Task, (start, end): (Micros, Micros)) -> Result<Profiles> {
        let Some(table) = self.root.find(derived::profiles())? else {
            return Ok(Profiles::default());
        };
        let read = |from| Read::all().period(from, end + 1).text("entity_type", &task.entity_type);
        let of_sets = read(start - 2 * WEEK).as_of(self.as_of).columns(profile::SET_COLUMNS);
        let Some(first) = profile::first_needed(table.scan(&of_sets)?, start, bad_data)? else {
            return Ok(Profiles::default());
        };
        let rows = self.rows(derived::profiles(), read(first), "lineage_id")?;
        // A service holds them for as long as it may be asked again.
        Ok(profile::read(&rows).map_err(bad_data)?.since(start))
    }

    /// The task's series over `[start, end)`, on the task's grid.
    ///
    /// # Errors
    /// As [`Reader::network`]; `Missing` where there is no table `kpis`.
    pub fn series(
        &mut self,
        task: &Task,
        network: &Network,
        (start, end): (Micros, Micros),
    ) -> Result<Cube> {
        let table = self
            .root
            .existing(derived::kpis())
            .map_err(|error| StageError::from(error).hint("run ingest and derive first"))?;
        let mut entities: Vec<String> =
            network.ever(&task.entity_type).map(str::to_owned).collect();
        if entities.is_empty() {
            entities = self.entities_in(&table, task, (start, end))?;
        }
        let mut builder = SeriesBuilder::new(task, network, entities, (start, end), self.as_of);
        let period = builder.period();
        let columns: BTreeSet<String> = SeriesBuilder::columns(task)
            .into_iter()
            .filter(|name| table.def().column(name).is_some())
            .collect();
        let members = task.inputs.members.as_ref();
        let of_type = members.map_or(&task.entity_type, |members| &members.entity_type);
        let read =
            Read::all().columns(columns).text("entity_type", of_type).period(period.0, period.1);
        self.scan(&table, read, "lineage_id", |batch| {
            builder.push(batch).map(|_| ()).map_err(bad_data)
        })?;
        Ok(builder.finish())
    }

    /// Ids that have rows, for sets that come without an inventory.
    fn entities_in(
        &self,
        table: &Table,
        task: &Task,
        (start, end): (Micros, Micros),
    ) -> Result<Vec<String>> {
        let read = Read::all()
            .columns(KEY_COLUMNS)
            .text("entity_type", &task.entity_type)
            .period(start, end)
            .as_of(self.as_of);
        let mut found = BTreeSet::new();
        for batch in table.scan(&read)? {
            note_entities(&batch?, &task.entity_type, &mut found).map_err(bad_data)?;
        }
        Ok(found.into_iter().collect())
    }
}

pub(crate) fn bad_data(error: impl std::fmt::Display) -> StageError {
    StageError::new(ErrorKind::BadData, error.to_string())
}
