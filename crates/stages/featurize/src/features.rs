//! Step `features`: rows of `features_<task>` for the cutoffs of the interval.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use foresite_features::kernel::{Extractor, columns};
use foresite_features::profile::Profiles;
use foresite_features::task::{HOUR, Micros, Task, Transform};
use foresite_schema::catalog::derived;
use foresite_stage::{Context, Inputs, Lineage, Report, Result};
use rayon::prelude::*;

use crate::Config;
use crate::inputs::{World, profiles};
use crate::series::{Block, Usual, Wanted, blocks};
use crate::stamp::{SOURCE, batch, buckets, falses, replace, text, texts, times};

pub(crate) fn run(cx: &Context, config: &Config) -> Result<Report> {
    let mut inputs = Inputs::new();
    let task = crate::task::load(cx, config, &mut inputs)?;
    let interval = cx.interval()?;
    let cutoffs: Vec<Micros> = task.cutoffs.of_interval(interval.start, interval.end).collect();
    // Between two cutoffs there is nothing to read: the slot is empty and known to be.
    let rows = match (cutoffs.first(), cutoffs.last()) {
        (Some(first), Some(last)) => {
            let span = (task.cutoffs.period_end(*first), task.cutoffs.period_end(*last));
            compute(cx, config, (&task, &cutoffs, span), &mut inputs)?
        }
        _ => Rows::default(),
    };
    let lineage = cx.lineage((interval.start, interval.end), &inputs)?;
    let mut report = cx.report();
    report.lineage_id = Some(lineage.id.clone());
    report.number("cutoffs", cutoffs.len() as u64);
    if cx.is_dry_run() {
        return Ok(report);
    }
    let table = cx.table(derived::features(&task.task).with_columns(columns(&task)))?;
    let rows = rows.into_batch(cx, &task, &lineage)?;
    replace(cx, &table, interval, &rows, &lineage, &mut report)?;
    Ok(report)
}

/// Reads what the cutoffs may see, block by block, and computes their rows.
fn compute(
    cx: &Context,
    config: &Config,
    (task, cutoffs, (first, last)): (&Task, &[Micros], (Micros, Micros)),
    inputs: &mut Inputs,
) -> Result<Rows> {
    let wanted = Wanted { task, period: (first - reach(task), last), own: false };
    wanted.check(cx)?;
    let world = World::read(cx, memory(task, wanted.period.0), inputs)?;
    let entities = world.entities(cx, task)?;
    let usable = match wanted.reads_profiles() {
        true => profiles(cx, (first, cx.as_of() + 1), inputs)?,
        false => Profiles::default(),
    };
    if wanted.reads_profiles() && usable.at(cx.as_of()).is_none() {
        tracing::warn!("no profile is usable: run featurize --step profiles first");
    }
    let usual = Usual::Stored(usable);
    let mut rows = Rows::default();
    for entities in blocks(config, &wanted, &world.network, &entities) {
        let block = Block::read(cx, &wanted, &world, entities, inputs)?;
        if !cx.is_dry_run() {
            rows.extract(task, &world, (&block, &usual), cutoffs);
        }
    }
    Ok(rows)
}

/// How far before its cutoff a feature reads series: its windows, or the silence of a day.
pub(crate) fn reach(task: &Task) -> Micros {
    let windows = task.inputs.rolling.iter().flat_map(|rolling| &rolling.windows);
    let longest = windows.map(|window| window.micros()).max().unwrap_or(0);
    let silence = if task.inputs.silence.is_empty() { 0 } else { 24 * HOUR };
    let newest = if task.inputs.transform == Transform::Profile { HOUR } else { 0 };
    longest.max(silence).max(newest)
}

/// From when on alarms matter to features at and after `start`.
pub(crate) fn memory(task: &Task, start: Micros) -> Micros {
    let events = task.inputs.events.as_ref();
    let windows = events.into_iter().flat_map(|events| &events.windows);
    let longest = windows.map(|window| window.micros()).max().unwrap_or(0);
    start - events.map_or(0, |events| events.memory.micros()).max(longest)
}

/// Feature rows by entity and cutoff.
#[derive(Default)]
struct Rows {
    entities: Vec<String>,
    cutoffs: Vec<Micros>,
    /// `[rows, features]`
    values: Vec<f64>,
}

impl Rows {
    fn extract(
        &mut self,
        task: &Task,
        world: &World,
        (block, usual): (&Block, &Usual),
        cutoffs: &[Micros],
    ) {
        let views = block.views(usual, &world.network);
        let extractor = Extractor::new(task, views.sources(world));
        let of = |entity: &String| {
            let there = |at: &Micros| world.is_in_service(entity, *at);
            let cutoffs: Vec<Micros> = cutoffs.iter().copied().filter(there).collect();
            let values = extractor.rows(entity, &cutoffs);
            (cutoffs, values)
        };
        let found: Vec<_> = block.entities.par_iter().map(of).collect();
        for (entity, (cutoffs, values)) in block.entities.iter().zip(found) {
            self.entities.extend(std::iter::repeat_n(entity.clone(), cutoffs.len()));
            self.cutoffs.extend(cutoffs);
            self.values.extend(values);
        }
    }

    fn into_batch(self, cx: &Context, task: &Task, lineage: &Lineage) -> Result<RecordBatch> {
        let count = self.entities.len();
        let ids = || self.entities.iter().map(String::as_str);
        // The period is the last hour before the cutoff's period ends, so that it lies in the slot.
        let hour = HOUR.min(task.cutoffs.step.micros());
        let starts = self.cutoffs.iter().map(|at| Some(task.cutoffs.period_end(*at) - hour));
        let known = self.cutoffs.iter().map(|cutoff| Some((*cutoff).min(cx.as_of())));
        let mut all: Vec<(String, ArrayRef)> = vec![
            ("source".to_owned(), text(SOURCE, count)),
            ("bucket".to_owned(), buckets(ids())),
            ("entity_type".to_owned(), text(&task.entity_type, count)),
            ("entity_id".to_owned(), texts(ids().map(Some))),
            ("period_start".to_owned(), times(starts)),
            ("tombstone".to_owned(), falses(count)),
            ("known_at".to_owned(), times(known)),
            ("ingested_at".to_owned(), times(vec![Some(cx.now()); count])),
            ("lineage_id".to_owned(), text(&lineage.id, count)),
        ];
        let columns = columns(task);
        for (index, column) in columns.iter().enumerate() {
            let values = self.values.iter().skip(index).step_by(columns.len());
            let values = values.map(|value| (!value.is_nan()).then_some(*value));
            all.push((column.name.clone(), Arc::new(Float64Array::from_iter(values))));
        }
        batch(all)
    }
}
