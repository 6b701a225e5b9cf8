//! Versions to record batches of `kpis` and `kpi_groups`.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Builder, Int32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use foresite_schema::{TableDef, bucket_of, site_of};

use crate::Micros;
use crate::accumulator::value;
use crate::catalogue::Catalogue;
use crate::error::Result;
use crate::objects::Entity;
use crate::period::Version;

const DAY: Micros = 86_400_000_000;

/// What every output row carries besides its values.
#[derive(Debug, Clone)]
pub struct Stamp {
    /// The slot's source.
    pub source: String,
    /// Buckets of the tables.
    pub buckets: u32,
    /// When the rows are computed.
    pub ingested_at: Micros,
    /// Document that describes the computation.
    pub lineage_id: String,
}

/// One output row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) entity: &'a Entity,
    pub(crate) start: Micros,
    pub(crate) granularity_s: i32,
    pub(crate) version: &'a Version,
}

/// Rows in the columns of `def`.
pub(crate) fn batch(
    catalogue: &Catalogue,
    def: &TableDef,
    rows: &[Row<'_>],
    stamp: &Stamp,
    of_groups: bool,
) -> Result<RecordBatch> {
    let channels: Vec<_> = catalogue.channels().collect();
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(def.columns.len());
    for column in &def.columns {
        let channel = channels.iter().find(|(_, kpi)| kpi.name == column.name);
        columns.push(match channel {
            Some((index, _)) => values(catalogue, rows, *index, of_groups),
            None => fixed(&column.name, rows, stamp)
                .unwrap_or_else(|| new_null_array(&column.kind.arrow(), rows.len())),
        });
    }
    Ok(RecordBatch::try_new(def.schema(), columns)?)
}

fn values(catalogue: &Catalogue, rows: &[Row<'_>], index: usize, of_groups: bool) -> ArrayRef {
    let mut builder = Float64Builder::with_capacity(rows.len());
    for row in rows {
        builder.append_option(value(catalogue, &row.version.sums, index, of_groups));
    }
    Arc::new(builder.finish())
}

/// A column that is not a channel.
fn fixed(name: &str, rows: &[Row<'_>], stamp: &Stamp) -> Option<ArrayRef> {
    let text = |of: &dyn Fn(&Row<'_>) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let int = |of: &dyn Fn(&Row<'_>) -> i32| -> ArrayRef {
        Arc::new(Int32Array::from_iter_values(rows.iter().map(of)))
    };
    let time = |of: &dyn Fn(&Row<'_>) -> Micros| -> ArrayRef {
        let times = TimestampMicrosecondArray::from_iter_values(rows.iter().map(of));
        Arc::new(times.with_timezone("UTC"))
    };
    Some(match name {
        "date" => Arc::new(Date32Array::from_iter_values(rows.iter().map(|row| days(row.start)))),
        "source" => text(&|_| stamp.source.clone()),
        "bucket" => int(&|row| bucket_of(site_of(&row.entity.id), stamp.buckets)),
        "entity_type" => text(&|row| row.entity.kind.clone()),
        "entity_id" => text(&|row| row.entity.id.clone()),
        "period_start" => time(&|row| row.start),
        "granularity_s" => int(&|row| row.granularity_s),
        "quality" => int(&|row| row.version.bits),
        "members" => int(&|row| row.version.members),
        "tombstone" => Arc::new(BooleanArray::from(vec![false; rows.len()])),
        "known_at" => time(&|row| row.version.known_at),
        "ingested_at" => time(&|_| stamp.ingested_at),
        "lineage_id" => text(&|_| stamp.lineage_id.clone()),
        _ => return None,
    })
}

fn days(time: Micros) -> i32 {
    i32::try_from(time.div_euclid(DAY)).unwrap_or(i32::MAX)
}
