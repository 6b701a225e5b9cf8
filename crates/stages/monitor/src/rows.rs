//! Rows of `drift` and `performance`.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, ListBuilder,
    RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field};
use foresite_features::task::{DAY, Micros};
use foresite_metrics::drift::group::Tested;
use foresite_schema::TableDef;
use foresite_schema::catalog::watch;
use foresite_stage::Result;

use crate::SOURCE;
use crate::drift::Finding;
use crate::performance::Metric;

/// What all rows of a run share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp<'a> {
    pub(crate) end: Micros,
    pub(crate) known_at: Micros,
    pub(crate) ingested_at: Micros,
    pub(crate) lineage_id: &'a str,
}

/// Columns in the making.
pub(crate) struct Columns {
    count: usize,
    named: Vec<(&'static str, ArrayRef)>,
}

impl Columns {
    pub(crate) fn add(&mut self, name: &'static str, array: impl arrow::array::Array + 'static) {
        self.named.push((name, Arc::new(array)));
    }

    pub(crate) fn time(&mut self, name: &'static str, times: impl Iterator<Item = Micros>) {
        let array: TimestampMicrosecondArray = times.map(Some).collect();
        self.add(name, array.with_timezone("UTC"));
    }

    /// A list of texts for each row.
    pub(crate) fn texts<'a>(
        &mut self,
        name: &'static str,
        rows: impl Iterator<Item = impl Iterator<Item = &'a str>>,
    ) {
        let element = Field::new("element", DataType::Utf8, true);
        let mut lists = ListBuilder::new(StringBuilder::new()).with_field(element);
        for row in rows {
            lists.append_value(row.map(Some));
        }
        self.add(name, lists.finish());
    }

    /// The columns that every row has.
    pub(crate) fn shared(count: usize, stamp: Stamp<'_>) -> Self {
        let mut columns = Self { count, named: Vec::new() };
        let date = i32::try_from(stamp.end.div_euclid(DAY)).unwrap_or(0);
        columns.add("date", Date32Array::from_value(date, count));
        columns.add("source", StringArray::from(vec![SOURCE; count]));
        columns.add("bucket", Int32Array::from_value(0, count));
        columns.add("tombstone", BooleanArray::from(vec![false; count]));
        for (name, at) in [
            ("window_end", stamp.end),
            ("known_at", stamp.known_at),
            ("ingested_at", stamp.ingested_at),
        ] {
            columns.time(name, std::iter::repeat_n(at, count));
        }
        columns.add("lineage_id", StringArray::from(vec![stamp.lineage_id; count]));
        columns
    }

    /// The columns as the table has them.
    pub(crate) fn batch(self, def: &TableDef) -> Result<RecordBatch> {
        debug_assert!(self.named.iter().all(|(_, array)| array.len() == self.count));
        let columns = self.named.into_iter().map(|(name, array)| (name, array, true));
        let batch = RecordBatch::try_from_iter_with_nullable(columns)?;
        let schema = def.schema();
        let columns: Result<Vec<ArrayRef>, _> = schema
            .fields()
            .iter()
            .map(|field| {
                batch.schema().index_of(field.name()).map(|at| Arc::clone(batch.column(at)))
            })
            .collect();
        Ok(RecordBatch::try_new(schema, columns?)?)
    }
}

/// Rows of `drift`.
pub(crate) fn drift(findings: &[Finding], stamp: Stamp<'_>) -> Result<RecordBatch> {
    let mut columns = Columns::shared(findings.len(), stamp);
    for (name, of) in [
        ("task", (|f| &f.task) as fn(&Finding) -> &String),
        ("entity_type", |f| &f.entity_type),
        ("group_id", |f| &f.group_id),
        ("channel", |f| &f.channel),
    ] {
        columns.add(name, StringArray::from_iter_values(findings.iter().map(of)));
    }
    let statistics = findings.iter().map(|finding| finding.statistic.word());
    columns.add("statistic", StringArray::from_iter_values(statistics));
    columns.time("window_start", findings.iter().map(|finding| finding.window_start));
    columns.time("reference_start", findings.iter().map(|finding| finding.reference.0));
    columns.time("reference_end", findings.iter().map(|finding| finding.reference.1));
    add_tested(&mut columns, findings);
    for (name, of) in [
        ("model_id", (|f| f.model_id.as_deref()) as fn(&Finding) -> Option<&str>),
        ("exclusions", |f| f.exclusions.as_deref()),
        ("cause", |f| f.cause.map(crate::cause::Cause::word)),
        ("not_tested", |f| f.not_tested.as_deref()),
    ] {
        columns.add(name, StringArray::from_iter(findings.iter().map(of)));
    }
    columns.texts("evidence", findings.iter().map(|of| of.evidence.iter().map(String::as_str)));
    columns.batch(&watch::drift())
}

/// What the tests said; null where there was none.
fn add_tested(columns: &mut Columns, findings: &[Finding]) {
    type Of = fn(&Tested) -> f64;
    let numbers: [(&'static str, Of); 4] = [
        ("value", |tested| tested.value),
        ("threshold", |tested| tested.threshold),
        ("effect", |tested| tested.effect),
        ("p_value", |tested| tested.p_value),
    ];
    for (name, of) in numbers {
        let values = findings.iter().map(|finding| finding.tested.as_ref().map(of));
        columns.add(name, Float64Array::from_iter(values));
    }
    columns.add("shift", Float64Array::from_iter(findings.iter().map(|f| f.shift)));
    columns.add("q_value", Float64Array::from_iter(findings.iter().map(|f| f.q_value)));
    let tested = || findings.iter().map(|finding| finding.tested.as_ref());
    let entities = tested().map(|t| t.and_then(|t| i64::try_from(t.entities).ok()));
    columns.add("entities", Int64Array::from_iter(entities));
    let blocks = tested().map(|t| t.and_then(|t| i32::try_from(t.blocks).ok()));
    columns.add("blocks", Int32Array::from_iter(blocks));
    let said = |of: fn(&Finding) -> bool| -> BooleanArray {
        findings.iter().map(|f| f.says().then(|| of(f))).collect()
    };
    columns.add("flagged", said(|finding| finding.flagged));
    columns.add("confirmed", said(|finding| finding.confirmed));
}

/// Rows of `performance`.
pub(crate) fn performance(metrics: &[Metric], stamp: Stamp<'_>) -> Result<RecordBatch> {
    let mut columns = Columns::shared(metrics.len(), stamp);
    for (name, of) in [
        ("task", (|m| m.task.as_str()) as fn(&Metric) -> &str),
        ("model_id", |m| m.model_id.as_str()),
        ("role", |m| m.role),
        ("scope", |m| m.scope.as_str()),
        ("metric", |m| m.metric.as_str()),
        ("kind", |m| m.kind.word()),
        ("state", |m| m.state.word()),
    ] {
        columns.add(name, StringArray::from_iter_values(metrics.iter().map(of)));
    }
    columns.time("window_start", metrics.iter().map(|metric| metric.window_start));
    for (name, of) in [
        ("value", (|m| m.value) as fn(&Metric) -> Option<f64>),
        ("low", |m| m.interval.map(|interval| interval.0)),
        ("high", |m| m.interval.map(|interval| interval.1)),
    ] {
        columns.add(name, Float64Array::from_iter(metrics.iter().map(of)));
    }
    let samples = metrics.iter().map(|metric| i64::try_from(metric.samples).ok());
    columns.add("samples", Int64Array::from_iter(samples));
    columns.add("reason", StringArray::from_iter(metrics.iter().map(|m| m.reason.as_deref())));
    columns.batch(&watch::performance())
}
