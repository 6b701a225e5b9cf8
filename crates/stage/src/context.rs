//! What a stage gets from the runtime.

use std::sync::Arc;

use foresite_schema::TableDef;
use foresite_tables::{Commit, Micros, Root, Slot, Table};
use serde_json::Value as Json;

use crate::lineage::Subject;
use crate::logging::Form;
use crate::rebuild::{Published, Rebuild};
use crate::signals::StopFlag;
use crate::{
    CommonArgs, ErrorContext as _, ErrorKind, Inputs, Interval, Lineage, Progress, Report, Result,
    StageError,
};

/// The surroundings of one run of a stage.
#[derive(Debug)]
pub struct Context {
    pub(crate) stage: &'static str,
    pub(crate) revision: &'static str,
    pub(crate) root: Root,
    pub(crate) args: CommonArgs,
    /// With its secrets: identities depend on all of it.
    pub(crate) config: Json,
    /// Without them.
    pub(crate) shown_config: Json,
    pub(crate) step: Option<&'static str>,
    pub(crate) stop: StopFlag,
    pub(crate) started_at: Micros,
    pub(crate) form: Form,
    pub(crate) rebuild: Option<Arc<Rebuild>>,
}

impl Context {
    /// The data root.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// The common arguments.
    pub fn args(&self) -> &CommonArgs {
        &self.args
    }

