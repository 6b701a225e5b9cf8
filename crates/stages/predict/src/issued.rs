//! What was said in time already. It stays as it is: people and monitor have seen it.

use std::collections::BTreeSet;

use arrow::array::AsArray as _;
use arrow::datatypes::TimestampMicrosecondType;
use foresite_features::task::Micros;
use foresite_stage::{Context, Lineage, Result};
use foresite_tables::{Read, Slot, Table};

use crate::speaker::Speaker;

/// The last cutoff of the slot that was spoken about in time, in the speaker's place, and is not the
/// newest any more, and the last that was at all; neither where the slot holds this very computation.
pub(crate) fn last_kept(
    cx: &Context,
    table: &Table,
    (speaker, slot): (Speaker<'_>, &Slot),
    lineage: &Lineage,
) -> Result<(Option<Micros>, Option<Micros>)> {
    let Some((start, end)) = slot.period else { return Ok((None, None)) };
    if !cx.is_forced() && table.holds(slot, &cx.commit(lineage))?.is_some() {
        return Ok((None, None));
    }
    let (mut own, mut newest) = (BTreeSet::new(), Micros::MIN);
    in_time(table, start, |cutoff, source| {
        newest = newest.max(cutoff);
        if source == speaker.source() && cutoff < end {
            own.insert(cutoff);
        }
    })?;
    Ok((own.range(..newest).next_back().copied(), own.last().copied()))
}

/// The newest cutoff after `after` that was spoken about in time, by whomever: what a challenger
/// says about older ones is hindsight as well.
pub(crate) fn newest_after(table: &Table, after: Micros) -> Result<Option<Micros>> {
    let mut newest: Option<Micros> = None;
    in_time(table, after + 1, |cutoff, _| newest = newest.max(Some(cutoff)))?;
    Ok(newest)
}

/// Hands on cutoff and source of the statements since `start` that are no replays. What was taken
/// out later was said all the same, so tombstones count.
fn in_time(table: &Table, start: Micros, mut note: impl FnMut(Micros, &str)) -> Result<()> {
    let read = Read::all().columns(["cutoff", "replay", "source"]).period(start, Micros::MAX);
    for batch in table.scan(&read)? {
        let batch = batch?;
        let cutoffs = batch.column(0).as_primitive::<TimestampMicrosecondType>();
        let (replays, sources) = (batch.column(1).as_boolean(), batch.column(2).as_string::<i32>());
        for row in (0..batch.num_rows()).filter(|row| !replays.value(*row)) {
            note(cutoffs.value(row), sources.value(row));
        }
    }
    Ok(())
}
