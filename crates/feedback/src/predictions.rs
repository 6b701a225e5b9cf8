//! The predictions that marks name.

use std::collections::{BTreeSet, HashMap};

use arrow::array::{Array as _, AsArray as _, BooleanArray, ListArray, RecordBatch, StringArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use foresite_schema::catalog::{BUILT_IN_TASKS, outcome};
use foresite_tables::{Micros, Read, Result, Root};

const DAY: Micros = 86_400_000_000;

/// How far back predictions are looked for, step by step: most marks are about this week, and an id
/// says nothing about where its row lies. The last step is all that retention left.
const LOOKS_BACK: [Micros; 3] = [3 * DAY, 35 * DAY, Micros::MAX];

const COLUMNS: [&str; 7] =
    ["prediction_id", "entity_type", "entity_id", "cutoff", "horizon_s", "drivers", "tombstone"];

/// What a mark may be about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicted {
    /// Task.
    pub task: String,
    /// Type of the entity.
    pub entity_type: String,
    /// The entity.
    pub entity_id: String,
    /// Its cutoff.
    pub cutoff: Micros,
    /// Its horizon; 0 for a statement about the cutoff.
    pub horizon_s: i64,
    /// Its drivers, `name=share (observed, expected)`, greatest first.
    pub drivers: Vec<String>,
}

/// Predictions by their id, and the tasks that there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Predictions {
    by_id: HashMap<String, Predicted>,
    tasks: BTreeSet<String>,
}

impl<const N: usize> From<[(String, Predicted); N]> for Predictions {
    fn from(predictions: [(String, Predicted); N]) -> Self {
        Self { by_id: predictions.into(), tasks: built_in() }
    }
}

impl Predictions {
    /// Looks the ids up among what was predicted for cutoffs before `until` and known at `until`;
    /// what is not there is not in the result.
    ///
    /// # Errors
    /// Storage errors.
    pub fn find(root: &Root, ids: &BTreeSet<String>, until: Micros) -> Result<Self> {
        let tasks = tasks(root)?;
        let mut found = Self { by_id: HashMap::new(), tasks: tasks.clone() };
        let mut end = until.saturating_add(1);
        for back in LOOKS_BACK {
            if found.by_id.len() == ids.len() {
                break;
            }
            let start = until.saturating_sub(back);
            let read = Read::all().columns(COLUMNS).period(start, end).as_of(until);
            for task in &tasks {
                found.look(root, task, ids, &read)?;
            }
            end = start;
        }
        Ok(found)
    }

    /// The prediction of an id.
    pub fn get(&self, id: &str) -> Option<&Predicted> {
        self.by_id.get(id)
    }

    /// Whether there is such a task.
    pub fn knows(&self, task: &str) -> bool {
        self.tasks.contains(task)
    }

    fn look(&mut self, root: &Root, task: &str, ids: &BTreeSet<String>, read: &Read) -> Result<()> {
        let Some(table) = root.find(outcome::predictions(task))? else {
            return Ok(());
        };
        for batch in table.scan(read)? {
            self.take(task, &batch?, ids);
        }
        Ok(())
    }

    fn take(&mut self, task: &str, batch: &RecordBatch, ids: &BTreeSet<String>) {
        let Some(columns) = Columns::of(batch) else { return };
        for row in 0..batch.num_rows() {
            let id = columns.id.value(row);
            if ids.contains(id) && !columns.tombstone.value(row) {
                self.by_id.insert(id.to_owned(), columns.predicted(task, row));
            }
        }
    }
}

fn built_in() -> BTreeSet<String> {
    BUILT_IN_TASKS.map(str::to_owned).into()
}

/// The tasks that may have predictions: the built-in ones, and those of which a model was registered.
fn tasks(root: &Root) -> Result<BTreeSet<String>> {
    let mut tasks = built_in();
    if let Some(table) = root.find(outcome::registry_events())? {
        for batch in table.scan(&Read::all().columns(["task"]))? {
            let batch = batch?;
            tasks.extend(batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned));
        }
    }
    Ok(tasks)
}

struct Columns<'a> {
    id: &'a StringArray,
    kind: &'a StringArray,
    entity: &'a StringArray,
    cutoff: &'a arrow::array::TimestampMicrosecondArray,
    horizon: &'a arrow::array::Int64Array,
    drivers: &'a ListArray,
    tombstone: &'a BooleanArray,
}

impl<'a> Columns<'a> {
    /// The columns in the order of [`COLUMNS`]; the table's definition says their types.
    fn of(batch: &'a RecordBatch) -> Option<Self> {
        Some(Self {
            id: batch.column(0).as_string_opt()?,
            kind: batch.column(1).as_string_opt()?,
            entity: batch.column(2).as_string_opt()?,
            cutoff: batch.column(3).as_primitive_opt::<TimestampMicrosecondType>()?,
            horizon: batch.column(4).as_primitive_opt::<Int64Type>()?,
            drivers: batch.column(5).as_list_opt()?,
            tombstone: batch.column(6).as_boolean_opt()?,
        })
    }

    fn predicted(&self, task: &str, row: usize) -> Predicted {
        let drivers = self.drivers.is_valid(row).then(|| self.drivers.value(row));
        let drivers = drivers.as_ref().and_then(|list| list.as_string_opt::<i32>());
        Predicted {
            task: task.to_owned(),
            entity_type: self.kind.value(row).to_owned(),
            entity_id: self.entity.value(row).to_owned(),
            cutoff: self.cutoff.value(row),
            horizon_s: self.horizon.value(row),
            drivers: drivers.into_iter().flatten().flatten().map(str::to_owned).collect(),
        }
    }
}
