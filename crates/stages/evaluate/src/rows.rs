//! Rows of `evaluations`.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use foresite_datasets::measure::{Comparison, Measured, Verdict};
use foresite_schema::catalog::outcome;
use foresite_stage::Result;
use foresite_tables::Micros;

/// What rows of one evaluation share.
pub(crate) struct Header<'a> {
    pub(crate) task: &'a str,
    pub(crate) model_id: &'a str,
    pub(crate) at: Micros,
    pub(crate) ingested_at: Micros,
    pub(crate) lineage_id: &'a str,
}

#[derive(Debug, Default)]
struct Row {
    slice: &'static str,
    metric: String,
    value: Option<f64>,
    interval: Option<(f64, f64)>,
    baseline: Option<String>,
    samples: Option<i64>,
    verdict: Option<String>,
}

/// Numbers of both slices; the verdict stands on the comparisons of the gate slice.
pub(crate) fn batch(
    header: &Header<'_>,
    slices: &[(&'static str, &Measured)],
    champion: Option<&Comparison>,
    verdict: Verdict,
) -> Result<RecordBatch> {
    let mut rows = Vec::new();
    for (slice, measured) in slices {
        rows.extend(measured.metrics.iter().map(|metric| Row {
            slice,
            metric: metric.name.clone(),
            value: metric.value,
            interval: metric.interval,
            baseline: metric.baseline.clone(),
            samples: i64::try_from(metric.samples).ok(),
            verdict: None,
        }));
        let decides = *slice == "gate";
        let against = measured.comparisons.iter().chain(champion.filter(|_| decides));
        rows.extend(against.map(|comparison| Row {
            slice,
            metric: "loss_difference".into(),
            value: comparison.test.map(|test| test.difference),
            interval: comparison.test.map(|test| (test.interval.low, test.interval.high)),
            baseline: Some(comparison.baseline.clone()),
            samples: comparison.test.and_then(|test| i64::try_from(test.blocks).ok()),
            verdict: decides.then(|| verdict.to_string()),
        }));
    }
    columns(header, &rows)
}

fn columns(header: &Header<'_>, rows: &[Row]) -> Result<RecordBatch> {
    let count = rows.len();
    let same = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value; count])) };
    let time = |at: Micros| -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from_value(at, count).with_timezone("UTC"))
    };
    let number = |of: &dyn Fn(&Row) -> Option<f64>| -> ArrayRef {
        Arc::new(Float64Array::from_iter(rows.iter().map(of)))
    };
    let text = |of: &dyn Fn(&Row) -> Option<&str>| -> ArrayRef {
        Arc::new(StringArray::from_iter(rows.iter().map(of)))
    };
    let columns = vec![
        same(header.task),
        same(header.model_id),
        text(&|row| Some(row.slice)),
        text(&|row| Some(&row.metric)),
        number(&|row| row.value),
        number(&|row| row.interval.map(|interval| interval.0)),
        number(&|row| row.interval.map(|interval| interval.1)),
        text(&|row| row.baseline.as_deref()),
        Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.samples))),
        text(&|row| row.verdict.as_deref()),
        time(header.at),
        time(header.at),
        time(header.ingested_at),
        same(header.lineage_id),
    ];
    Ok(RecordBatch::try_new(outcome::evaluations().schema(), columns)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_fit_the_table() {
        let mut measured = Measured::default();
        measured.comparisons.push(Comparison { baseline: "naive".into(), test: None });
        let header = Header { task: "t", model_id: "m", at: 5, ingested_at: 6, lineage_id: "ab" };
        let slices = [("gate", &measured), ("test", &measured)];
        let batch = batch(&header, &slices, None, Verdict::Insufficient).unwrap();
        assert_eq!(batch.num_rows(), 2);
        let verdicts: &StringArray = arrow::array::AsArray::as_string(batch.column(9));
        assert_eq!(verdicts.iter().collect::<Vec<_>>(), [Some("INSUFFICIENT"), None]);
    }
}
