//! Hours that are derived anew because `objects` changed after they were measured.
//!
//! A cell that is entered late has counters from before its entry. They came, were derived without
//! it and are on no list: what a plan learns about objects therefore reopens the hours that their
//! elements have on record since the change took effect.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use foresite_schema::catalog::raw;
use foresite_stage::{Context, Result};
use foresite_tables::{Micros, Read};

use crate::config::Config;
use crate::ledger::Sent;
use crate::outcome::{Outcome, State};
use crate::plan::IngestPlan;
use crate::stale::{self, HOUR, Slot};

const DAY: i64 = 24 * HOUR;
const COLUMNS: [&str; 8] = [
    "ne_dn",
    "ldn",
    "mo_class",
    "entity_type",
    "entity_id",
    "valid_from",
    "valid_to",
    "lineage_id",
];

/// What a row of `objects` says, whenever it was recorded: texts, valid from, valid to.
type Fact = (Vec<String>, Micros, Option<Micros>);

/// Hours on record in other plans that the objects of this plan change. The objects must be
/// published.
pub(crate) fn slots(
    cx: &Context,
    config: &Config,
    plan: &IngestPlan,
    outcomes: &[Outcome],
) -> Result<BTreeSet<Slot>> {
    let mut slots = BTreeSet::new();
    let since = changed_since(cx, plan, outcomes)?;
    if since.is_empty() {
        return Ok(slots);
    }
    let until = plan.content.as_of;
    let oldest = until - i64::from(config.reopen_days) * DAY;
    for feed in &config.pm {
        let sent = Sent::load(cx.root(), &feed.source, &plan.id, oldest)?;
        let step = i64::from(feed.expect_every_seconds.unwrap_or(3600)) * 1_000_000;
        for (element, from) in &since {
            let from = oldest.max(*from);
            let absent = sent.missing.get(element).into_iter().flatten();
            let absent = absent.map(|start| (*start, start + step));
            let periods = sent.periods.get(element).into_iter().flatten().copied();
            for (start, end) in periods.chain(absent) {
                slots.extend(stale::hours(&feed.source, element, start.max(from), end.min(until)));
            }
        }
    }
    Ok(slots)
}

/// Elements of which the plan brought something new, and since when it holds.
fn changed_since(
    cx: &Context,
    plan: &IngestPlan,
    outcomes: &[Outcome],
) -> Result<BTreeMap<String, Micros>> {
    let mut since: BTreeMap<String, Micros> = BTreeMap::new();
    let is_about = |file: &Outcome| file.kind == "objects" && file.state == State::Taken;
    let table = match outcomes.iter().any(is_about) {
        true => cx.root().find(raw::objects())?,
        false => None,
    };
    let Some(table) = table else {
        return Ok(since);
    };
    let batch = table.read_all(&Read::all().columns(COLUMNS))?;
    let lineages = batch.column(7).as_string::<i32>();
    let is_own = |row: &usize| lineages.value(*row) == plan.content.lineage_id;
    // A snapshot repeats what is known under a new date: that changes nothing.
    let known: BTreeSet<Fact> =
        (0..batch.num_rows()).filter(|row| !is_own(row)).map(|row| fact(&batch, row)).collect();
    for row in (0..batch.num_rows()).filter(is_own) {
        let fact = fact(&batch, row);
        if !known.contains(&fact) {
            let (mut texts, from, _) = fact;
            let first = since.entry(texts.swap_remove(0)).or_insert(from);
            *first = from.min(*first);
        }
    }
    Ok(since)
}

fn fact(batch: &RecordBatch, row: usize) -> Fact {
    let text = |column: usize| batch.column(column).as_string::<i32>().value(row).to_owned();
    let time = |column: usize| {
        let times = batch.column(column).as_primitive::<TimestampMicrosecondType>();
        times.is_valid(row).then(|| times.value(row))
    };
    ((0..5).map(text).collect(), time(5).unwrap_or(Micros::MIN), time(6))
}
