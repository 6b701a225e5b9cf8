//! The predictions that marks name.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow::array::{AsArray as _, BooleanArray, RecordBatch, StringArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use foresite_schema::catalog::{BUILT_IN_TASKS, outcome};
use foresite_tables::{Micros, Read, Result, Root};

const DAY: Micros = 86_400_000_000;

/// How far before a mark the cutoff of its prediction may lie. An id says nothing about where its row
/// lies, so this bounds what one unknown id costs: a look at so many days of the tables.
const REACH: Micros = 35 * DAY;

/// The same of capacity, which speaks up to 90 days ahead: whoever plans by it knows only then
/// whether it was right. An unknown id costs a look at another 65 days of its table, which has a
/// cutoff a day where that of anomaly has one an hour; all ids of a request or a file share that
/// look.
const REACH_OF_CAPACITY: Micros = 100 * DAY;

/// How far before a mark the cutoff of a task's prediction may lie.
pub fn reach(task: &str) -> Micros {
    if task == "capacity" { REACH_OF_CAPACITY } else { REACH }
}

/// What is looked through first before a mark: most marks are about this week.
const NEAR: Micros = 3 * DAY;

/// How far behind a mark is looked, so that one before the cutoff of its prediction is told so.
const AHEAD: Micros = DAY;

const COLUMNS: [&str; 8] = [
    "prediction_id",
    "entity_type",
    "entity_id",
    "cutoff",
    "horizon_s",
    "tombstone",
    "role",
    "replay",
];

/// Role of a model that speaks in the shadow of another.
const CHALLENGER: &str = "challenger";

/// Versions of the tables of predictions, by task.
pub type Versions = BTreeMap<String, u64>;

/// Ids, each with the moment at which it was marked.
pub type MarkedIds = BTreeSet<(String, Micros)>;

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
    /// Whether anybody was to see it: neither a challenger's nor computed long after.
    pub was_shown: bool,
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
    /// Looks the ids up among what was known at `until` and predicted within [`reach`] before their
    /// marks; what is not there is not in the result.
    ///
    /// # Errors
    /// Storage errors.
    pub fn find(root: &Root, marked: &MarkedIds, until: Micros) -> Result<Self> {
        let of = tasks(root)?.into_iter().map(|task| (task, None)).collect();
        Self::find_in(root, &of, marked, until)
    }

    /// The same in these versions of the tables, so that a later try finds what the first one did.
    ///
    /// # Errors
    /// Storage errors.
    pub fn find_at(
        root: &Root,
        versions: &Versions,
        marked: &MarkedIds,
        until: Micros,
    ) -> Result<Self> {
        let of = versions.iter().map(|(task, version)| (task.clone(), Some(*version))).collect();
        Self::find_in(root, &of, marked, until)
    }

    /// The versions that the tables of predictions have now.
    ///
    /// # Errors
    /// Storage errors.
    pub fn versions(root: &Root) -> Result<Versions> {
        let mut found = Versions::new();
        for task in tasks(root)? {
            if let Some(table) = root.find(outcome::predictions(&task))? {
                found.insert(task, table.version()?);
            }
        }
        Ok(found)
    }

    fn find_in(
        root: &Root,
        of: &BTreeMap<String, Option<u64>>,
        marked: &MarkedIds,
        until: Micros,
    ) -> Result<Self> {
        let mut found = Self { by_id: HashMap::new(), tasks: tasks(root)? };
        for is_near in [true, false] {
            let open: Vec<&(String, Micros)> =
                marked.iter().filter(|(id, _)| !found.by_id.contains_key(id)).collect();
            let ids: BTreeSet<&str> = open.iter().map(|(id, _)| id.as_str()).collect();
            for (task, version) in of {
                let (from, to) = if is_near { (-NEAR, AHEAD) } else { (-reach(task), -NEAR) };
                let around = open.iter().map(|(_, at)| {
                    let end = at.saturating_add(to).min(until).saturating_add(1);
                    (at.saturating_add(from), end)
                });
                for (start, end) in joined(around.collect()) {
                    let read = Read::all().columns(COLUMNS).period(start, end).as_of(until);
                    let read = match version {
                        Some(version) => read.version(*version),
                        None => read,
                    };
                    found.look(root, task, &ids, &read)?;
                }
            }
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

    fn look(&mut self, root: &Root, task: &str, ids: &BTreeSet<&str>, read: &Read) -> Result<()> {
        let Some(table) = root.find(outcome::predictions(task))? else {
            return Ok(());
        };
        for batch in table.scan(read)? {
            self.take(task, &batch?, ids);
        }
        Ok(())
    }

    fn take(&mut self, task: &str, batch: &RecordBatch, ids: &BTreeSet<&str>) {
        let Some(columns) = Columns::of(batch) else { return };
        for row in 0..batch.num_rows() {
            let id = columns.id.value(row);
            if !ids.contains(id) || columns.tombstone.value(row) {
                continue;
            }
            // The same was said in a replay as well: it was shown nevertheless.
            let was_shown = self.by_id.get(id).is_some_and(|have| have.was_shown);
            if !was_shown {
                self.by_id.insert(id.to_owned(), columns.predicted(task, row));
            }
        }
    }
}

/// Periods without overlaps, so that nothing is read twice.
fn joined(mut periods: Vec<(Micros, Micros)>) -> Vec<(Micros, Micros)> {
    periods.retain(|(start, end)| start < end);
    periods.sort_unstable();
    let mut joined: Vec<(Micros, Micros)> = Vec::new();
    for (start, end) in periods {
        match joined.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    joined
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
    tombstone: &'a BooleanArray,
    role: &'a StringArray,
    replay: &'a BooleanArray,
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
            tombstone: batch.column(5).as_boolean_opt()?,
            role: batch.column(6).as_string_opt()?,
            replay: batch.column(7).as_boolean_opt()?,
        })
    }

    fn predicted(&self, task: &str, row: usize) -> Predicted {
        Predicted {
            task: task.to_owned(),
            entity_type: self.kind.value(row).to_owned(),
            entity_id: self.entity.value(row).to_owned(),
            cutoff: self.cutoff.value(row),
            horizon_s: self.horizon.value(row),
            was_shown: !self.replay.value(row) && self.role.value(row) != CHALLENGER,
        }
    }
}
