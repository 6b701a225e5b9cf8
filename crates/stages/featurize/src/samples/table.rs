//! Samples as rows of `samples_<task>`.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Float64Builder, ListBuilder, RecordBatch};
use arrow::datatypes::{DataType, Field};
use foresite_features::labels::MaskReason;
use foresite_features::task::Task;
use foresite_schema::catalog::derived;
use foresite_stage::{Context, Inputs, Lineage, Report, Result};
use foresite_tables::{Slot, Value};

use super::Sample;
use super::document::{Counts, describe};
use crate::stamp::{SOURCE, batch, buckets, text, texts, times};

/// Publishes the set: its document first, then its rows.
pub(super) fn publish(
    cx: &Context,
    task: &Task,
    samples: &[Sample],
    inputs: &Inputs,
) -> Result<Report> {
    let interval = cx.interval()?;
    let lineage = cx.lineage((interval.start, interval.end), inputs)?;
    let counts = Counts::of(task, samples);
    let mut report = cx.report();
    report.lineage_id = Some(lineage.id.clone());
    report.number("sample_set_id", lineage.id.clone());
    counts.report(&mut report);
    if cx.is_dry_run() {
        return Ok(report);
    }
    let path = format!("samples/{}/{}.json", task.task, lineage.id);
    let document = describe(cx, task, &lineage, &counts)?;
    cx.root().write_new(&path, serde_json::to_vec_pretty(&document)?)?;
    let equals = [("sample_set_id".to_owned(), Value::Text(lineage.id.clone()))];
    let slot = Slot { equals: equals.into(), period: None };
    let table = cx.root().table(derived::samples(&task.task))?;
    cx.append(&table, &slot, &rows(cx, task, samples, &lineage)?, &lineage, &mut report)?;
    Ok(report)
}

fn rows(cx: &Context, task: &Task, samples: &[Sample], lineage: &Lineage) -> Result<RecordBatch> {
    let count = samples.len();
    let ids = || samples.iter().map(|sample| sample.entity.as_str());
    let at = |of: fn(&Sample) -> i64| times(samples.iter().map(|sample| Some(of(sample))));
    let labels = doubles(samples.iter().map(|sample| {
        let values = &sample.label.values;
        (!values.is_empty()).then(|| values.clone())
    }));
    let features = doubles(samples.iter().map(|sample| {
        let row = sample.features.iter().map(|value| (!value.is_nan()).then_some(*value));
        (!sample.features.is_empty()).then(|| row.collect())
    }));
    let label = samples.iter().map(|sample| sample.label.value.map(|value| value as f32));
    let label: ArrayRef = Arc::new(Float32Array::from_iter(label));
    let weight: ArrayRef = Arc::new(Float32Array::from(vec![1.0; count]));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("source", text(SOURCE, count)),
        ("bucket", buckets(ids())),
        ("sample_set_id", text(&lineage.id, count)),
        ("entity_type", text(&task.entity_type, count)),
        ("entity_id", texts(ids().map(Some))),
        ("cutoff", at(|sample| sample.cutoff)),
        ("slice", texts(samples.iter().map(|sample| Some(sample.place.slice.word())))),
        ("label", label),
        ("labels", labels),
        ("label_end", at(|sample| sample.label.end)),
        ("label_known_at", at(|sample| sample.label.known_at)),
        ("mask_reason", texts(samples.iter().map(|s| s.label.mask.map(MaskReason::word)))),
        ("weight", weight),
        ("features", features),
        ("known_at", times(vec![Some(cx.as_of()); count])),
        ("ingested_at", times(vec![Some(cx.now()); count])),
        ("lineage_id", text(&lineage.id, count)),
    ];
    batch(columns.into_iter().map(|(name, array)| (name.to_owned(), array)).collect())
}

/// A column of lists of numbers with gaps.
fn doubles(lists: impl Iterator<Item = Option<Vec<Option<f64>>>>) -> ArrayRef {
    let element = Field::new("element", DataType::Float64, true);
    let mut builder = ListBuilder::new(Float64Builder::new()).with_field(element);
    for list in lists {
        if let Some(list) = &list {
            builder.values().extend(list.iter().copied());
        }
        builder.append(list.is_some());
    }
    Arc::new(builder.finish())
}
