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

/// Configuration: nothing to say.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Every sum is multiplied by this.
    pub scale: Option<f64>,
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
    let cells = raw
        .column_by_name("cell")
        .map(|column| column.as_string::<i32>().clone());
    let values = raw
        .column_by_name("value")
        .map(|column| column.as_primitive::<Float64Type>().clone());
    let known = raw
        .column_by_name("known_at")
        .map(|column| column.as_primitive::<TimestampMicrosecondType>().clone());
    let mut facts: BTreeMap<String, BTreeMap<i64, f64>> = BTreeMap::new();
    if let (Some(cells), Some(values), Some(known)) = (cells, values, known) {
        for row in 0..raw.num_rows() {
            let versions = facts.entry(cells.value(row).to_owned()).or_default();
            *versions.entry(known.value(row)).or_default() += values.value(row);
        }
    }
    let mut versions = Vec::new();
    for (cell, by_time) in facts {
        let mut sum = 0.0;
        for (known_at, value) in by_time {
            sum += value;
            versions.push((cell.clone(), known_at, sum * scale));
        }
    }
    let count = versions.len();
    let text = |value: &str| Arc::new(StringArray::from(vec![value; count])) as ArrayRef;
    let times = |values: Vec<i64>| {
        Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC")) as ArrayRef
    };
    Ok(RecordBatch::try_from_iter([
        ("source", text("derived")),
        (
            "bucket",
            Arc::new(Int32Array::from(vec![0; count])) as ArrayRef,
        ),
        (
            "cell",
            Arc::new(
                versions
                    .iter()
                    .map(|(cell, ..)| Some(cell.as_str()))
                    .collect::<StringArray>(),
            ) as ArrayRef,
        ),
        ("period_start", times(vec![hour.start; count])),
        (
            "sum",
            Arc::new(
                versions
                    .iter()
                    .map(|(.., sum)| Some(*sum))
                    .collect::<Float64Array>(),
            ) as ArrayRef,
        ),
        (
            "tombstone",
            Arc::new(BooleanArray::from(vec![false; count])) as ArrayRef,
        ),
        (
            "known_at",
            times(versions.iter().map(|(_, known_at, _)| *known_at).collect()),
        ),
        ("ingested_at", times(vec![cx.now(); count])),
        ("lineage_id", text(lineage)),
    ])?)
}
