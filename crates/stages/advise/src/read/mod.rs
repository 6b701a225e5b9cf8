//! From tables to the plain structs of [`crate::inputs`].
//!
//! A table that is not there is an empty one: a data root without tickets still gets a worklist.
//! Everything read is noted for the lineage.

mod came;
mod columns;
mod context;
mod durations;
mod facts;
mod incidents;
mod judged;
mod models;
mod network;
mod placed;
mod predictions;
mod series;
mod suppressions;

pub(crate) use columns::Rows;
pub(crate) use incidents::MEMORY;
pub(crate) use predictions::{REPLAY, TASK_OFFSET};

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use foresite_schema::TableDef;
use foresite_stage::{Context as StageContext, Inputs, Result};
use foresite_tables::{Read, Table};

use crate::advice::Focus;
use crate::clock::Micros;
use crate::config::Config;
use crate::inputs::{Context, Signals};

/// Models by task, whose replays are read in the place of what was published.
pub(crate) type Asked = BTreeMap<String, String>;

/// Reads tables as of a run and remembers what was read.
pub struct Reader<'a> {
    cx: &'a StageContext,
    config: &'a Config,
    cutoff: Micros,
    as_of: Micros,
    asked: Asked,
    inputs: Inputs,
    /// Tables by name, opened once; `None` where there is no such table.
    tables: BTreeMap<String, Option<Table>>,
}

impl<'a> Reader<'a> {
    /// A reader for the cutoff, which knows what was known as of the run.
    pub fn new(cx: &'a StageContext, config: &'a Config, cutoff: Micros) -> Self {
        let (asked, inputs, tables) = (Asked::new(), Inputs::new(), BTreeMap::new());
        Self { cx, config, cutoff, as_of: cx.as_of(), asked, inputs, tables }
    }

    /// Goes on to another cutoff and to what was known at `as_of`, with nothing read about it.
    pub(crate) fn turn_to(&mut self, cutoff: Micros, as_of: Micros) {
        (self.cutoff, self.as_of, self.inputs) = (cutoff, as_of, Inputs::new());
    }

    /// The same reader, with these models in the place of those that served.
    #[must_use]
    pub(crate) fn asking(self, asked: &Asked) -> Self {
        Self { asked: asked.clone(), ..self }
    }

    /// What was read so far.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// Reads what was said about the cutoff.
    ///
    /// # Errors
    /// Storage errors; `Stopped`.
    pub fn signals(&mut self) -> Result<Signals> {
        let network = self.network()?;
        let predictions = self.predictions()?;
        let alert_states = self.alert_states(&predictions)?;
        let prior = self.prior_incidents()?;
        let alarms = self.alarms()?;
        let has_alarms = alarms.is_some();
        let mut facts = alarms.unwrap_or_default();
        facts.extend(self.tickets()?);
        Ok(Signals {
            cutoff: self.cutoff,
            as_of: self.as_of,
            predictions,
            alert_states,
            prior,
            network,
            facts,
            has_alarms,
            marks: self.marks()?,
            suppressions: self.suppressions()?,
            placed: self.placed()?,
            named: self.named()?,
            lasted: self.lasted()?,
        })
    }

    /// Reads the series that decide about the places on a list.
    ///
    /// # Errors
    /// Storage errors; `Stopped`.
    pub fn series(&mut self, focus: &Focus) -> Result<Context> {
        let (hourly, profiles) = (self.hourly(focus)?, self.profiles(focus)?);
        Ok(Context { hourly, profiles, ..Context::default() })
    }

    /// Reads the series behind the focus, and what rows and report add.
    ///
    /// # Errors
    /// Storage errors; `Stopped`.
    pub fn context(&mut self, focus: &Focus, signals: &Signals) -> Result<Context> {
        Ok(Context {
            busy_hours: self.busy_hours(focus, signals)?,
            evaluations: self.evaluations(signals)?,
            completeness: self.completeness()?,
            lineage: models::lineage(signals),
            judged: self.judged()?,
            came: self.came()?,
            ..self.series(focus)?
        })
    }

    /// A table, if it is there.
    fn table(&mut self, def: TableDef) -> Result<Option<Table>> {
        if let Some(opened) = self.tables.get(&def.name) {
            return Ok(opened.clone());
        }
        let name = def.name.clone();
        let opened = self.cx.root().find(def)?;
        self.tables.insert(name, opened.clone());
        Ok(opened)
    }

    /// The rows as they were known; `None` where there is no such table.
    fn resolved(&mut self, def: TableDef, read: Read) -> Result<Option<RecordBatch>> {
        self.resolved_at(def, read, self.as_of)
    }

    /// The rows as they were known at that time.
    fn resolved_at(
        &mut self,
        def: TableDef,
        read: Read,
        as_of: Micros,
    ) -> Result<Option<RecordBatch>> {
        self.cx.check_stop()?;
        let Some(table) = self.table(def)? else {
            return Ok(None);
        };
        let rows = table.read(&read.as_of(as_of))?;
        let name = &table.def().name;
        let id = if rows.column_by_name("file_id").is_some() { "file_id" } else { "lineage_id" };
        self.inputs.add_rows(name, &rows, id)?;
        Ok(Some(rows))
    }

    /// All versions of the rows, batch by batch, so that memory stays bounded by what `take` keeps.
    fn scanned(
        &mut self,
        def: TableDef,
        read: Read,
        mut take: impl FnMut(&Rows<'_>) -> Result<()>,
    ) -> Result<()> {
        let Some(table) = self.table(def)? else {
            return Ok(());
        };
        for batch in table.scan(&read.as_of(self.as_of))? {
            self.cx.check_stop()?;
            let batch = batch?;
            self.inputs.add_rows(&table.def().name, &batch, "lineage_id")?;
            take(&Rows::of(&batch))?;
        }
        Ok(())
    }
}
