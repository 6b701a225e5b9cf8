//! What monitor said about a challenger beside the champion.

use arrow::array::AsArray as _;
use arrow::datatypes::TimestampMicrosecondType;
use foresite_registry::{Alias, Aliases, Event};
use foresite_schema::catalog::watch;
use foresite_stage::{Context, Result};
use foresite_tables::{Micros, Read};

/// Older measurements, of more than three days, say nothing about today.
const FRESH: Micros = 3 * 24 * 3_600_000_000;

/// Whether the newest measurement of the challenger beside the present champion says that it is better.
pub(crate) fn beat_champion(cx: &Context, events: &[Event], model_id: &str) -> Result<bool> {
    if Aliases::of(events).get(Alias::Challenger) != Some(model_id) {
        return Ok(false);
    }
    let Some(table) = cx.root().find(watch::performance())? else {
        return Ok(false);
    };
    let crowned = events.iter().rev().find(|event| event.alias == Some(Alias::Champion));
    let since = crowned.map_or(Micros::MIN, |event| event.at).max(cx.as_of() - FRESH);
    let read = Read::all()
        .period(since, cx.as_of() + 1)
        .text("model_id", model_id)
        .text("metric", watch::LOSS_AGAINST_CHAMPION)
        .as_of(cx.as_of());
    let rows = table.read(&read)?;
    let (Some(ends), Some(states)) =
        (rows.column_by_name("window_end"), rows.column_by_name("state"))
    else {
        return Ok(false);
    };
    let ends = ends.as_primitive::<TimestampMicrosecondType>();
    let states = states.as_string::<i32>();
    let newest = (0..rows.num_rows()).max_by_key(|&row| ends.value(row));
    Ok(newest.is_some_and(|row| states.value(row) == "ok"))
}