    /// Revision of the stage's code.
    pub fn revision(&self) -> &'static str {
        self.revision
    }

    /// The effective configuration as JSON, as it stands in lineage documents: secrets are hidden.
    pub fn config_json(&self) -> &Json {
        &self.shown_config
    }

    /// The step to run; the stage's first one where none was asked for.
    pub fn step(&self) -> &'static str {
        self.step.unwrap_or_default()
    }

    /// The data interval.
    ///
    /// # Errors
    /// `Usage` when it was not given.
    pub fn interval(&self) -> Result<Interval> {
        self.args.interval()
    }

    /// The data interval, for steps that can do without one.
    ///
    /// # Errors
    /// `Usage` when only one bound was given.
    pub fn interval_if_given(&self) -> Result<Option<Interval>> {
        self.args.interval_if_given()
    }

    /// The run's clock: given, or the end of the interval, or now.
    pub fn as_of(&self) -> Micros {
        self.args.as_of.or(self.args.interval_end).unwrap_or(self.started_at)
    }

    /// When this process started: `ingested_at` of what it writes.
    pub fn now(&self) -> Micros {
        self.started_at
    }

    /// The task to work on.
    ///
    /// # Errors
    /// `Usage` when none was given.
    pub fn task(&self) -> Result<&str> {
        self.args.task.as_deref().ok_or_else(|| {
            StageError::new(ErrorKind::Usage, "no task is given").hint("pass --task NAME")
        })
    }

    /// Whether nothing may be touched.
    pub fn is_dry_run(&self) -> bool {
        self.args.dry_run
    }

    /// Whether to recompute what is there already.
    pub fn is_forced(&self) -> bool {
        self.args.force || self.rebuild.is_some()
    }

    /// The published computation that is repeated here, under `--rebuild`: its rows are compared, and
    /// nothing may be written besides.
    pub fn rebuilds(&self) -> Option<&Published> {
        self.rebuild.as_ref().map(|rebuild| &rebuild.published)
    }

    /// Whether what the run finds is published: it may settle lists, and leaves out what a newer
    /// run has told already. Not under `--rebuild`, which repeats a computation whatever came after
    /// it.
    pub fn publishes(&self) -> bool {
        self.rebuild.is_none()
    }

    /// Opens a table that the run writes: created where there is none, with every column of `def`.
    /// Under `--rebuild` it is opened as it is. One that the release that published did not have is
    /// not compared, and may not be there: only [`Context::replace`] may be asked about it then.
    ///
    /// # Errors
    /// As [`Root::table`]; under `--rebuild` as [`Root::existing`], where the same code published.
    pub fn table(&self, def: TableDef) -> Result<Table> {
        match &self.rebuild {
            Some(rebuild) => rebuild.open(self, def),
            None => Ok(self.root.table(def)?),
        }
    }

    /// The surroundings that a published computation had.
    pub(crate) fn rebuilding(&self, rebuild: Arc<Rebuild>) -> Self {
        let published = &rebuild.published;
        let args = CommonArgs {
            interval_start: Some(published.interval.start),
            interval_end: Some(published.interval.end),
            as_of: Some(published.as_of),
            // It compares, and writes nothing anyhow.
            dry_run: false,
            ..self.args.clone()
        };
        Self {
            stage: self.stage,
            revision: self.revision,
            root: self.root.clone(),
            args,
            config: published.configuration().clone(),
            // The document shows no secrets.
            shown_config: published.configuration().clone(),
            step: self.step,
            stop: self.stop.clone(),
            started_at: self.started_at,
            form: self.form,
            rebuild: Some(rebuild),
        }
    }

    /// Fails once the stage was told to stop; call it at every batch.
    ///
    /// # Errors
    /// `Stopped`.
    pub fn check_stop(&self) -> Result<()> {
        self.stop.check()
    }

    /// A progress display for a loop over `total` things.
    pub fn progress(&self, total: u64, what: &str) -> Progress {
        Progress::new(total, what, self.form == Form::Text)
    }

    /// An empty report of this stage.
    pub fn report(&self) -> Report {
        if self.args.dry_run { Report::planned(self.stage) } else { Report::new(self.stage) }
    }

    /// Identity of computing one slot from these inputs. `slot` is what the result covers
    /// (interval, bucket …) in the stage's own words.
    pub fn lineage(&self, slot: impl serde::Serialize, inputs: &Inputs) -> Result<Lineage> {
        let subject = Subject {
            stage: self.stage,
            revision: self.revision,
            config: &self.config,
            task: self.args.task.as_deref(),
            step: self.step,
            slot: serde_json::to_value(slot)?,
            as_of: self.as_of(),
        };
        Ok(Lineage::new(&subject, inputs))
    }

    /// The commit of a computation.
    pub fn commit(&self, lineage: &Lineage) -> Commit {
        Commit {
            lineage_id: lineage.id.clone(),
            as_of: self.as_of(),
            ingested_at: self.started_at,
            force: self.args.force,
            note: serde_json::json!({"stage": self.stage, "revision": self.revision, "run": self.args.run_id}),
        }
    }

    /// Stores the lineage document; an equal one that is there already is fine.
    ///
    /// # Errors
    /// Storage errors.
    pub fn record(&self, lineage: &Lineage) -> Result<()> {
        if !self.publishes() {
            return Ok(());
        }
        let text = serde_json::to_vec_pretty(&lineage.document)?;
        self.root.write_new(&lineage.path(), text).context(|| "store the lineage document")?;
        Ok(())
    }

    /// Replaces a page that people look at. Under `--rebuild` none is touched.
    ///
    /// # Errors
    /// Storage errors.
    pub fn publish_page(&self, path: &str, page: String) -> Result<()> {
        if !self.publishes() {
            return Ok(());
        }
        self.root.write(path, page.into_bytes()).context(|| format!("publish {path}"))
    }

    /// Replaces a slot of a derived table and adds it to the report, the lineage document first. Under
    /// `--rebuild` the rows are compared with those of the slot instead.
    ///
    /// # Errors
    /// Storage errors; `Transient` when another writer changed the slot.
    pub fn replace(
        &self,
        table: &Table,
        slot: &Slot,
        rows: &arrow::array::RecordBatch,
        lineage: &Lineage,
        report: &mut Report,
    ) -> Result<()> {
        if let Some(rebuild) = &self.rebuild {
            report.made_by(lineage);
            return rebuild.compare(table, slot, rows, lineage);
        }
        self.record(lineage)?;
        let outcome = table.replace(slot, rows, &self.commit(lineage))?;
        report.wrote(&table.def().name, outcome);
        report.made_by(lineage);
        Ok(())
    }

    /// Appends to a raw or log table once per lineage and adds it to the report. Under `--rebuild`
    /// nothing is appended.
    ///
    /// # Errors
    /// Storage errors.
    pub fn append(
        &self,
        table: &Table,
        slot: &Slot,
        rows: &arrow::array::RecordBatch,
        lineage: &Lineage,
        report: &mut Report,
    ) -> Result<()> {
        if !self.publishes() {
            return Ok(());
        }
        self.record(lineage)?;
        let outcome = table.append(slot, rows, &self.commit(lineage))?;
        report.wrote(&table.def().name, outcome);
        report.made_by(lineage);
        Ok(())
    }
}
