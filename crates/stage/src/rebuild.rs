//! The time machine: computes again what was published, as it was known then, and compares.
//!
//! Every published row names its computation by `lineage_id`, and the document of that name holds the
//! configuration, the clock, the interval and the model that it had. So `--rebuild` needs no more than
//! an interval: each computation found there runs once more with what its document says, and
//! [`Context::replace`](crate::Context::replace) compares instead of writing. The outcome is appended
//! to the table `rebuilds`; nothing else is touched and nobody is told.

mod found;
mod outcome;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use foresite_schema::TableDef;
use foresite_schema::catalog::watch;
use foresite_tables::{Read, Slot, Table, Value};
use serde_json::json;

pub use found::Published;
use outcome::{Compared, NEWER, Outcome};

use crate::{
    Context, ErrorContext as _, ErrorKind, Inputs, Lineage, Report, Result, Stage, StageError,
};

/// One computation under way for the second time.
#[derive(Debug)]
pub(crate) struct Rebuild {
    pub(crate) published: Published,
    seen: Mutex<Seen>,
}

/// What it gave so far.
#[derive(Debug, Default)]
struct Seen {
    lineage: Option<Lineage>,
    compared: Vec<Compared>,
}

impl Rebuild {
    fn of(published: Published) -> Self {
        Self { published, seen: Mutex::default() }
    }

    /// Opens a table as it is; one that came after the computation is noted, and not compared.
    pub(crate) fn open(&self, cx: &Context, def: TableDef) -> Result<Table> {
        let name = def.name.clone();
        let found = cx.root.find(def.clone())?;
        let is_other_code = self.published.document()["revision"] != cx.revision;
        let is_newer = is_other_code
            && match &found {
                Some(table) => self.came_before(table)?,
                None => true,
            };
        if is_newer {
            let computation = self.published.lineage_id.as_str();
            tracing::warn!(table = name, computation, "{NEWER}");
            self.seen().compared.push(Compared::left_out(&name));
        }
        Ok(match found {
            Some(table) => table,
            None if is_newer => cx.root.unread(def)?,
            // The same code has made it, so that somebody took it away.
            None => cx.root.existing(def)?,
        })
    }

    /// Whether the computation was there before the table.
    fn came_before(&self, table: &Table) -> Result<bool> {
        let (published, created) = (&self.published, table.created_at()?);
        if created.is_none() || created <= published.ingested_at {
            return Ok(false);
        }
        // The first run of all makes its tables after it began.
        let own = Read::all().columns(["lineage_id"]).text("lineage_id", &published.lineage_id);
        Ok(table.read_all(&own)?.num_rows() == 0)
    }

    /// Compares rows with what was published of their slot.
    pub(crate) fn compare(
        &self,
        table: &Table,
        slot: &Slot,
        rows: &RecordBatch,
        lineage: &Lineage,
    ) -> Result<()> {
        let name = &table.def().name;
        if self.note(name, lineage) {
            return Ok(());
        }
        let of = (self.published.lineage_id.as_str(), self.published.as_of);
        let comparison = table.compare(slot, rows, of)?;
        let mut seen = self.seen();
        match seen.compared.iter_mut().find(|one| one.table == *name) {
            Some(one) => one.add(&comparison),
            None => seen.compared.push(Compared::new(name, &comparison)),
        }
        Ok(())
    }

    /// Notes that rows of a table were made, and says whether it is left out.
    fn note(&self, name: &str, lineage: &Lineage) -> bool {
        let mut seen = self.seen();
        seen.lineage = Some(lineage.clone());
        seen.compared.iter().any(|one| one.table == name && one.is_left_out)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rebuilds what the stage published in the interval.
///
/// # Errors
/// `Usage` for a stage that publishes nothing of the kind; `Stopped`; storage errors. A computation
/// that cannot be repeated is an outcome, not an error.
pub(crate) fn run<S: Stage>(cx: &Context, own: &S::Args) -> Result<Report> {
    let tables = S::published(cx.step(), cx.args.task.as_deref());
    if tables.is_empty() {
        let message = format!("--rebuild: `{}` publishes no slots that it could compare", S::NAME);
        return Err(StageError::new(ErrorKind::Usage, message).hint(
            "rebuild derive, featurize (its features), predict or advise; \
             featurize and predict want --task",
        ));
    }
    let published = found::published(cx, tables)?;
    let progress = cx.progress(published.len() as u64, "computations rebuilt");
    let mut outcomes = Vec::new();
    for published in published {
        cx.check_stop()?;
        outcomes.push(again::<S>(cx, own, published)?);
        progress.add(1);
    }
    let mut report = cx.report();
    outcome::tell(&outcomes, &mut report);
    if !cx.is_dry_run() && !outcomes.is_empty() {
        record(cx, &outcomes, &mut report)?;
    }
    Ok(report)
}

/// Runs one computation once more.
fn again<S: Stage>(cx: &Context, own: &S::Args, published: Published) -> Result<Outcome> {
    if published.is_lost() {
        return Ok(Outcome::failed(published, "its lineage document is gone".to_owned()));
    }
    let config = match serde_json::from_value::<S::Config>(published.configuration().clone()) {
        Ok(config) => config,
        Err(error) => {
            let why = format!("this release cannot read its configuration: {error}");
            return Ok(Outcome::failed(published, why));
        }
    };
    let rebuild = Arc::new(Rebuild::of(published.clone()));
    match S::run(&cx.rebuilding(Arc::clone(&rebuild)), config, own.clone()) {
        Ok(_) => {
            let seen = std::mem::take(&mut *rebuild.seen());
            Ok(Outcome::new(published, seen.lineage, seen.compared))
        }
        // What cannot be repeated is found out; storage that does not answer is another matter.
        Err(error) if cannot_be_repeated(error.kind()) => {
            Ok(Outcome::failed(published, error.chain()))
        }
        Err(error) => Err(error.while_doing(format!("rebuild {}", published.lineage_id))),
    }
}

fn cannot_be_repeated(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::BadData | ErrorKind::Missing | ErrorKind::Usage)
}

/// Appends the outcome; every rebuild is one more entry.
fn record(cx: &Context, outcomes: &[Outcome], report: &mut Report) -> Result<()> {
    let mut inputs = Inputs::new();
    for outcome in outcomes {
        inputs.add_id("published", outcome.published.lineage_id.clone());
    }
    let lineage = cx.lineage(json!({"rebuilt_at": cx.now()}), &inputs)?;
    let rows = outcome::rows(cx, outcomes, &lineage.id)?;
    let table = cx.root().table(watch::rebuilds())?;
    let slot = Slot {
        equals: [
            ("stage".to_owned(), Value::Text(cx.stage.to_owned())),
            ("rebuilt_at".to_owned(), Value::Int(cx.now())),
        ]
        .into(),
        period: None,
    };
    cx.append(&table, &slot, &rows, &lineage, report).context(|| "record what was rebuilt")
}
