//! The target `kpis`: a row per entity and period, a column per channel.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, Float64Array, Int32Array};
use foresite_schema::{Column, DataKind, TableDef, catalog::derived};

use super::assemble::Assembly;
use super::leaf::Value;
use super::number::NumberRules;
use super::rows::{Entities, Rows};
use super::spec::{Channel, ChannelKind};
use super::value::Rejects;
use super::{MappingError, TableBatch};
use crate::Micros;

/// `kpis` with the channels of a mapping.
pub(super) fn table(channels: &[Channel]) -> TableDef {
    derived::kpis().with_columns(channels.iter().map(|channel| {
        let meaning = "imported by a mapping";
        Column::nullable(channel.name.as_str(), DataKind::Double, &channel.unit, meaning)
    }))
}

/// Rows of the shapes that hold all channels of a period in one row.
pub(super) fn wide(
    rows: &Rows<'_>,
    entities: &Entities,
    rejects: &mut Rejects,
) -> Result<TableBatch, MappingError> {
    let mut columns = Vec::new();
    for channel in &rows.spec.channels {
        columns.push((channel, channel_values(rows, channel, rejects)?));
    }
    reject_duplicates(rows, entities, rejects);
    let mut out = Assembly::new(table(&rows.spec.channels), rows.len());
    for (channel, numbers) in columns {
        let numbers = match channel.kind {
            ChannelKind::Cumulative => {
                let order = (0..rows.len()).filter(|row| !rejects.has(*row)).collect();
                let key = |row: usize| (entities.codes[row], rows.times[row]);
                increases(order, key, &numbers, rows.cadence())
            }
            _ => numbers,
        };
        out.set(channel.name.as_str(), Arc::new(numbers));
    }
    out.set("entity_type", entities.kinds.array(rows.len()));
    out.set("entity_id", entities.ids.array(rows.len()));
    out.set_times("period_start", rows.times.iter().copied());
    out.set("granularity_s", granularity(rows, rows.len()));
    out.set_times("known_at", rows.known.iter().copied().map(Some));
    out.finish(rows.spec.name.as_str(), rows.provenance, rows.keep(rejects).as_ref())
}

pub(super) fn granularity(rows: &Rows<'_>, count: usize) -> ArrayRef {
    let seconds = rows.spec.time.cadence_seconds.unwrap_or_default();
    Arc::new(Int32Array::from(vec![i32::try_from(seconds).unwrap_or(i32::MAX); count]))
}

pub(super) fn rules(channel: &Channel) -> NumberRules<'_> {
    NumberRules {
        name: channel.name.as_str(),
        scale: channel.scale,
        offset: channel.offset,
        sentinels: &channel.sentinels,
        zero_allowed: channel.zero_allowed,
        decimal_comma: channel.decimal_comma,
    }
}

fn channel_values(
    rows: &Rows<'_>,
    channel: &Channel,
    rejects: &mut Rejects,
) -> Result<Float64Array, MappingError> {
    let own_name = Value::Column(channel.name.as_str().to_owned());
    let value = channel.value.as_ref().unwrap_or(&own_name);
    let Some(over) = &channel.over else {
        return rows.scope().numbers(value, &rules(channel), rejects);
    };
    // The parts are as written; scale and offset belong to their ratio.
    let part = NumberRules { scale: 1.0, offset: 0.0, ..rules(channel) };
    let above = rows.scope().numbers(value, &part, rejects)?;
    let below = rows.scope().numbers(over, &part, rejects)?;
    let ratios = above.iter().zip(&below).map(|(above, below)| {
        let below = below.filter(|below| *below != 0.0)?;
        let ratio = above? / below * channel.scale + channel.offset;
        ratio.is_finite().then_some(ratio)
    });
    Ok(ratios.collect())
}

/// The same entity, period and release twice: the first row stays.
fn reject_duplicates(rows: &Rows<'_>, entities: &Entities, rejects: &mut Rejects) {
    let key = |row: usize| (entities.codes[row], rows.times[row], rows.known[row]);
    // Most exports are sorted, and sorted rows need no memory of what was seen.
    if (1..rows.len()).all(|row| key(row - 1) < key(row)) {
        return;
    }
    let mut seen = HashSet::with_capacity(rows.len());
    for row in 0..rows.len() {
        if !rejects.has(row) && !seen.insert(key(row)) {
            rejects.add(row, || "the same entity and period stands in the file before".into());
        }
    }
}

/// What a growing counter gained since the entity's row before; null at the first, at a reset, and
/// behind a gap of a period or more, whose gain would pass for that of one period.
pub(super) fn increases(
    mut order: Vec<usize>,
    key: impl Fn(usize) -> (u32, Option<Micros>),
    totals: &Float64Array,
    cadence: Micros,
) -> Float64Array {
    order.sort_by_key(|row| key(*row));
    let mut gained = vec![None; totals.len()];
    for pair in order.windows(2) {
        let (before, now) = (pair[0], pair[1]);
        let ((entity, since), (other, until)) = (key(before), key(now));
        let is_next = entity == other
            && since.zip(until).is_some_and(|(since, until)| until - since < 2 * cadence);
        if is_next && totals.is_valid(before) && totals.is_valid(now) {
            let gain = totals.value(now) - totals.value(before);
            gained[now] = (gain >= 0.0).then_some(gain);
        }
    }
    gained.into_iter().collect()
}
