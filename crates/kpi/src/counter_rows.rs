//! Rows of `pm_counters` by typed column.

use arrow::array::{
    Array, AsArray, BooleanArray, Float64Array, Int32Array, ListArray, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::Float64Type;

use crate::Micros;
use crate::columns::Columns;
use crate::error::{KpiError, Result};

/// A batch of `pm_counters`. Accessors take a row number below [`CounterRows::len`].
#[derive(Debug, Clone)]
pub struct CounterRows {
    elements: StringArray,
    objects: StringArray,
    sets: StringArray,
    releases: StringArray,
    files: StringArray,
    flags: Int32Array,
    starts: TimestampMicrosecondArray,
    lengths: Int32Array,
    known: TimestampMicrosecondArray,
    suspect: BooleanArray,
    lists: ListArray,
    numbers: Float64Array,
}

impl CounterRows {
    /// The columns that are read; a projection of the table needs no others.
    pub const COLUMNS: [&'static str; 11] = [
        "ne_dn",
        "ldn",
        "period_start",
        "granularity_s",
        "counter_set",
        "values",
        "suspect",
        "flags",
        "sw_version",
        "file_id",
        "known_at",
    ];

    /// Takes the columns out of a batch.
    pub fn new(batch: &RecordBatch) -> Result<Self> {
        let columns = Columns(batch);
        let lists = columns.lists("values")?;
        let numbers = lists.values().as_primitive_opt::<Float64Type>();
        let numbers = numbers.cloned().ok_or_else(|| KpiError::Column {
            column: "values".into(),
            expected: "list of float64",
            got: lists.data_type().to_string(),
        })?;
        Ok(Self {
            elements: columns.text("ne_dn")?,
            objects: columns.text("ldn")?,
            sets: columns.text("counter_set")?,
            releases: columns.text("sw_version")?,
            files: columns.text("file_id")?,
            flags: columns.ints("flags")?,
            starts: columns.times("period_start")?,
            lengths: columns.ints("granularity_s")?,
            known: columns.times("known_at")?,
            suspect: columns.bools("suspect")?,
            lists,
            numbers,
        })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Distinguished name of the element.
    pub fn element(&self, row: usize) -> &str {
        self.elements.value(row)
    }

    /// Local name of the object.
    pub fn object(&self, row: usize) -> &str {
        self.objects.value(row)
    }

    /// Key of the counter set.
    pub fn counter_set(&self, row: usize) -> &str {
        self.sets.value(row)
    }

    /// Software release, empty where the file names none.
    pub fn software(&self, row: usize) -> &str {
        if self.releases.is_valid(row) { self.releases.value(row) } else { "" }
    }

    /// Hash of the file.
    pub fn file(&self, row: usize) -> &str {
        self.files.value(row)
    }

    /// Flags of the parser.
    pub fn flags(&self, row: usize) -> i32 {
        self.flags.value(row)
    }

    /// Start of the period.
    pub fn start(&self, row: usize) -> Micros {
        self.starts.value(row)
    }

    /// Length of the period in seconds.
    pub fn granularity_s(&self, row: usize) -> i32 {
        self.lengths.value(row)
    }

    /// When the row became known.
    pub fn known_at(&self, row: usize) -> Micros {
        self.known.value(row)
    }

    /// Whether the element marked the row as suspect.
    pub fn is_suspect(&self, row: usize) -> bool {
        self.suspect.value(row)
    }

    /// The values of a row by position; `None` for null and past the end.
    pub fn values(&self, row: usize) -> impl Fn(usize) -> Option<f64> + '_ {
        let offsets = self.lists.value_offsets();
        let (from, to) = (offset(offsets, row), offset(offsets, row + 1));
        move |position| {
            let index = from + position;
            (index < to && self.numbers.is_valid(index)).then(|| self.numbers.value(index))
        }
    }
}

fn offset(offsets: &[i32], row: usize) -> usize {
    offsets.get(row).and_then(|offset| usize::try_from(*offset).ok()).unwrap_or_default()
}
