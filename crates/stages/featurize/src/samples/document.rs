//! The document of a sample set: what a reader of its rows has to know.

use std::collections::BTreeMap;

use foresite_features::kernel::features;
use foresite_features::task::{Head, Task};
use foresite_stage::{Context, Lineage, Report, Result};
use serde_json::{Value as Json, json};

use super::Sample;

/// How many samples there are of which kind.
#[derive(Debug, Default)]
pub(super) struct Counts {
    samples: u64,
    /// By slice: samples that count.
    slices: BTreeMap<&'static str, u64>,
    /// By slice: samples that count and whose label is above zero.
    positives: BTreeMap<&'static str, u64>,
    /// By reason: samples that do not count.
    masked: BTreeMap<&'static str, u64>,
}

impl Counts {
    pub(super) fn of(task: &Task, samples: &[Sample]) -> Self {
        let has_events = !matches!(task.head, Head::Forecast { .. } | Head::Regression { .. });
        let mut counts = Self { samples: samples.len() as u64, ..Self::default() };
        for sample in samples {
            if let Some(reason) = sample.label.mask {
                *counts.masked.entry(reason.word()).or_default() += 1;
                continue;
            }
            let slice = sample.place.slice.word();
            *counts.slices.entry(slice).or_default() += 1;
            let single = sample.label.value.filter(|_| sample.label.values.is_empty());
            let values = sample.label.values.iter().copied().chain([single]);
            if has_events && values.flatten().any(|value| value > 0.0) {
                *counts.positives.entry(slice).or_default() += 1;
            }
        }
        counts
    }

    pub(super) fn report(&self, report: &mut Report) {
        report.number("samples", self.samples);
        report.number("slices", json!(self.slices));
        report.number("positives", json!(self.positives));
        report.number("masked", json!(self.masked));
    }
}

/// The document, stored at `samples/<task>/<sample_set_id>.json`.
pub(super) fn describe(
    cx: &Context,
    task: &Task,
    lineage: &Lineage,
    counts: &Counts,
) -> Result<Json> {
    let interval = cx.interval()?;
    let stored = task.stores_features();
    let names: Vec<String> = match stored {
        true => features(task).into_iter().map(|feature| feature.name).collect(),
        false => Vec::new(),
    };
    Ok(json!({
        "sample_set_id": lineage.id,
        "task": task,
        "interval": [interval.start, interval.end],
        "as_of": cx.as_of(),
        "features": names,
        "counts": {
            "samples": counts.samples,
            "slices": counts.slices,
            "positives": counts.positives,
            "masked": counts.masked,
        },
    }))
}
