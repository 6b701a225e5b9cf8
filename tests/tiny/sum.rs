//! `tiny-sum`: adds up the raw values per cell and hour, hour by hour.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray as _, BooleanArray, Float64Array, Int32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use foresite_stage::{Context, Inputs, Interval, NoArgs, Report, Result, Stage};
use foresite_tables::{Read, Slot};
use serde::{Deserialize, Serialize};

/// The stage.
pub struct Sum;

/// Configuration: next to nothing to say.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Every sum is multiplied by this.
    pub scale: Option<f64>,
    /// A credential of nothing, so that a test can look where it goes.
    pub api_token: Option<String>,
}

impl Stage for Sum {
    const NAME: &'static str = "tiny-sum";
    const ABOUT: &'static str = "Adds up values per cell and hour";
    const REVISION: &'static str = env!("FORESITE_REVISION");
    type Config = Config;
    type Args = NoArgs;

    fn run(cx: &Context, config: Config, _: NoArgs) -> Result<Report> {
        let values = cx.root().existing(crate::values())?;
        let sums = cx.root().table(crate::sums())?;
        let mut report = cx.report();
        for hour in cx.interval()?.steps(crate::HOUR) {
            cx.check_stop()?;
            let read = Read::all().period(hour.start, hour.end).as_of(cx.as_of());
            let raw = values.read_all(&read)?;
            let mut inputs = Inputs::new();
            inputs.add_rows("tiny_values", &raw, "file_id")?;
            let lineage = cx.lineage((hour.start, hour.end), &inputs)?;
            let rows = add_up(cx, &raw, hour, config.scale.unwrap_or(1.0), &lineage.id)?;
            let slot = Slot::derived("derived", 0, hour.start, hour.end);
            cx.replace(&sums, &slot, &rows, &lineage, &mut report)?;
        }
        Ok(report)
    }
}

/// One version of a cell's sum per distinct `known_at` of its values.
fn add_up(
    cx: &Context,
    raw: &RecordBatch,
    hour: Interval,
    scale: f64,
    lineage: &str,
) -> Result<RecordBatch> {
    let versions = versions(raw);
    let count = versions.len();
    let text = |value: &str| Arc::new(StringArray::from(vec![value; count])) as ArrayRef;
    let times = |values: Vec<i64>| {
        Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC")) as ArrayRef
    };
    let cells: StringArray = versions.iter().map(|version| Some(version.0.as_str())).collect();
    let sums: Float64Array = versions.iter().map(|version| Some(version.2 * scale)).collect();
    Ok(RecordBatch::try_from_iter([
        ("source", text("derived")),
        ("bucket", Arc::new(Int32Array::from(vec![0; count])) as ArrayRef),
        ("cell", Arc::new(cells) as ArrayRef),
        ("period_start", times(vec![hour.start; count])),
        ("sum", Arc::new(sums) as ArrayRef),
        ("tombstone", Arc::new(BooleanArray::from(vec![false; count])) as ArrayRef),
        ("known_at", times(versions.iter().map(|version| version.1).collect())),
        ("ingested_at", times(vec![cx.now(); count])),
        ("lineage_id", text(lineage)),
    ])?)
}

/// (cell, known_at, sum of everything known by then), sorted.
fn versions(raw: &RecordBatch) -> Vec<(String, i64, f64)> {
    let column = |name: &str| raw.column_by_name(name);
    let (Some(cells), Some(values), Some(known)) =
        (column("cell"), column("value"), column("known_at"))
    else {
        return Vec::new();
    };
    let (cells, values) = (cells.as_string::<i32>(), values.as_primitive::<Float64Type>());
    let known = known.as_primitive::<TimestampMicrosecondType>();
    let mut facts: BTreeMap<(&str, i64), f64> = BTreeMap::new();
    for row in 0..raw.num_rows() {
        *facts.entry((cells.value(row), known.value(row))).or_default() += values.value(row);
    }
    let mut versions: Vec<(String, i64, f64)> = Vec::with_capacity(facts.len());
    for ((cell, known_at), value) in facts {
        let before = versions.last().filter(|last| last.0 == cell).map_or(0.0, |last| last.2);
        versions.push((cell.to_owned(), known_at, before + value));
    }
    versions
}
