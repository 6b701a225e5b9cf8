//! Reading tables as of the run, remembering what was read.

use arrow::array::RecordBatch;
use foresite_features::BatchError;
use foresite_features::events::{EventLog, Marks, Tickets};
use foresite_features::network::Network;
use foresite_kpi::{KpiError, Micros};
use foresite_schema::TableDef;
use foresite_schema::catalog::raw;
use foresite_stage::{Context, ErrorKind, Inputs, Result, StageError};
use foresite_tables::Read;

/// The tables of one run. A table that is not there is an empty one: a data root without tickets is
/// still watched.
pub(crate) struct Source<'a> {
    pub(crate) cx: &'a Context,
    pub(crate) inputs: Inputs,
}

impl<'a> Source<'a> {
    pub(crate) fn new(cx: &'a Context) -> Self {
        Self { cx, inputs: Inputs::new() }
    }

    /// All versions of the rows, batch by batch.
    pub(crate) fn scan(
        &mut self,
        def: TableDef,
        read: Read,
        mut take: impl FnMut(&RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let Some(table) = self.cx.root().find(def)? else {
            return Ok(());
        };
        let name = table.def().name.clone();
        for batch in table.scan(&read.as_of(self.cx.as_of()))? {
            self.cx.check_stop()?;
            let batch = batch?;
            let id =
                if batch.column_by_name("file_id").is_some() { "file_id" } else { "lineage_id" };
            self.inputs.add_rows(&name, &batch, id)?;
            take(&batch)?;
        }
        Ok(())
    }

    /// All versions of the rows at once, of tables that are small or read over a short time.
    pub(crate) fn rows(&mut self, def: TableDef, read: Read) -> Result<Vec<RecordBatch>> {
        let mut batches = Vec::new();
        self.scan(def, read, |batch| {
            batches.push(batch.clone());
            Ok(())
        })?;
        Ok(batches)
    }

    /// The rows as they were known, one per key; `None` where there is no such table.
    pub(crate) fn resolved(&mut self, def: TableDef, read: Read) -> Result<Option<RecordBatch>> {
        self.cx.check_stop()?;
        let Some(table) = self.cx.root().find(def)? else {
            return Ok(None);
        };
        let rows = table.read(&read.as_of(self.cx.as_of()))?;
        let id = if rows.column_by_name("file_id").is_some() { "file_id" } else { "lineage_id" };
        self.inputs.add_rows(&table.def().name, &rows, id)?;
        Ok(Some(rows))
    }

    /// Inventory and topology.
    pub(crate) fn network(&mut self) -> Result<Network> {
        let inventory = self.rows(raw::inventory(), Read::all())?;
        let edges = self.rows(raw::topology_edges(), Read::all())?;
        Network::read(&inventory, &edges).map_err(misfit)
    }

    /// Outages and planned work written down since `since`.
    pub(crate) fn tickets(&mut self, since: Micros) -> Result<Tickets> {
        let rows = self.rows(raw::tickets(), Read::all().period(since, Micros::MAX))?;
        Tickets::read(&rows).map_err(misfit)
    }

    /// Alarms since `since`.
    pub(crate) fn alarms(&mut self, since: Micros) -> Result<EventLog> {
        let rows = self.rows(raw::alarms(), Read::all().period(since, Micros::MAX))?;
        EventLog::alarms(&rows).map_err(misfit)
    }

    /// Marks of people since `since`.
    pub(crate) fn marks(&mut self, since: Micros) -> Result<Marks> {
        let rows = self.rows(raw::feedback(), Read::all().period(since, Micros::MAX))?;
        Marks::read(&rows).map_err(misfit)
    }
}

/// An error of a kernel: a table holds something that it cannot use.
pub(crate) fn misfit(error: BatchError) -> StageError {
    StageError::new(ErrorKind::BadData, error.to_string()).because(error)
}

/// The same of columns.
pub(crate) fn unfit(error: KpiError) -> StageError {
    StageError::new(ErrorKind::BadData, error.to_string()).because(error)
}
