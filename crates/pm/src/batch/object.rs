//! The columns that rows of several tables share: the measured object in front, the origin behind.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int32Array, StringBuilder, TimestampMicrosecondArray};
use foresite_schema::bucket_of;

use super::Load;
use crate::dn::class_of;
use crate::model::{Block, Element, Object};

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// One object of one block.
pub(super) struct Place<'a> {
    pub(super) element: &'a Element,
    pub(super) class: &'a str,
    pub(super) block: &'a Block,
    pub(super) at: usize,
}

impl<'a> Place<'a> {
    pub(super) fn new(element: &'a Element, block: &'a Block, at: usize) -> Self {
        let class = class_of(&element.ne_dn, &block.objects[at].ldn);
        Self { element, class, block, at }
    }

    pub(super) fn object(&self) -> &'a Object {
        &self.block.objects[self.at]
    }
}

/// The columns that `pm_counters` and `pm_histograms` begin with.
#[derive(Debug, Default)]
pub(super) struct MeasuredObject {
    date: Vec<i32>,
    source: StringBuilder,
    bucket: Vec<i32>,
    ne_dn: StringBuilder,
    ldn: StringBuilder,
    mo_class: StringBuilder,
    period_start: Vec<i64>,
    granularity_s: Vec<i32>,
}

impl MeasuredObject {
    pub(super) fn add(&mut self, place: &Place<'_>, load: &Load) {
        let start = place.block.period_start;
        self.date.push(start.div_euclid(MICROS_PER_DAY) as i32);
        self.source.append_value(&load.source);
        self.bucket.push(bucket_of(&place.element.ne_dn, load.buckets));
        self.ne_dn.append_value(&place.element.ne_dn);
        self.ldn.append_value(&place.object().ldn);
        self.mo_class.append_value(place.class);
        self.period_start.push(start);
        self.granularity_s.push(place.block.granularity_s);
    }

    pub(super) fn finish(mut self) -> Vec<ArrayRef> {
        vec![
            Arc::new(Date32Array::from(self.date)),
            Arc::new(self.source.finish()),
            Arc::new(Int32Array::from(self.bucket)),
            Arc::new(self.ne_dn.finish()),
            Arc::new(self.ldn.finish()),
            Arc::new(self.mo_class.finish()),
            times(self.period_start),
            Arc::new(Int32Array::from(self.granularity_s)),
        ]
    }
}

/// Plan and file, then the columns that every row ends with.
#[derive(Debug, Default)]
pub(super) struct Origin {
    plan: StringBuilder,
    file_id: StringBuilder,
    provenance: Provenance,
}

impl Origin {
    pub(super) fn add(&mut self, load: &Load) {
        self.plan.append_value(&load.plan);
        self.file_id.append_value(&load.file_id);
        self.provenance.add(load);
    }

    pub(super) fn finish(mut self) -> Vec<ArrayRef> {
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(self.plan.finish()), Arc::new(self.file_id.finish())];
        columns.extend(self.provenance.finish());
        columns
    }
}

#[derive(Debug, Default)]
pub(super) struct Provenance {
    known_at: Vec<i64>,
    ingested_at: Vec<i64>,
    lineage_id: StringBuilder,
}

impl Provenance {
    pub(super) fn add(&mut self, load: &Load) {
        self.known_at.push(load.known_at);
        self.ingested_at.push(load.ingested_at);
        self.lineage_id.append_value(&load.lineage_id);
    }

    pub(super) fn finish(mut self) -> Vec<ArrayRef> {
        let lineage_id = Arc::new(self.lineage_id.finish());
        vec![times(self.known_at), times(self.ingested_at), lineage_id]
    }
}

fn times(micros: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(micros).with_timezone("UTC"))
}
